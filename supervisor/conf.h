/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file, read with libconfig and checked whole: every error
 * of meaning is reported, each with file and line. A setting is one row of
 * conf_table.c. Nothing here opens a certificate, resolves a name or binds.
 */
#ifndef SUPERVISOR_CONF_H
#define SUPERVISOR_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/chains.h"
#include "common/deadlines.h"

/* As many as a worker takes. */
#define CONF_LISTENERS_MAX 64
#define CONF_BACKENDS_MAX 256
#define CONF_STORE "/etc/ssl/certs"
#define ACME_NAMES_CONF_MAX 1000	/* more go into a host set */
#define CONF_NAME_MAX 63	/* of listeners and backends: letters, digits, "-", "_" and "." */

/* Where a setting stands; file is owned by the configuration. */
struct conf_where {
	const char *file;
	unsigned line;
};

enum conf_log_format { CONF_LOG_LOGFMT, CONF_LOG_JSON };
enum conf_truncation { CONF_TRUNCATION_ERROR, CONF_TRUNCATION_HALF_CLOSE };
enum conf_tls_minimum { CONF_TLS_1_2, CONF_TLS_1_3 };

struct conf_listener {
	struct conf_where where;
	char *name;			/* unique; at most CONF_NAME_MAX bytes */
	char *address;			/* IPv4 or IPv6 literal */
	uint16_t port;
	char *backend;			/* name of one of backends */
	char **alpn;			/* NULL-terminated, possibly empty; each 1..255 bytes */
	char *default_certificate;	/* host name or NULL */
	struct deadlines deadlines;	/* the global ones, overridden here */
};

struct conf_backend {
	struct conf_where where;
	char *name;			/* unique; at most CONF_NAME_MAX bytes */
	char **servers;			/* NULL-terminated, at least one: addr:port, [addr]:port, host:port, unix:/path */
	int proxy_protocol;		/* 0, 1 or 2 */
};

/* Either chain with key, or chain alone (both in one file), or a directory. */
struct conf_certificate {
	struct conf_where where;
	char *chain, *key;		/* absolute paths or NULL */
	char *directory;		/* absolute path or NULL */
};

/* The settings of one policy script. */
struct conf_script {
	char *place;			/* "FILE:LINE: policy.settings.frontdoor" */
	char *name;			/* the script's: of its file, without what orders it and without .lua */
	uint8_t *settings;		/* as MSG_SCRIPT carries them */
	size_t settings_size;
	char **places;			/* NULL-terminated: the same of each setting, in that order */
};

struct conf {
	char *path;			/* of the file, absolute */
	struct conf_where *lines;	/* by row of the table: where it stands; line 0: it does not */
	char **files;			/* NULL-terminated: it and those that it includes, as errors name them */
	int workers;			/* 0 written as "auto": one per core that we may use */
	char *user, *keeper_user, *librarian_user;	/* name or number */
	char *state_directory;
	bool sandbox;
	struct { char *socket; char *group; char **admins; } control;	/* group may be "" */
	/* to: "stderr", "syslog", "journal" or an absolute path; level: enum log_level */
	struct { char *to; enum conf_log_format format; int level; bool connections; } log;
	struct { enum conf_tls_minimum minimum; bool tickets; enum conf_truncation truncation; char *priority; } tls;	/* priority: "" for ours */
	struct deadlines deadlines;
	struct {
		int connections;	/* in all workers; 0: derived */
		int per_address, handshakes;	/* in all workers; 0: no limit */
		int descriptors;	/* of one worker; 0: RLIMIT_NOFILE */
		int spill_mb, spill_kb;
		int spurious_wakeups;
		int holds, holds_per_name;	/* not built yet: the defaults */
	} limits;
	struct {
		char *scripts;		/* absolute path of their folder; NULL: none */
		int budget_ms, memory;	/* of one call; bytes of one state */
		struct conf_script *settings; int settings_n;
	} policy;
	/* sources: names of enum chain_source; store: an absolute path, NULL for CONF_STORE if there is such a folder */
	struct { char **sources; char *store; } chains;
	struct { double timeout; int size; bool private_addresses; } aia;	/* seconds, bytes */
	struct { bool staple; double timeout; } ocsp;	/* seconds */
	/* directory: a URL; NULL: nothing is ordered. hosts, webroot: absolute paths or ""; challenge: enum acme_challenge */
	struct {
		char *directory, **names, *hosts, *contact, *webroot;
		int challenge; bool on_demand; double timeout; int orders_per_hour;
	} acme;
	struct { double deadline; } keeper;	/* seconds */
	struct {
		double interval;	/* seconds, as all of these but the share and the limit */
		struct { int above; double for_s; } fd_leak;
		struct { double share, for_s; } cpu_spin;
		struct { double after; } stall;
		struct { int limit_mb; } memory;	/* 0: none */
	} watch;
	struct conf_listener *listeners; int listeners_n;
	struct conf_backend *backends; int backends_n;
	struct conf_certificate *certificates; int certificates_n;
};

/*
 * Called once for each error, with a complete sentence that names file and
 * line where it has one, what is wrong, and what would be right.
 */
typedef void conf_report(void *data, const char *text);

/*
 * Reads and checks. Returns NULL after at least one report. Relative paths in
 * the file are made absolute, against the folder that the file is in.
 */
struct conf *conf_read(const char *path, conf_report *report, void *data);
void conf_free(struct conf *c);

struct chain_order conf_chain_order(const struct conf *c);
/* A copy of n of them that conf_scripts_free() frees; NULL: out of memory. */
struct conf_script *conf_scripts_copy(const struct conf_script *list, int n);
void conf_scripts_free(struct conf_script *list, int n);

/* Prints the table to standard output: a file that can be read, with every setting's default and help. */
void conf_print_example(void);

#endif
