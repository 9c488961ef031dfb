/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/follow.h"
#include "ctl/show.h"
#include "ctl/top.h"

#define REPLACE_MS 35000	/* the server gives up before */
#define RELOAD_MS 65000		/* so it does */
#define WITNESS_MS 15000	/* so does it here */

static enum exit_code run_status(struct run *run)
{
	return ask(run, "status", show_status);
}

static enum exit_code run_workers(struct run *run)
{
	return ask(run, "workers", show_workers);
}

/* The argument as the parameter of that name. */
static bool take_number(struct run *run, const char *command, const char *param)
{
	char text[160], *end;
	bool worker = strcmp(param, "worker") == 0;

	errno = 0;
	long long n = strtoll(run->args[0], &end, 10);
	if (end != run->args[0] && *end == '\0' && n >= 1 && errno == 0) {
		json_object_set_new(run->params, param, json_integer(n));
		return true;
	}
	snprintf(text, sizeof text, "%s: %s; `tlswardctl %s` lists them", command, worker ?
		"N is the number of a worker, from 1" : "ID is the number of a connection", worker ? "workers" : "connections");
	complain(text);
	return false;
}

static enum exit_code run_worker(struct run *run)
{
	return take_number(run, "worker", "worker") ? ask(run, "worker", show_worker) : EXIT_USAGE;
}

static enum exit_code run_explain(struct run *run)
{
	/* "-": a client that names no host. */
	if (strcmp(run->args[0], "-") != 0 && json_object_set_new(run->params, "host", json_string(run->args[0])) < 0) {
		complain("explain: HOST must be a host name, in ASCII");
		return EXIT_USAGE;
	}
	return ask(run, "explain", show_explain);
}

static enum exit_code run_policies(struct run *run)
{
	return ask(run, "policies", show_policies);
}

static enum exit_code run_help(struct run *run)
{
	const struct command *only = run->args[0] ? command_find(run->args[0]) : NULL;

	if (run->args[0] && !only) {
		no_such_command(run->args[0]);
		return EXIT_USAGE;
	}
	if (run->json)
		return ask(run, "help", NULL);
	commands_usage(stdout, only);
	return EXIT_OK;
}

static enum exit_code run_connections(struct run *run)
{
	json_t *all;

	if (json_object_get(run->params, "end"))
		json_object_set_new(run->params, "ended", json_true());
	enum exit_code rc = ask_pages(run, "connections", "connections", &all);
	if (rc == EXIT_OK && run->json)
		print_json(all);
	else if (rc == EXIT_OK)
		show_connections(all, json_is_true(json_object_get(run->params, "ended")));
	if (rc == EXIT_OK)
		tell_more(run, all, "connections");
	json_decref(all);
	return rc;
}

static enum exit_code run_hosts(struct run *run)
{
	json_t *all;
	enum exit_code rc = ask_pages(run, "hosts", "hosts", &all);

	if (rc == EXIT_OK && run->json)
		print_json(all);
	else if (rc == EXIT_OK)
		show_hosts(all);
	if (rc == EXIT_OK)
		tell_more(run, all, "hosts");
	json_decref(all);
	return rc;
}

static enum exit_code run_chains(struct run *run)
{
	json_t *all;
	enum exit_code rc = ask_pages(run, "chains", "chains", &all);

	if (rc == EXIT_OK && run->json)
		print_json(all);
	else if (rc == EXIT_OK)
		show_chains(all);
	if (rc == EXIT_OK)
		tell_more(run, all, "chains");
	json_decref(all);
	return rc;
}

static enum exit_code run_host(struct run *run)
{
	json_t *name = json_string(run->args[0]);

	if (!name) {
		complain("host: NAME must be a host name, in ASCII");
		return EXIT_USAGE;
	}
	json_object_set_new(run->params, "name", name);
	return ask(run, "host", show_host);
}

static enum exit_code run_fetch(struct run *run)
{
	if (run->args[0] && json_object_set_new(run->params, "what", json_string(run->args[0])) < 0) {
		complain("fetch: must be a host name or a URL, in ASCII");
		return EXIT_USAGE;
	}
	return ask(run, "fetch", show_fetch);
}

static enum exit_code run_waits(struct run *run)
{
	return ask(run, "waits", show_waits);
}

static enum exit_code run_backends(struct run *run)
{
	return ask(run, "backends", show_backends);
}

static enum exit_code run_metrics(struct run *run)
{
	return ask(run, "metrics", show_metrics);
}

static enum exit_code run_drain(struct run *run)
{
	if (strcmp(run->args[0], "all") == 0)
		json_object_set_new(run->params, "all", json_true());
	else if (!take_number(run, "drain", "worker"))
		return EXIT_USAGE;
	return ask(run, "drain", show_drain);
}

static enum exit_code run_replace(struct run *run)
{
	return take_number(run, "replace", "worker") ? ask_within(run, REPLACE_MS, "replace", show_replace) : EXIT_USAGE;
}

static enum exit_code run_reload(struct run *run)
{
	return ask_within(run, RELOAD_MS, "reload", show_reload);
}

static enum exit_code run_close(struct run *run)
{
	return take_number(run, "close", "id") ? ask(run, "close", show_close) : EXIT_USAGE;
}

static enum exit_code run_incidents(struct run *run)
{
	return ask(run, "incidents", show_incidents);
}

static enum exit_code run_incident(struct run *run)
{
	json_object_set_new(run->params, "id", json_string(run->args[0]));
	return ask(run, "incident", show_incident);
}

/* The number of a worker, or a role. */
static bool take_suspect(struct run *run, const char *command)
{
	if (run->args[0][0] >= '0' && run->args[0][0] <= '9')
		return take_number(run, command, "worker");
	json_object_set_new(run->params, "role", json_string(run->args[0]));
	return true;
}

static enum exit_code run_descriptors(struct run *run)
{
	return take_suspect(run, "descriptors") ? ask(run, "descriptors", show_descriptors) : EXIT_USAGE;
}

static enum exit_code run_witness(struct run *run)
{
	return take_suspect(run, "witness") ? ask_within(run, WITNESS_MS, "witness", show_witness) : EXIT_USAGE;
}

static enum exit_code run_log_level(struct run *run)
{
	json_object_set_new(run->params, "level", json_string(run->args[0]));
	return ask(run, "log-level", show_log_level);
}

static const struct command_option none[] = { { 0 } };

static const struct command_option connections_options[] = {
	{ "phase", OPTION_STRING, "PHASE", "hello, hold, handshake, connect, relay or closing" },
	{ "sni", OPTION_STRING, "NAME", "for that name; *.example.org for all below example.org" },
	{ "peer", OPTION_STRING, "ADDR", "from that address, or a prefix such as 10.0.0.0/8" },
	{ "listener", OPTION_STRING, "NAME", "taken by that listener" },
	{ "backend", OPTION_STRING, "NAME", "for that backend" },
	{ "end", OPTION_STRING, "REASON", "ended for that reason (implies --ended)" },
	{ "restless", OPTION_FLAG, NULL, "with 10 or more wake-ups that made no progress" },
	{ "older", OPTION_NUMBER, "SECONDS", "accepted at least so long ago; ended: lasted so long" },
	{ "ended", OPTION_FLAG, NULL, "the last that ended, newest first, not those that live" },
	{ "worker", OPTION_INTEGER, "N", "of that worker" },
	{ "limit", OPTION_INTEGER, "N", "at most so many (100)" },
	{ 0 }
};

static const struct command_option hosts_options[] = {
	{ "name", OPTION_STRING, "NAME", "that name; *.example.org for all below example.org" },
	{ "expiring", OPTION_NUMBER, "DAYS", "those of which a certificate ends within so many days" },
	{ "failing", OPTION_FLAG, NULL, "those for which an order or a fetch has failed" },
	{ "incomplete", OPTION_FLAG, NULL, "those of which a certificate's chain is incomplete" },
	{ "limit", OPTION_INTEGER, "N", "at most so many (100)" },
	{ 0 }
};

static const struct command_option chains_options[] = {
	{ "name", OPTION_STRING, "NAME", "of that name; *.example.org for all below example.org" },
	{ "limit", OPTION_INTEGER, "N", "at most so many (100)" },
	{ 0 }
};

static const struct command_option explain_options[] = {
	{ "from", OPTION_STRING, "ADDR", "as a client with that address (192.0.2.1)" },
	{ "alpn", OPTION_STRING, "LIST", "that offers these protocols, such as h2,http/1.1" },
	{ "listener", OPTION_STRING, "NAME", "and comes to that listener (the first one)" },
	{ 0 }
};

static const struct command commands[] = {
	{ "status", NULL, "the whole in numbers: processes, totals, ends by reason", none, run_status },
	{ "workers", NULL, "the workers, a line each", none, run_workers },
	{ "worker", "N", "everything about worker N", none, run_worker },
	{ "connections", NULL, "the connections, a line each", connections_options, run_connections },
	{ "hosts", NULL, "the names that certificates cover, a line each", hosts_options, run_hosts },
	{ "host", "NAME", "one name: its certificates, and who asked for it", none, run_host },
	{ "chains", NULL, "the certificates, and what is wrong with their chains", chains_options, run_chains },
	{ "fetch", "[HOST|URL]", "fetch missing certificates now", none, run_fetch },
	{ "explain", "HOST", "what would be decided for HOST (- for no name)", explain_options, run_explain },
	{ "policies", NULL, "the scripts of the policy and their host sets", none, run_policies },
	{ "waits", NULL, "the names that connections are held for", none, run_waits },
	{ "backends", NULL, "the servers of the backends, a line each", none, run_backends },
	{ "metrics", NULL, "every number, as Prometheus reads them", none, run_metrics },
	{ "events", NULL, "what happens from now on, a line each, until interrupted", none, follow_events },
	{ "incidents", NULL, "reports on processes that were sick or died, a line each", none, run_incidents },
	{ "incident", "ID", "one report (last: the newest): its story, then its parts", none, run_incident },
	{ "descriptors", "N|ROLE", "the descriptors of worker N, and whose each is", none, run_descriptors },
	{ "top", NULL, "a live screen: rates, CPU, restless connections", top_options, top },
	{ "witness", "N|ROLE", "write a report on worker N as it is now", none, run_witness },
	{ "reload", NULL, "read configuration and files again, and say what changed", none, run_reload },
	{ "drain", "N|all", "worker N, or all: no more connections, end with the last", none, run_drain },
	{ "replace", "N", "start a successor of worker N, then drain it", none, run_replace },
	{ "close", "ID", "end the connection with that ID", none, run_close },
	{ "log-level", "LEVEL", "log from LEVEL on: debug, info, notice, warning, error", none, run_log_level },
	{ "help", "[COMMAND]", "this text, or what it says of one command", none, run_help },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void no_such_command(const char *name)
{
	char text[160];

	snprintf(text, sizeof text, "there is no command \"%.100s\"", name);
	complain(text);
}

static void command_usage(FILE *out, const struct command *c)
{
	char left[64];

	snprintf(left, sizeof left, "%s %s", c->name, c->arg ? c->arg : "");
	fprintf(out, "  %-21s %s\n", left, c->help);
	for (const struct command_option *o = c->options; o->name; o++) {
		snprintf(left, sizeof left, "--%s %s", o->name, o->value ? o->value : "");
		fprintf(out, "    %-19s %s\n", left, o->help);
	}
}

void commands_usage(FILE *out, const struct command *only)
{
	fputs("usage: tlswardctl [-s SOCKET] [--json] COMMAND [options]\n\n", out);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!only || only == &commands[i])
			command_usage(out, &commands[i]);
	if (only)
		return;
	fputs("\n  -s, --socket SOCKET   the control socket (else that of TLSWARD_SOCKET, else\n"
		"                        /run/tlsward/control.sock)\n"
		"  --json                the answer as it came\n"
		"  -V, --version         the version\n"
		"\nExit status: 0 done, 1 tlsward answered an error, 2 wrong usage, 3 tlsward\n"
		"cannot be reached. More is in tlswardctl(1).\n", out);
}
