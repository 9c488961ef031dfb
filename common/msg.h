/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every message between our processes, a row each: its fields and their
 * bounds, who may send it to whom, how many descriptors it carries. The
 * structs, the names, the encoder and the decoder all come from these rows.
 * On the wire: u16 type, u32 id, then the fields one by one, big-endian; a
 * string is u16 length, bytes, NUL; bytes are u16 length, bytes.
 */
#ifndef COMMON_MSG_H
#define COMMON_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/deadlines.h"

#define MSG_VERSION 1
#define MSG_CERTS_MAX 3584	/* bytes of certificates in a message; more of them in a memfd */
#define MSG_NUMBERS_MAX 2048	/* numbers of files in one message */
#define MSG_PATH_MAX 4096
#define MSG_NAME_MAX 255
#define MSG_TEXT_MAX 2048
#define KEY_ID_BYTES 32		/* SHA-256 of the SubjectPublicKeyInfo (DER) */
#define TICKET_SEED_BYTES 64
#define MSG_PORTS_MAX 256
#define MSG_WRONG_MAX 3072
#define MSG_SEGMENTS_MAX 16	/* of a catalog, each a descriptor */
#define MSG_SERVERS_MAX 64	/* addresses of one backend */

enum role {
	ROLE_SUPERVISOR, ROLE_WORKER, ROLE_KEEPER, ROLE_SIGNER, ROLE_LIBRARIAN,
	ROLE_LOGGER, ROLE_OPENER, ROLE_ADVISOR, ROLE_WITNESS, ROLE_COUNT
};
const char *role_name(enum role r);

struct bytes { const uint8_t *data; size_t size; };

/*
 * Fields: F(S, kind, name, max), S being the struct. Decoded strings and bytes point into the packet
 * and live as long as it does; a decoded string has no NUL within.
 */
/* First message to each child, with its ledger. */
#define MSG_FIELDS_intro(F, S) \
	F(S, U16, version, 0) F(S, U8, role, 0) F(S, U16, index, 0) F(S, U32, generation, 0) \
	F(S, U8, log_level, 0) F(S, U8, sandbox, 0)
/* First message of each child. */
#define MSG_FIELDS_intro_ans(F, S) F(S, U16, version, 0) F(S, STR, protections_missing, MSG_TEXT_MAX)
/* It has what it needs and does its work from now on. */
#define MSG_FIELDS_ready(F, S) F(S, U8, unused, 0)
#define MSG_FIELDS_log_level(F, S) F(S, U8, log_level, 0)
/* to: enum log_sink; with a descriptor for stderr and file. Answered if its id is not 0. */
#define MSG_FIELDS_log_sink(F, S) F(S, U8, to, 0) F(S, U8, json, 0)
#define MSG_FIELDS_log_sink_ans(F, S) F(S, STR, error, MSG_TEXT_MAX)
/* Writes a line there to see whether it can be done; the sink stays as it is. Answered by log_sink_ans. */
#define MSG_FIELDS_log_probe(F, S) F(S, U8, to, 0) F(S, U8, json, 0)

/* Opener, before any question: which files are known (supervisor/known.h). */
#define MSG_FIELDS_known(F, S) F(S, U32, files, 0)
/*
 * kind is enum open_kind; a directory is answered file by file. Of a group
 * that is not 0, files that are known and as they were are not opened, and not
 * answered; or, with_known, they come by open_known.
 */
#define MSG_FIELDS_open_req(F, S) F(S, U8, kind, 0) F(S, U32, group, 0) F(S, U8, with_known, 0) F(S, STR, path, MSG_PATH_MAX)
/* Known files that are as they were: their numbers, u32 in host byte order, and as many descriptors. */
#define MSG_FIELDS_open_known(F, S) F(S, BYTES, numbers, 4 * FDPASS_MAX)
/* stamp: what tells whether the file has changed since; 0: nothing does. */
#define MSG_FIELDS_open_ans(F, S) F(S, STR, path, MSG_PATH_MAX) F(S, U64, stamp, 0) F(S, STR, error, MSG_TEXT_MAX)
/* Known files of a directory that are not there any more: their numbers, u32 in host byte order. With none: it is at work. */
#define MSG_FIELDS_open_gone(F, S) F(S, BYTES, numbers, 4 * MSG_NUMBERS_MAX)
/* No more answers for this id. */
#define MSG_FIELDS_open_end(F, S) F(S, U32, files, 0)

/*
 * Keeper and librarian, before any file of a round that goes on from what is
 * in force since that generation: its files stay, without being read again,
 * but for those that files_gone names. Without it a round begins with none.
 */
#define MSG_FIELDS_round_begin(F, S) F(S, U32, base, 0)
/* Numbers of files (u32 in host byte order) that were in force and are gone, or come anew with another number. */
#define MSG_FIELDS_files_gone(F, S) F(S, BYTES, numbers, 4 * MSG_NUMBERS_MAX)
/*
 * Keeper: one file with a key, or (mixed) with keys, certificates or both.
 * file: a number that no other content of a file ever gets.
 */
#define MSG_FIELDS_key_file_req(F, S) F(S, U8, mixed, 0) F(S, U32, file, 0) F(S, STR, path, MSG_PATH_MAX)
/* Keeper: what open_known brought. Keys are all that is wanted of them. */
#define MSG_FIELDS_key_files_req(F, S) F(S, BYTES, numbers, 4 * FDPASS_MAX)
/* keys: of all of them; file: the first with an error. */
#define MSG_FIELDS_key_files_ans(F, S) F(S, U32, keys, 0) F(S, U32, file, 0) F(S, STR, error, MSG_TEXT_MAX)
/* text: the certificates (PEM) of a mixed file, if it has any; if they are more than fits, a sealed memfd carries them. */
#define MSG_FIELDS_key_file_ans(F, S) \
	F(S, U16, keys, 0) F(S, U16, certificates, 0) F(S, BYTES, text, MSG_CERTS_MAX) F(S, STR, error, MSG_TEXT_MAX)
/* Key ids, KEY_ID_BYTES each, that the keeper can sign with; may come in several. */
#define MSG_FIELDS_key_ids(F, S) F(S, BYTES, ids, 8192)
/*
 * All key files have been sent: from now on these keys sign beside those in
 * force (the first ones are in force at once). Answered by key_ids messages and
 * ready.
 */
#define MSG_FIELDS_keys_end(F, S) F(S, U32, generation, 0)
/* They are in force; those of before are forgotten. */
#define MSG_FIELDS_keys_commit(F, S) F(S, U32, generation, 0)
/*
 * A keeper's server gets a store (a sealed memfd) beside the one in force; or
 * (made) the keys that the keeper has made itself, in place of those before.
 */
#define MSG_FIELDS_key_store(F, S) F(S, U32, keys, 0) F(S, U8, made, 0)
/* What was sent for a round, and what was made of it, is dropped. Not answered. */
#define MSG_FIELDS_discard(F, S) F(S, U32, generation, 0)
/* The keeper forks a server for a worker, which gets the descriptor. */
#define MSG_FIELDS_signer_req(F, S) F(S, U16, worker, 0) F(S, U16, cpu, 0)
#define MSG_FIELDS_signer_ans(F, S) F(S, U16, worker, 0) F(S, U32, pid, 0) F(S, STR, error, MSG_TEXT_MAX)

/* scheme: TLS SignatureScheme (RFC 8446 4.2.3); form: enum sign_form. */
#define MSG_FIELDS_sign_req(F, S) F(S, BYTES, key_id, KEY_ID_BYTES) F(S, U16, scheme, 0) F(S, U8, form, 0) F(S, BYTES, data, 1024)
/* error: enum sign_error. */
#define MSG_FIELDS_sign_ans(F, S) F(S, U8, error, 0) F(S, BYTES, signature, 2048)

/* Librarian, before its first round: it may use the cache directory that it was started with, and fetch. */
#define MSG_FIELDS_cache(F, S) F(S, U8, unused, 0)
/*
 * What a round begins with, if it is not the default: the sources of chains in
 * order, enum chain_source each, the bounds of a fetch, and whether staples are
 * fetched and within which time.
 */
#define MSG_FIELDS_chain_settings(F, S) \
	F(S, BYTES, sources, 16) F(S, U32, timeout_ms, 0) F(S, U32, size, 0) F(S, U8, private_addresses, 0) \
	F(S, U8, staple, 0) F(S, U32, staple_timeout_ms, 0)
/*
 * A file of certificates (PEM), leaf first: its text, or if that is empty its
 * descriptor; key_path may be "". file: as in
 * key_file_req; place: of several for a name that with the lowest place comes
 * first. store, enum store_use: one with authorities instead, to take missing
 * links from; these come first, and all of them, or none if the store of before
 * stays.
 */
#define MSG_FIELDS_cert_file_req(F, S) \
	F(S, U8, store, 0) F(S, U32, file, 0) F(S, U32, place, 0) F(S, STR, path, MSG_PATH_MAX) F(S, STR, key_path, MSG_PATH_MAX) F(S, STR, where, MSG_PATH_MAX) F(S, BYTES, text, MSG_CERTS_MAX)
/*
 * Also, with the id 0, of one that stays and cannot: its key is gone. until:
 * when there will be something new to be said of it (Unix seconds).
 */
#define MSG_FIELDS_cert_file_ans(F, S) F(S, U32, file, 0) F(S, U64, until, 0) F(S, U16, names, 0) F(S, STR, error, MSG_TEXT_MAX) F(S, STR, warning, MSG_TEXT_MAX)
#define MSG_FIELDS_certs_end(F, S) F(S, U32, generation, 0)
/*
 * Catalog segments, newest first, one sealed memfd each. From the librarian
 * with the generation of the round whose files it is made of: once at its end,
 * and again, without being asked, when a missing link has come.
 */
#define MSG_FIELDS_catalog(F, S) F(S, U32, generation, 0) F(S, U32, names, 0) F(S, U32, certificates, 0)
/*
 * To be kept in the cache directory: what is in force, for a configuration that
 * conf stands for. The files that it was made of (supervisor/known.h), then the
 * segments, newest first. saved: of what lies there, the files alone, in answer
 * to cache; without a descriptor if there is nothing of use.
 */
#define MSG_FIELDS_save(F, S) F(S, U64, conf, 0) F(S, U32, names, 0) F(S, U32, certificates, 0)
#define MSG_FIELDS_saved(F, S) F(S, U64, conf, 0)
/*
 * A librarian that has made no catalog goes on from this one, which is of that
 * generation and the chain_settings before; without descriptors, from the one
 * that it sent with saved. The store may follow later: cert_file_req with
 * STORE_LATE, then store_end.
 */
#define MSG_FIELDS_stock(F, S) F(S, U32, generation, 0)
#define MSG_FIELDS_store_end(F, S) F(S, U8, unused, 0)
/*
 * A URL that a missing link is to be had from, or "acme:NAME" for a name whose
 * certificate is ordered: what came of the last try, and when the next one is
 * (Unix seconds; 0: none). wanted: 0 when it is no longer needed, and
 * forgotten then.
 */
#define MSG_FIELDS_fetch_state(F, S) \
	F(S, STR, url, 1024) F(S, STR, error, 256) F(S, U64, tried, 0) F(S, U64, next, 0) \
	F(S, U32, failures, 0) F(S, U8, wanted, 0) F(S, U8, running, 0)
/* Tries that URL, or orders that "acme:NAME", now; what is not wanted is passed over. */
#define MSG_FIELDS_fetch_req(F, S) F(S, STR, url, 1024)
/*
 * How it stands with the staple of a certificate, which goes by its SHA-256:
 * enum staple_state, when the staple begins and ends, what came of the last
 * try, and when the next one is (Unix seconds; 0: none). wanted: as above.
 */
#define MSG_FIELDS_staple_state(F, S) \
	F(S, BYTES, cert_id, 32) F(S, STR, name, MSG_NAME_MAX) F(S, STR, url, 1024) F(S, STR, error, 256) F(S, U8, state, 0) \
	F(S, U64, from, 0) F(S, U64, until, 0) F(S, U64, tried, 0) F(S, U64, next, 0) F(S, U32, failures, 0) \
	F(S, U8, must, 0) F(S, U8, wanted, 0) F(S, U8, running, 0)
/* Fetches staples now: of that certificate; without one, of that responder; without that, all that are not good. */
#define MSG_FIELDS_staple_req(F, S) F(S, BYTES, cert_id, 32) F(S, STR, url, 1024)
/*
 * ACME. To the librarian, when orders may begin, and when any of it changes,
 * after the acme_names that it belongs to; on: there are names; challenge:
 * enum acme_challenge; per_hour: orders begun. Carries the program that uacme
 * calls as its hook.
 */
#define MSG_FIELDS_acme_settings(F, S) \
	F(S, U8, on, 0) F(S, U8, challenge, 0) F(S, U8, on_demand, 0) F(S, U32, timeout_ms, 0) F(S, U32, per_hour, 0) \
	F(S, STR, directory, 1024) F(S, STR, contact, MSG_NAME_MAX) F(S, STR, webroot, MSG_PATH_MAX)
/* The names that certificates are ordered for, a sealed host set; without one, there are none. list: enum acme_list. */
#define MSG_FIELDS_acme_names(F, S) F(S, U8, list, 0) F(S, U8, on_demand, 0)
/* May a certificate be ordered for it, and by which request? Answered when policy and keeper have been asked. */
#define MSG_FIELDS_order_req(F, S) F(S, STR, name, MSG_NAME_MAX)
/* csr: PKCS#10, DER. refused: the policy does not allow the name; else an error says what failed. */
#define MSG_FIELDS_order_ans(F, S) \
	F(S, STR, name, MSG_NAME_MAX) F(S, U8, refused, 0) F(S, STR, error, 256) F(S, BYTES, key_id, KEY_ID_BYTES) F(S, BYTES, csr, 2048)
/*
 * A key that the keeper has made in a run before, each answered; with the last
 * one, which carries none, they sign, beside all others.
 */
#define MSG_FIELDS_own_key(F, S) F(S, U8, last, 0) F(S, STR, path, MSG_PATH_MAX)
#define MSG_FIELDS_own_key_ans(F, S) F(S, U8, last, 0) F(S, STR, path, MSG_PATH_MAX) F(S, STR, error, 256) F(S, BYTES, key_id, KEY_ID_BYTES)
/* Their ids, KEY_ID_BYTES each; may come in several, the last answered by ordered. */
#define MSG_FIELDS_own_key_ids(F, S) F(S, U8, last, 0) F(S, BYTES, ids, 8192)
/* What a policy says to a hello with that name and nothing else. */
#define MSG_FIELDS_allow_req(F, S) F(S, STR, name, MSG_NAME_MAX)
#define MSG_FIELDS_allow_ans(F, S) F(S, U8, allowed, 0) F(S, STR, where, 512)
/* The keeper makes a key in that file, or takes the one that is in it, and signs a request for the name. */
#define MSG_FIELDS_csr_req(F, S) F(S, STR, name, MSG_NAME_MAX)
#define MSG_FIELDS_csr_ans(F, S) F(S, STR, error, 256) F(S, BYTES, key_id, KEY_ID_BYTES) F(S, BYTES, csr, 2048)
/* The certificate of a tls-alpn-01 challenge (RFC 8737), DER; digest: SHA-256 of the key authorization. */
#define MSG_FIELDS_challenge_req(F, S) F(S, STR, name, MSG_NAME_MAX) F(S, BYTES, digest, 32)
#define MSG_FIELDS_challenge_ans(F, S) F(S, STR, error, 256) F(S, BYTES, certificate, 2048)
/*
 * All challenges that are open, as a catalog segment; without one: none is.
 * Each worker answers, and the librarian is answered when all have it.
 */
#define MSG_FIELDS_challenges(F, S) F(S, U32, generation, 0)
#define MSG_FIELDS_challenges_ans(F, S) F(S, U32, generation, 0)
/* The certificates that were ordered, as a catalog segment with none of the files' names; without one: none. */
#define MSG_FIELDS_ordered(F, S) F(S, U32, names, 0) F(S, U32, certificates, 0)
/* A client has asked for a name that may be ordered on demand and has no certificate. */
#define MSG_FIELDS_wanted(F, S) F(S, STR, name, MSG_NAME_MAX)
/* Whether GnuTLS understands a priority string. */
#define MSG_FIELDS_priority_req(F, S) F(S, STR, priority, 1024)
#define MSG_FIELDS_priority_ans(F, S) F(S, STR, error, MSG_TEXT_MAX)
/* addrs: u8 length and a struct sockaddr without port, repeated. */
#define MSG_FIELDS_resolve_req(F, S) F(S, STR, host, MSG_NAME_MAX)
#define MSG_FIELDS_resolve_ans(F, S) F(S, STR, host, MSG_NAME_MAX) F(S, BYTES, addrs, 2048) F(S, STR, error, MSG_TEXT_MAX)

/* Worker. */
#define MSG_FIELDS_settings(F, S) \
	F(S, U8, tls13_only, 0) F(S, U8, tickets, 0) F(S, U8, bare_fin_is_half_close, 0) \
	F(S, U8, log_connections, 0) F(S, STR, priority, 1024) F(S, U32, connections, 0) \
	F(S, U32, per_address, 0) F(S, U32, handshakes, 0) \
	F(S, U32, spill_worker_kb, 0) F(S, U32, spill_connection_kb, 0) F(S, U32, keeper_deadline_ms, 0) \
	F(S, U32, holds, 0) F(S, U32, holds_per_name, 0) F(S, U32, spurious_wakeups, 0) F(S, BYTES, chain_sources, 16)
/* Carries the memory of common/headcount.h, to write and to read; the worker's column is its index - 1. */
#define MSG_FIELDS_headcount(F, S) F(S, U32, columns, 0) F(S, U32, slots, 0) F(S, U64, seed, 0)
/* alpn: as in RFC 7301, u8 length and name, repeated. Carries the socket. */
#define MSG_FIELDS_listener(F, S) \
	F(S, U16, index, 0) F(S, STR, name, MSG_NAME_MAX) F(S, STR, backend, MSG_NAME_MAX) \
	F(S, BYTES, alpn, 1024) F(S, STR, default_certificate, MSG_NAME_MAX) F(S, DEADLINES, deadlines, 0)
/* Replaces the backend of that index when its servers_n servers have followed. */
#define MSG_FIELDS_backend(F, S) F(S, U16, index, 0) F(S, STR, name, MSG_NAME_MAX) F(S, U8, proxy_protocol, 0) F(S, U16, servers_n, 0)
/* label: as written in the configuration; address: a struct sockaddr. */
#define MSG_FIELDS_server(F, S) F(S, U16, backend, 0) F(S, STR, label, MSG_NAME_MAX) F(S, BYTES, address, 128)
#define MSG_FIELDS_ticket_seed(F, S) F(S, BYTES, seed, TICKET_SEED_BYTES)
/* Carries the channel to the worker's keeper server. */
#define MSG_FIELDS_signer(F, S) F(S, U32, pid, 0)
/*
 * All that a worker needs has been sent: accept. ports: u16 each, host byte
 * order, the TCP ports of the backends, to which alone it may connect.
 */
#define MSG_FIELDS_start(F, S) F(S, BYTES, ports, 2 * MSG_PORTS_MAX)
#define MSG_FIELDS_drain(F, S) F(S, U32, drain_ms, 0)
#define MSG_FIELDS_signer_down(F, S) F(S, U32, pid, 0)
/* The connection of that id (struct ledger_conn) is ended by an operator. */
#define MSG_FIELDS_close(F, S) F(S, U64, conn, 0)
/* found: there was such a connection, and it ends. */
#define MSG_FIELDS_close_ans(F, S) F(S, U64, conn, 0) F(S, U8, found, 0)
/* A listener's settings change in place; what listener carries, without a socket. Only in an update. */
#define MSG_FIELDS_listener_update(F, S) MSG_FIELDS_listener(F, S)
/*
 * A reload: settings, ticket_seed, backends (all there are, or none of them),
 * listener_updates, a catalog and a policy that follow are kept, and take
 * effect together at the commit, between two connections, or not at all.
 */
#define MSG_FIELDS_update(F, S) F(S, U32, generation, 0)
#define MSG_FIELDS_commit(F, S) F(S, U32, generation, 0)
#define MSG_FIELDS_committed(F, S) F(S, U32, generation, 0) F(S, STR, error, MSG_TEXT_MAX)

/*
 * Policy. The advisor gets a script's file, compiles and runs it once with
 * empty host sets, and gives its text back as a sealed memfd, with the host
 * sets that it asks for: their names, each with a NUL. wrong: settings that do
 * not fit its defaults, u16 index, u16 length and text each; such a script has
 * no error and brings no text.
 */
#define MSG_FIELDS_script_req(F, S) \
	F(S, STR, name, MSG_NAME_MAX) F(S, STR, path, MSG_PATH_MAX) F(S, BYTES, settings, 4096) \
	F(S, U32, budget_us, 0) F(S, U32, memory, 0)
#define MSG_FIELDS_script_ans(F, S) F(S, STR, error, MSG_TEXT_MAX) F(S, BYTES, wrong, MSG_WRONG_MAX) F(S, BYTES, sets, 4096)
/* The librarian makes a sealed host set of a text file. */
#define MSG_FIELDS_set_req(F, S) F(S, STR, path, MSG_PATH_MAX)
#define MSG_FIELDS_set_ans(F, S) F(S, U32, names, 0) F(S, STR, error, MSG_TEXT_MAX)
/*
 * A whole policy for a worker or the advisor: sets_n set and scripts_n script
 * messages follow, then it is loaded and answered; on an error the one before
 * stays. budget_us: CPU time of one call; memory: bytes of one state.
 */
#define MSG_FIELDS_policy(F, S) \
	F(S, U32, generation, 0) F(S, U16, scripts_n, 0) F(S, U16, sets_n, 0) F(S, U32, budget_us, 0) F(S, U32, memory, 0)
/* name: as the scripts write it. After the policy: replaces the set of that name. */
#define MSG_FIELDS_set(F, S) F(S, STR, name, MSG_PATH_MAX)
/* settings: u8 kind (b, n or s), u8 length and key, u16 length and value as text; repeated. */
#define MSG_FIELDS_script(F, S) F(S, STR, name, MSG_NAME_MAX) F(S, STR, path, MSG_PATH_MAX) F(S, BYTES, settings, 4096)
#define MSG_FIELDS_policy_ans(F, S) F(S, U32, generation, 0) F(S, STR, error, MSG_TEXT_MAX)
/*
 * What would be decided for this hello; sni "" for none; alpn as in listener.
 * scripts_only: the configuration is not asked after the scripts, and a *_where is "" then.
 */
#define MSG_FIELDS_explain_req(F, S) \
	F(S, U8, scripts_only, 0) F(S, STR, sni, MSG_NAME_MAX) F(S, STR, peer, 64) F(S, U16, port, 0) F(S, STR, listener, MSG_NAME_MAX) \
	F(S, STR, backend, MSG_NAME_MAX) F(S, STR, default_certificate, MSG_NAME_MAX) \
	F(S, BYTES, alpn, 1024) F(S, DEADLINES, deadlines, 0) F(S, BYTES, chain_sources, 16)
/*
 * The *_where fields say which script and line, or that the configuration,
 * decided. problems: what scripts did wrong while they were asked, a line
 * each. certificate: the file that the certificate served comes from, "" for
 * none; not_before and not_after: Unix seconds; state: of it with its chain,
 * enum chain_state; links: what follows it, "SUBJECT (SOURCE)", a line each;
 * missing and url: as in struct chain_choice.
 */
#define MSG_FIELDS_explain_ans(F, S) \
	F(S, STR, error, MSG_TEXT_MAX) F(S, U8, allowed, 0) F(S, U8, alert, 0) F(S, STR, allow_where, 512) \
	F(S, DEADLINES, deadlines, 0) F(S, STR, timeouts_where, 512) \
	F(S, STR, backend, MSG_NAME_MAX) F(S, STR, route_where, 512) \
	F(S, STR, chain, 256) F(S, STR, chain_where, 512) F(S, STR, problems, MSG_TEXT_MAX) \
	F(S, STR, certificate, MSG_PATH_MAX) F(S, U64, not_before, 0) F(S, U64, not_after, 0) \
	F(S, U8, state, 0) F(S, STR, links, 2048) F(S, STR, missing, 1024) F(S, STR, url, 1024)

/*
 * What is to be done with a sick process? role and worker (0: none) say which
 * it is, verdict and numbers what was seen, since_ms ago; then what its last
 * sample holds. permille: of the time of the last interval.
 */
#define MSG_FIELDS_judge_req(F, S) \
	F(S, STR, role, 16) F(S, U16, worker, 0) F(S, U32, generation, 0) F(S, U64, uptime_ms, 0) \
	F(S, STR, verdict, 32) F(S, STR, numbers, 256) F(S, U64, since_ms, 0) \
	F(S, U32, cpu_permille, 0) F(S, U32, waited_permille, 0) F(S, U64, memory_bytes, 0) \
	F(S, U64, fds, 0) F(S, U64, fds_known, 0) F(S, U64, fds_limit, 0) F(S, U64, heartbeat_ms, 0) \
	F(S, U64, connections, 0) F(S, U64, overdue, 0) F(S, U64, bytes, 0) F(S, U64, handshakes, 0) \
	F(S, U64, accepts, 0) F(S, U64, wakeups, 0) F(S, U64, spurious, 0) F(S, U8, stopped, 0) F(S, U8, waits_for_keeper, 0)
/* treatment: enum treatment; where: which script and line says so, "" for none. */
#define MSG_FIELDS_judge_ans(F, S) F(S, U8, treatment, 0) F(S, STR, where, 512)

/* Of builds with --enable-faults alone. kind: enum fault (common/faults.h). */
#define MSG_FIELDS_fault(F, S) F(S, U8, kind, 0) F(S, U32, rate, 0) F(S, U64, conn, 0)
#ifdef WITH_FAULTS
#define MESSAGES_FAULTS(M) M(MSG_FAULT, fault, FROM_SUPERVISOR, TO_CHILD, 0, 0)
#else
#define MESSAGES_FAULTS(M)
#endif

/*
 * Witness: one task (enum witness_task) and one answer. pid and start (field 22
 * of /proc/PID/stat) are the process to look at, conns_n and ended_n the shape
 * of its ledger, parts (enum witness_part) what is to be had within
 * deadline_ms. missing: why other parts are not even tried.
 */
#define MSG_FIELDS_witness_req(F, S) \
	F(S, U8, task, 0) F(S, STR, id, MSG_NAME_MAX) F(S, U32, pid, 0) F(S, U64, start, 0) F(S, U32, conns_n, 0) F(S, U32, ended_n, 0) \
	F(S, U8, parts, 0) F(S, U32, deadline_ms, 0) F(S, STR, missing, MSG_TEXT_MAX)
/* error "": it was done. Carries a sealed memfd with JSON, if the task gives any. bytes: of the file. */
#define MSG_FIELDS_witness_ans(F, S) F(S, STR, error, MSG_TEXT_MAX) F(S, STR, missing, MSG_TEXT_MAX) F(S, U32, bytes, 0)

/* M(enum, struct, from, to, descriptors at least, at most) */
#define MESSAGES(M) \
	M(MSG_INTRO, intro, FROM_SUPERVISOR, TO_CHILD, 1, 1) \
	M(MSG_INTRO_ANS, intro_ans, FROM_CHILD, TO_SUPERVISOR, 0, 0) \
	M(MSG_READY, ready, FROM_CHILD, TO_SUPERVISOR, 0, 0) \
	M(MSG_LOG_LEVEL, log_level, FROM_SUPERVISOR | 1u << ROLE_KEEPER, TO_CHILD | 1u << ROLE_SIGNER, 0, 0) \
	M(MSG_LOG_SINK, log_sink, FROM_SUPERVISOR, 1u << ROLE_LOGGER, 0, 1) \
	M(MSG_LOG_PROBE, log_probe, FROM_SUPERVISOR, 1u << ROLE_LOGGER, 0, 1) \
	M(MSG_LOG_SINK_ANS, log_sink_ans, 1u << ROLE_LOGGER, TO_SUPERVISOR, 0, 0) \
	M(MSG_KNOWN, known, FROM_SUPERVISOR, 1u << ROLE_OPENER, 1, 1) \
	M(MSG_OPEN_REQ, open_req, FROM_SUPERVISOR, 1u << ROLE_OPENER, 0, 0) \
	M(MSG_OPEN_ANS, open_ans, 1u << ROLE_OPENER, TO_SUPERVISOR, 0, 1) \
	M(MSG_OPEN_KNOWN, open_known, 1u << ROLE_OPENER, TO_SUPERVISOR, 1, FDPASS_MAX) \
	M(MSG_OPEN_GONE, open_gone, 1u << ROLE_OPENER, TO_SUPERVISOR, 0, 0) \
	M(MSG_OPEN_END, open_end, 1u << ROLE_OPENER, TO_SUPERVISOR, 0, 0) \
	M(MSG_ROUND_BEGIN, round_begin, FROM_SUPERVISOR, 1u << ROLE_KEEPER | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_FILES_GONE, files_gone, FROM_SUPERVISOR, 1u << ROLE_KEEPER | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_KEY_FILE_REQ, key_file_req, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 1, 1) \
	M(MSG_KEY_FILES_REQ, key_files_req, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 1, FDPASS_MAX) \
	M(MSG_KEY_FILES_ANS, key_files_ans, 1u << ROLE_KEEPER, TO_SUPERVISOR, 0, 0) \
	M(MSG_KEY_FILE_ANS, key_file_ans, 1u << ROLE_KEEPER, TO_SUPERVISOR, 0, 1) \
	M(MSG_KEY_IDS, key_ids, 1u << ROLE_KEEPER | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_KEYS_END, keys_end, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 0, 0) \
	M(MSG_KEYS_COMMIT, keys_commit, FROM_SUPERVISOR | 1u << ROLE_KEEPER, 1u << ROLE_KEEPER | 1u << ROLE_SIGNER, 0, 0) \
	M(MSG_DISCARD, discard, FROM_SUPERVISOR | 1u << ROLE_KEEPER, \
		1u << ROLE_KEEPER | 1u << ROLE_SIGNER | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_SIGNER_REQ, signer_req, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 1, 1) \
	M(MSG_SIGNER_ANS, signer_ans, 1u << ROLE_KEEPER, TO_SUPERVISOR, 0, 0) \
	M(MSG_KEY_STORE, key_store, 1u << ROLE_KEEPER, 1u << ROLE_SIGNER, 1, 1) \
	M(MSG_SIGN_REQ, sign_req, 1u << ROLE_WORKER, 1u << ROLE_SIGNER, 0, 0) \
	M(MSG_SIGN_ANS, sign_ans, 1u << ROLE_SIGNER, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_CACHE, cache, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_CHAIN_SETTINGS, chain_settings, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_CERT_FILE_REQ, cert_file_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 1) \
	M(MSG_CERT_FILE_ANS, cert_file_ans, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_CERTS_END, certs_end, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_CATALOG, catalog, 1u << ROLE_LIBRARIAN | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, 1, MSG_SEGMENTS_MAX) \
	M(MSG_SAVE, save, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 2, MSG_SEGMENTS_MAX) \
	M(MSG_SAVED, saved, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 1) \
	M(MSG_STOCK, stock, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, MSG_SEGMENTS_MAX) \
	M(MSG_STORE_END, store_end, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_FETCH_STATE, fetch_state, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_FETCH_REQ, fetch_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_STAPLE_STATE, staple_state, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_STAPLE_REQ, staple_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_ACME_SETTINGS, acme_settings, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 1, 1) \
	M(MSG_ACME_NAMES, acme_names, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN | 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, 0, 1) \
	M(MSG_OWN_KEY, own_key, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 0, 1) \
	M(MSG_OWN_KEY_ANS, own_key_ans, 1u << ROLE_KEEPER, TO_SUPERVISOR, 0, 0) \
	M(MSG_OWN_KEY_IDS, own_key_ids, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_ORDER_REQ, order_req, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_ORDER_ANS, order_ans, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_ALLOW_REQ, allow_req, FROM_SUPERVISOR, 1u << ROLE_ADVISOR, 0, 0) \
	M(MSG_ALLOW_ANS, allow_ans, 1u << ROLE_ADVISOR, TO_SUPERVISOR, 0, 0) \
	M(MSG_CSR_REQ, csr_req, FROM_SUPERVISOR, 1u << ROLE_KEEPER, 1, 1) \
	M(MSG_CSR_ANS, csr_ans, 1u << ROLE_KEEPER, TO_SUPERVISOR, 0, 0) \
	M(MSG_CHALLENGE_REQ, challenge_req, 1u << ROLE_LIBRARIAN | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_KEEPER, 0, 0) \
	M(MSG_CHALLENGE_ANS, challenge_ans, 1u << ROLE_KEEPER | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_CHALLENGES, challenges, 1u << ROLE_LIBRARIAN | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_WORKER, 0, 1) \
	M(MSG_CHALLENGES_ANS, challenges_ans, 1u << ROLE_WORKER | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_ORDERED, ordered, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 1) \
	M(MSG_WANTED, wanted, 1u << ROLE_WORKER | FROM_SUPERVISOR, TO_SUPERVISOR | 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_PRIORITY_REQ, priority_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_PRIORITY_ANS, priority_ans, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_RESOLVE_REQ, resolve_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 0, 0) \
	M(MSG_RESOLVE_ANS, resolve_ans, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 0) \
	M(MSG_SETTINGS, settings, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_HEADCOUNT, headcount, FROM_SUPERVISOR, 1u << ROLE_WORKER, 2, 2) \
	M(MSG_LISTENER, listener, FROM_SUPERVISOR, 1u << ROLE_WORKER, 1, 1) \
	M(MSG_BACKEND, backend, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_SERVER, server, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_TICKET_SEED, ticket_seed, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_SIGNER, signer, FROM_SUPERVISOR, 1u << ROLE_WORKER, 1, 1) \
	M(MSG_START, start, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_DRAIN, drain, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_SIGNER_DOWN, signer_down, 1u << ROLE_WORKER, TO_SUPERVISOR, 0, 0) \
	M(MSG_CLOSE, close, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_CLOSE_ANS, close_ans, 1u << ROLE_WORKER, TO_SUPERVISOR, 0, 0) \
	M(MSG_LISTENER_UPDATE, listener_update, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_UPDATE, update, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_COMMIT, commit, FROM_SUPERVISOR, 1u << ROLE_WORKER, 0, 0) \
	M(MSG_COMMITTED, committed, 1u << ROLE_WORKER, TO_SUPERVISOR, 0, 0) \
	M(MSG_SCRIPT_REQ, script_req, FROM_SUPERVISOR, 1u << ROLE_ADVISOR, 1, 1) \
	M(MSG_SCRIPT_ANS, script_ans, 1u << ROLE_ADVISOR, TO_SUPERVISOR, 0, 1) \
	M(MSG_SET_REQ, set_req, FROM_SUPERVISOR, 1u << ROLE_LIBRARIAN, 1, 1) \
	M(MSG_SET_ANS, set_ans, 1u << ROLE_LIBRARIAN, TO_SUPERVISOR, 0, 1) \
	M(MSG_POLICY, policy, FROM_SUPERVISOR, 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, 0, 0) \
	M(MSG_SET, set, FROM_SUPERVISOR, 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, 1, 1) \
	M(MSG_SCRIPT, script, FROM_SUPERVISOR, 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, 1, 1) \
	M(MSG_POLICY_ANS, policy_ans, 1u << ROLE_WORKER | 1u << ROLE_ADVISOR, TO_SUPERVISOR, 0, 0) \
	M(MSG_EXPLAIN_REQ, explain_req, FROM_SUPERVISOR, 1u << ROLE_ADVISOR, 0, 0) \
	M(MSG_EXPLAIN_ANS, explain_ans, 1u << ROLE_ADVISOR, TO_SUPERVISOR, 0, 0) \
	M(MSG_JUDGE_REQ, judge_req, FROM_SUPERVISOR, 1u << ROLE_ADVISOR, 0, 0) \
	M(MSG_JUDGE_ANS, judge_ans, 1u << ROLE_ADVISOR, TO_SUPERVISOR, 0, 0) \
	M(MSG_WITNESS_REQ, witness_req, FROM_SUPERVISOR, 1u << ROLE_WITNESS, 1, 3) \
	M(MSG_WITNESS_ANS, witness_ans, 1u << ROLE_WITNESS, TO_SUPERVISOR, 0, 1) \
	MESSAGES_FAULTS(M)

enum msg_type {
	MSG_NONE,
#define M(id, name, from, to, fds_min, fds_max) id,
	MESSAGES(M)
#undef M
	MSG_COUNT
};

#define MSG_C_U8(name) uint8_t name;
#define MSG_C_U16(name) uint16_t name;
#define MSG_C_U32(name) uint32_t name;
#define MSG_C_U64(name) uint64_t name;
#define MSG_C_STR(name) const char *name;
#define MSG_C_BYTES(name) struct bytes name;
#define MSG_C_DEADLINES(name) struct deadlines name;
#define F(S, kind, name, max) MSG_C_##kind(name)
#define M(id, name, from, to, fds_min, fds_max) struct msg_##name { MSG_FIELDS_##name(F, ) };
MESSAGES(M)
#undef M
#undef F

struct msg {
	enum msg_type type;
	uint32_t id;		/* an answer carries its request's */
	union {
#define M(id, name, from, to, fds_min, fds_max) struct msg_##name name;
		MESSAGES(M)
#undef M
	};
};

/*
 * OPEN_SCRIPTS: *.lua of a folder in the order of their names. OPEN_FOLDER:
 * that of a file, and that of its target, only to be watched. OPEN_SET: a file that may be large.
 * OPEN_KEY: one of our own, made if it is missing, to be written.
 */
enum open_kind { OPEN_FILE, OPEN_DIRECTORY, OPEN_LOG, OPEN_SCRIPTS, OPEN_FOLDER, OPEN_SET, OPEN_KEY };
/*
 * STORE_CHANGED: chains that were built with another are built anew.
 * STORE_SAME: they need not be. STORE_LATE: of the catalog in force, at any
 * time; not answered.
 */
enum store_use { STORE_NO, STORE_CHANGED, STORE_SAME, STORE_LATE };
enum acme_challenge { ACME_TLS_ALPN_01, ACME_HTTP_01 };
/* The names of the configuration; those of a host set's file. */
enum acme_list { ACME_NAMES, ACME_HOSTS, ACME_LISTS };
#define ACME_ALPN "acme-tls/1"	/* RFC 8737 6.2 */
#define ACME_URL "acme:"		/* before a name, among the URLs of fetch_state and fetch_req */
#define ACME_NAME_MAX 240	/* with what goes behind it, a file's name */
/* With the descriptors that each carries, in that order. */
enum witness_task {
	WITNESS_REPORT,		/* head (JSON), ledger, and if there is one the directory of reports */
	WITNESS_STEPS,		/* steps (JSON), directory: they replace those in the report */
	WITNESS_LIST,		/* directory */
	WITNESS_READ,		/* directory */
	WITNESS_DESCRIPTORS,	/* ledger */
	WITNESS_TASK_COUNT
};
enum witness_part { WITNESS_FDS = 1, WITNESS_PROFILE = 2, WITNESS_PROC = 4 };
enum log_sink { LOG_SINK_STDERR, LOG_SINK_FILE, LOG_SINK_SYSLOG, LOG_SINK_JOURNAL };
enum sign_form { SIGN_TLS13_CERTIFICATE_VERIFY, SIGN_TLS12_SERVER_KEY_EXCHANGE };
/* What a policy wants done with a sick process; replacing it is the default. */
enum treatment { TREATMENT_NO_OPINION, TREATMENT_KEEP, TREATMENT_DRAIN, TREATMENT_REPLACE, TREATMENT_COUNT };
enum sign_error { SIGN_OK, SIGN_NO_KEY, SIGN_REFUSED, SIGN_FAILED };

const char *msg_name(enum msg_type t);

/*
 * Encodes the type's union member of m and sends it. Descriptors are lent.
 * Returns as channel_send() does; -EMSGSIZE if a field is over its bound.
 */
int msg_send(struct channel *ch, const struct msg *m, const int *fds, int nfds);

/*
 * Decodes a packet that `from` sent to `to`. Checks type, direction, bounds
 * and number of descriptors. Returns 0 or -EBADMSG; *why then says what was
 * wrong with it (static text). The packet keeps owning its descriptors.
 */
int msg_decode(const struct packet *p, enum role from, enum role to, struct msg *m, const char **why);

#endif
