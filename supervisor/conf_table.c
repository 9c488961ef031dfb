/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of settings. Reading, checking, defaults, freeing and the example
 * file all follow it, and what a reload does with a change; rows of one block
 * stand together.
 */
#include "supervisor/conf_table.h"

#include <stdint.h>
#include <string.h>

#include "supervisor/conf.h"

#define NOT_YET "is not available in this version yet; leave it out"
#define DEADLINE_MIN 0.05
#define DEADLINE_MAX (7 * 86400.0)
#define WATCH_MAX 540.0		/* within the ten minutes of samples that are kept */

#define AT(field) .offset = offsetof(struct conf, field)
#define IN_LISTENER(field) .scope = CONF_LISTENER, .offset = offsetof(struct conf_listener, field)
#define IN_BACKEND(field) .scope = CONF_BACKEND, .offset = offsetof(struct conf_backend, field)
#define IN_CERTIFICATE(field) .scope = CONF_CERTIFICATE, .offset = offsetof(struct conf_certificate, field)
#define GROUPS(scope_, array, element) \
	.type = CONF_GROUPS, .of = scope_, AT(array), .count = offsetof(struct conf, array##_n), \
	.size = sizeof(struct element), .min = 1, .required = true

/* What each deadline is. A deadline without this does not compile. */
#define HELP_DEADLINE_HELLO "From accept until the ClientHello is complete; at most handshake."
#define HELP_DEADLINE_HANDSHAKE "From accept until the handshake is done."
#define HELP_DEADLINE_CONNECT "For one server of a backend to accept; then the next one is tried."
#define HELP_DEADLINE_IDLE "No byte either way, and nothing waits for a slow peer. 0: none."
#define HELP_DEADLINE_PROGRESS "Bytes are waiting for a peer whose TCP answers nothing. 0: none."
#define HELP_DEADLINE_CLOSED_WINDOW "Bytes are waiting for a peer whose TCP takes no more of them. 0: none."
#define HELP_DEADLINE_HALF_CLOSE "One side has said goodbye and the other sends nothing. 0: none."
#define HELP_DEADLINE_LINGER "From our last byte until the peer's TCP has acknowledged it."
#define HELP_DEADLINE_LIFETIME "From accept, whatever happens. 0: none."
#define HELP_DEADLINE_DRAIN "For the connections of a worker that was told to end."

#define TIMEOUT_ROW(id, ms_, zero_) \
	.type = CONF_DEADLINE, .effect = CONF_IN_PLACE, .min = DEADLINE_MIN, .max = DEADLINE_MAX, .zero = zero_, .number = ms_, \
	.help = HELP_##id

const struct conf_setting conf_table[] = {
	{ .path = "workers", .effect = CONF_NEW_WORKERS, .type = CONF_WORKERS, AT(workers), .min = 1, .max = 64,
	  .help = "Worker processes: \"auto\" for one per processor that tlsward may use, or a number." },
	{ .path = "user", .effect = CONF_RESTART, .type = CONF_STRING, AT(user), .text = "tlsward",
	  .help = "The user of workers and logger, by name or number. Without root all processes run as who started tlsward." },
	{ .path = "keeper_user", .effect = CONF_RESTART, .type = CONF_STRING, AT(keeper_user), .text = "tlsward-keys",
	  .help = "The user of the keeper, the one process that holds private keys." },
	{ .path = "librarian_user", .effect = CONF_RESTART, .type = CONF_STRING, AT(librarian_user), .text = "tlsward-lib",
	  .help = "The user of the librarian, which parses certificates and resolves names." },
	{ .path = "state_directory", .effect = CONF_RESTART, .type = CONF_STRING, AT(state_directory), .text = LOCALSTATEDIR "/lib/tlsward",
	  .fix = conf_fix_path, .help = "Where tlsward keeps what outlives it." },
	{ .path = "sandbox", .effect = CONF_RESTART, .type = CONF_ON_OFF, AT(sandbox), .number = 1,
	  .help = "\"off\" runs the processes without filters of system calls, for debugging; refused as root without --insecure." },

	{ .path = "control.socket", .effect = CONF_RESTART, .type = CONF_STRING, AT(control.socket), .text = "/run/tlsward/control.sock",
	  .fix = conf_fix_socket, .help = "The Unix socket that tlswardctl speaks to." },
	{ .path = "control.group", .effect = CONF_RESTART, .type = CONF_STRING, AT(control.group), .text = "tlsward-admin", .may_be_empty = true,
	  .help = "The group that may connect to it, and so read; \"\" for nobody but its owner." },
	{ .path = "control.admins", .effect = CONF_RESTART, .type = CONF_STRINGS, AT(control.admins), .max = 64, .text = "root", .fix = conf_fix_admin,
	  .help = "Users and @groups that may change things, too." },

	{ .path = "log.to", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(log.to), .text = "stderr", .fix = conf_fix_log_to,
	  .help = "\"stderr\", \"syslog\", \"journal\" or the path of a file." },
	{ .path = "log.format", .effect = CONF_IN_PLACE, .type = CONF_CHOICE, AT(log.format), .words = "logfmt json",
	  .help = "\"logfmt\" or \"json\"." },
	{ .path = "log.level", .effect = CONF_IN_PLACE, .type = CONF_CHOICE, AT(log.level), .words = "debug info notice warning error", .number = 1,
	  .help = "The least severe lines that are written: \"debug\", \"info\", \"notice\", \"warning\" or \"error\"." },
	{ .path = "log.connections", .effect = CONF_IN_PLACE, .type = CONF_BOOL, AT(log.connections), .number = 1,
	  .help = "One line per connection, at its end." },

	{ .path = "listeners", .effect = CONF_NEW_WORKERS, GROUPS(CONF_LISTENER, listeners, conf_listener), .max = CONF_LISTENERS_MAX,
	  .help = "Where clients come in." },
	{ .path = "name", .effect = CONF_NEW_WORKERS, .type = CONF_STRING, IN_LISTENER(name), .required = true, .fix = conf_fix_name, .example = "\"https\"",
	  .help = "Its name in logs and answers." },
	{ .path = "address", .effect = CONF_NEW_WORKERS, .type = CONF_STRING, IN_LISTENER(address), .required = true, .fix = conf_fix_ip, .example = "\"0.0.0.0\"",
	  .help = "An IPv4 or IPv6 address of this machine; \"0.0.0.0\" or \"::\" for all of a kind." },
	{ .path = "port", .effect = CONF_NEW_WORKERS, .type = CONF_PORT, IN_LISTENER(port), .min = 1, .max = 65535, .required = true, .example = "443",
	  .help = "The TCP port." },
	{ .path = "backend", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_LISTENER(backend), .required = true, .fix = conf_fix_name, .example = "\"app\"",
	  .help = "The name of one of the backends." },
	{ .path = "alpn", .effect = CONF_IN_PLACE, .type = CONF_STRINGS, IN_LISTENER(alpn), .max = 8, .fix = conf_fix_alpn, .example = "[ \"http/1.1\" ]",
	  .help = "Protocols offered by ALPN, the preferred first; none without it." },
	{ .path = "default_certificate", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_LISTENER(default_certificate), .fix = conf_fix_host,
	  .example = "\"www.example.org\"",
	  .help = "The host name whose certificate a client gets that names no host; without it such clients are refused." },
#define X(id, name_, ms_, zero_) \
	{ .path = "timeouts." name_, IN_LISTENER(deadlines.ms[id]), TIMEOUT_ROW(id, CONF_INHERITED, zero_), \
	  .refused = (id) == DEADLINE_DRAIN ? "is one for all listeners; write it in the timeouts block outside of listeners" : NULL },
	DEADLINES(X)
#undef X

	{ .path = "backends", .effect = CONF_IN_PLACE, GROUPS(CONF_BACKEND, backends, conf_backend), .max = CONF_BACKENDS_MAX,
	  .help = "What connections are relayed to." },
	{ .path = "name", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_BACKEND(name), .required = true, .fix = conf_fix_name, .example = "\"app\"",
	  .help = "The name that listeners use." },
	{ .path = "servers", .effect = CONF_IN_PLACE, .type = CONF_STRINGS, IN_BACKEND(servers), .min = 1, .max = 64, .required = true, .fix = conf_fix_server,
	  .example = "[ \"127.0.0.1:8080\" ]",
	  .help = "Taken in turn: \"address:port\", \"[address]:port\", \"host:port\" or \"unix:/path\"." },
	{ .path = "proxy_protocol", .effect = CONF_IN_PLACE, .type = CONF_INT, IN_BACKEND(proxy_protocol), .max = 2,
	  .help = "Version of the PROXY header that tells the server who the client is: 1 or 2; 0 for none." },

	{ .path = "certificates", .effect = CONF_IN_PLACE, GROUPS(CONF_CERTIFICATE, certificates, conf_certificate), .max = 100000,
	  .help = "Each with chain and key, with chain alone (the key is in the same file), or with directory." },
	{ .path = "chain", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_CERTIFICATE(chain), .fix = conf_fix_path, .in_example = true,
	  .example = "\"/etc/tlsward/example.pem\"",
	  .help = "A PEM file: the certificate, then its intermediates." },
	{ .path = "key", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_CERTIFICATE(key), .fix = conf_fix_path, .in_example = true,
	  .example = "\"/etc/tlsward/example.key\"",
	  .help = "The PEM file of its private key." },
	{ .path = "directory", .effect = CONF_IN_PLACE, .type = CONF_STRING, IN_CERTIFICATE(directory), .fix = conf_fix_path, .example = "\"/etc/tlsward/certs.d\"",
	  .help = "A folder of such files, instead of chain and key." },

	{ .path = "tls.minimum", .effect = CONF_IN_PLACE, .type = CONF_CHOICE, AT(tls.minimum), .words = "1.2 1.3",
	  .help = "The oldest version of TLS that is spoken: \"1.2\" or \"1.3\"." },
	{ .path = "tls.tickets", .effect = CONF_IN_PLACE, .type = CONF_BOOL, AT(tls.tickets), .number = 1,
	  .help = "Session tickets, so that a client that comes again has a shorter handshake." },
	{ .path = "tls.truncation", .effect = CONF_IN_PLACE, .type = CONF_CHOICE, AT(tls.truncation), .words = "error half_close",
	  .help = "What the end of a client's TCP stream without close_notify is: an \"error\", or as good a goodbye (\"half_close\")." },
	{ .path = "tls.priority", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(tls.priority), .text = "", .max = 1024, .may_be_empty = true,
	  .fix = conf_fix_priority, .help = "A GnuTLS priority string instead of tlsward's own; \"\" for that." },

#define X(id, name_, ms_, zero_) \
	{ .path = "timeouts." name_, AT(deadlines.ms[id]), TIMEOUT_ROW(id, ms_, zero_) },
	DEADLINES(X)
#undef X

	{ .path = "limits.connections", .effect = CONF_NEW_WORKERS, .type = CONF_INT, AT(limits.connections), .max = 1000000,
	  .help = "Connections in all workers together; 0: as many as the descriptors suffice for." },
	{ .path = "limits.per_address", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.per_address), .max = 1000000,
	  .help = "Connections from one IPv4 address or one /64 of IPv6, in all workers together. 0: no limit." },
	{ .path = "limits.handshakes", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.handshakes), .max = 1000000,
	  .help = "Connections that have not ended their handshake, in all workers together. 0: no limit." },
	{ .path = "limits.descriptors", .effect = CONF_NEW_WORKERS, .type = CONF_INT, AT(limits.descriptors), .min = 64, .max = 1048576, .zero = true,
	  .help = "Descriptors of one worker. 0: RLIMIT_NOFILE." },
	{ .path = "limits.spill_mb", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.spill_mb), .min = 1, .max = 65536, .number = 64,
	  .help = "MiB that one worker keeps for peers that read more slowly than the other side sends." },
	{ .path = "limits.spill_kb", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.spill_kb), .min = 16, .max = 1048576, .number = 1024,
	  .help = "KiB of these for one connection." },
	{ .path = "limits.holds", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.holds), .max = 1000000, .number = 1000,
	  .help = "Connections that are held for a certificate or chain, divided evenly among the workers." },
	{ .path = "limits.holds_per_name", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.holds_per_name), .max = 1000000, .number = 100,
	  .help = "The same, for one host name." },
	{ .path = "limits.spurious_wakeups", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(limits.spurious_wakeups), .max = 1000000, .number = 200,
	  .help = "Wake-ups without progress in a second that end a connection. 0: none do." },

	{ .path = "policy.scripts", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(policy.scripts), .fix = conf_fix_path, .example = "\"/etc/tlsward/policy.d\"",
	  .help = "A folder of Lua scripts, *.lua, asked in the order of their names; without it the configuration alone decides." },
	{ .path = "policy.budget_ms", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(policy.budget_ms), .min = 1, .max = 60000, .number = 10,
	  .help = "Milliseconds of CPU time that one call of a script may take." },
	{ .path = "policy.memory", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(policy.memory), .min = 131072, .max = 1073741824, .number = 1048576,
	  .help = "Bytes that one script may use in one process." },
	{ .path = "policy.settings", .effect = CONF_IN_PLACE, .type = CONF_SCRIPTS, AT(policy.settings), .count = offsetof(struct conf, policy.settings_n),
	  .example = "{ frontdoor = { greylist = true; }; }",
	  .help = "A block for each script that has settings: strings, numbers, true and false. Those that do not fit the defaults of a script are errors." },
	{ .path = "chains.sources", .effect = CONF_IN_PLACE, .type = CONF_STRINGS, AT(chains.sources), .min = 1, .max = CHAIN_SOURCE_COUNT, .text = "file store cache aia",
	  .fix = conf_fix_source,
	  .help = "Where the certificates between a server's own and a root come from, the preferred first: its \"file\", the \"store\", what was fetched before (\"cache\"), and the URL in the certificate (\"aia\")." },
	{ .path = "chains.store", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(chains.store), .fix = conf_fix_path, .example = "\"" CONF_STORE "\"",
	  .help = "A folder of certificates of authorities; their roots tell where a chain is complete. Without it " CONF_STORE ", if it is there." },
	{ .path = "aia.timeout", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(aia.timeout), .min = 0.1, .max = 60, .number = 5,
	  .help = "Seconds for all of one fetch of a missing certificate." },
	{ .path = "aia.size", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(aia.size), .min = 1024, .max = 65536, .number = 65536,
	  .help = "Bytes that the answer may have." },
	{ .path = "aia.private_addresses", .effect = CONF_IN_PLACE, .type = CONF_BOOL, AT(aia.private_addresses),
	  .help = "Whether a URL may lead to loopback, private and other addresses that are not public." },
	{ .path = "ocsp.staple", .effect = CONF_IN_PLACE, .type = CONF_BOOL, AT(ocsp.staple), .number = 1,
	  .help = "Whether OCSP responses are fetched and served with the certificates that name a responder." },
	{ .path = "ocsp.timeout", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(ocsp.timeout), .min = 0.1, .max = 60, .number = 5,
	  .help = "Seconds for all of one fetch of a response; aia.private_addresses counts for responders, too." },
	{ .path = "acme.directory", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(acme.directory), .fix = conf_fix_https,
	  .example = "\"https://acme.example.org/directory\"",
	  .help = "The URL of a CA's ACME directory, from which certificates are ordered; without it none are." },
	{ .path = "acme.names", .effect = CONF_IN_PLACE, .type = CONF_STRINGS, AT(acme.names), .max = ACME_NAMES_CONF_MAX, .text = "", .fix = conf_fix_acme_name,
	  .help = "Host names that get a certificate each." },
	{ .path = "acme.hosts", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(acme.hosts), .text = "", .may_be_empty = true, .fix = conf_fix_path_or_none,
	  .help = "The file of a host set with more of them, which is followed; \"\" for none." },
	{ .path = "acme.contact", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(acme.contact), .text = "", .may_be_empty = true, .fix = conf_fix_contact,
	  .help = "The e-mail address that the CA is told; \"\" for none." },
	{ .path = "acme.challenge", .effect = CONF_IN_PLACE, .type = CONF_CHOICE, AT(acme.challenge), .words = "tls-alpn-01 http-01",
	  .help = "How the CA sees that a name is ours: \"tls-alpn-01\", by asking a listener on port 443; or \"http-01\", by a file in webroot." },
	{ .path = "acme.webroot", .effect = CONF_IN_PLACE, .type = CONF_STRING, AT(acme.webroot), .text = "", .may_be_empty = true, .fix = conf_fix_path_or_none,
	  .help = "The folder that a web server on port 80 serves for these names; librarian_user writes below its .well-known/acme-challenge." },
	{ .path = "acme.on_demand", .effect = CONF_IN_PLACE, .type = CONF_BOOL, AT(acme.on_demand),
	  .help = "Order a certificate when a client first asks for the name, instead of at once." },
	{ .path = "acme.timeout", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(acme.timeout), .min = 1, .max = 3600, .number = 120,
	  .help = "Seconds for all of one order." },
	{ .path = "acme.orders_per_hour", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(acme.orders_per_hour), .min = 1, .max = 1000, .number = 20,
	  .help = "Orders that are begun within an hour." },

	{ .path = "keeper.deadline", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(keeper.deadline), .min = 0.05, .max = 5, .number = 0.25,
	  .help = "Seconds that a worker waits for a signature before it takes the keeper for down." },

	{ .path = "watch.interval", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(watch.interval), .min = 0.1, .max = 60, .number = 1,
	  .help = "Seconds between two looks at each process." },
	{ .path = "watch.fd_leak.above", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(watch.fd_leak.above), .min = 1, .max = 1000000, .number = 64,
	  .help = "Descriptors that nobody accounts for, or connections past their deadlines that still hold one, ..." },
	{ .path = "watch.fd_leak.for", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(watch.fd_leak.for_s), .min = 0.2, .max = WATCH_MAX, .number = 10,
	  .help = "... that make a process sick if there are more of them for so many seconds and they do not become fewer." },
	{ .path = "watch.cpu_spin.share", .effect = CONF_IN_PLACE, .type = CONF_REAL, AT(watch.cpu_spin.share), .min = 0.1, .max = 1, .number = 0.9,
	  .help = "The share of a processor's time ..." },
	{ .path = "watch.cpu_spin.for", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(watch.cpu_spin.for_s), .min = 0.2, .max = WATCH_MAX, .number = 5,
	  .help = "... that makes a process sick if it takes it for so many seconds and its work does not explain that." },
	{ .path = "watch.stall.after", .effect = CONF_IN_PLACE, .type = CONF_SECONDS, AT(watch.stall.after), .min = 2, .max = WATCH_MAX, .number = 5,
	  .help = "Seconds without a turn of its loop that make a process sick. They turn once a second at least." },
	{ .path = "watch.memory.limit_mb", .effect = CONF_IN_PLACE, .type = CONF_INT, AT(watch.memory.limit_mb), .max = 1048576,
	  .help = "MiB of memory of its own, without what processes share, that make a process sick. 0: only if it grows for no reason." },
};
const size_t conf_table_n = sizeof conf_table / sizeof conf_table[0];

const struct conf_setting *conf_table_find(enum conf_scope scope, const char *path)
{
	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].scope == scope && strcmp(conf_table[i].path, path) == 0)
			return &conf_table[i];
	return NULL;
}

bool conf_table_is_block(enum conf_scope scope, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].scope == scope && strncmp(conf_table[i].path, path, n) == 0 && conf_table[i].path[n] == '.')
			return true;
	return false;
}
