/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's root: the loop and what it owns. main() has the one instance. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/headcount.h"
#include "supervisor/acme.h"
#include "supervisor/backends.h"
#include "supervisor/boot/material.h"
#include "supervisor/child.h"
#include "supervisor/conf.h"
#include "supervisor/explain.h"
#include "supervisor/fetches.h"
#include "supervisor/staples.h"
#include "supervisor/incidents.h"
#include "supervisor/opener.h"
#include "supervisor/policy.h"
#include "supervisor/privilege.h"
#include "supervisor/programs.h"
#include "supervisor/ready.h"
#include "supervisor/signers.h"
#include "supervisor/state.h"
#include "supervisor/succession.h"

#define WORKERS_MAX 64

/* How far a worker is with a reload. */
struct worker_sync {
	uint32_t conf;			/* generation of the configuration that it was started with */
	uint32_t asked, answered;	/* ids of MSG_COMMIT; the same: nothing is waited for */
};

struct supervisor {
	struct ev_loop *loop;
	struct conf *conf;		/* in force */
	const char *conf_path;		/* as it was named at the start */
	uint32_t generation;		/* of what is in force; counts the reloads, from 1 */
	uint32_t workers_generation;	/* workers of an older one are to be replaced */
	struct reload *reload;
	uint64_t started_ns;		/* monotonic */
	bool stopping;			/* SIGTERM came: draining */
	uint32_t names, certificates;	/* in the catalog that workers have */
	struct child logger, keeper, librarian, advisor;
	/*
	 * Places of workers; those behind the configured number are for
	 * successors. One in CHILD_DOWN is vacant.
	 */
	struct child workers[WORKERS_MAX];
	int workers_n;			/* places that have been used */
	int workers_wanted;		/* workers that the configuration means */
	struct succession successions[WORKERS_MAX];	/* by the successor's place */
	struct control *control;	/* the control socket, or NULL */
	struct hosts *hosts;		/* what it maps for that; or NULL */
	struct expiring *expiring;	/* who looks for certificates that end soon; or NULL */
	struct watch *watch;		/* who looks for the sick; or NULL */
	struct incidents *incidents;	/* who reports of them */

	struct programs programs;
	struct privileges privileges;
	struct state state;
	struct ready manager;		/* the service manager */
	int *listener_fds, listener_fds_n;	/* one for each listener of the configuration; -1: closed */
	int *inherited_fds, inherited_n;	/* of them, duplicates of those that the service manager gave */
	char **listener_names; int listener_names_n;	/* by number: see listen_again.h */
	int control_fd;			/* until the control socket is served; or -1 */

	bool check;			/* only look whether it could start */
	bool serving;			/* the workers were started */
	bool ready;			/* and all were ready once */
	int log_level;			/* in force; enum log_level */
	int exit_code;

	int log_read, log_write;	/* the pipe of all log lines; or -1 */
	int log_file;			/* that the logger writes to; or -1 */
	int children_stderr;		/* their descriptor 2 */
	struct opener log_opener;

	struct material *material;
	struct backends *backends;
	struct policy_flow *policy;
	struct acme *acme;
	struct explain explain;
	struct fetches fetches;
	struct staples staples;
	uint32_t policy_ids;		/* of questions about scripts and host sets */
	bool material_known, backends_known, policy_known, acme_known;
	unsigned boot_errors;		/* found in files so far, by a check or a start */
	uint32_t log_ids;		/* of questions to the logger */
	uint32_t sync_ids;
	struct worker_sync syncs[WORKERS_MAX];	/* by place */
	struct signer signers[WORKERS_MAX];
	uint32_t signer_ids;
	struct headcount_shape headcount_shape;	/* for limits over all workers */
	int headcount_fds[2];		/* its memory: to write, to read */
	uint8_t ticket_seed[TICKET_SEED_BYTES];
	ev_timer seed_timer;

	int stop_stage;			/* for stop.c */
	ev_timer stop_timer;
	ev_signal on_term, on_int, on_hup, on_usr1;
};

/* Makes the log pipe; lines wait in it for the logger. 0 or negative errno. */
int supervisor_open_log(struct supervisor *s);
/*
 * Sets up loop and children; what main() has found out (conf,
 * programs, privileges, sockets, check) is in s already. 0 or negative errno.
 */
int supervisor_init(struct supervisor *s);
/* Starts everything and serves until the end; returns the exit code. */
int supervisor_run(struct supervisor *s);
void supervisor_clear(struct supervisor *s);

/* Roles get system call filters. */
bool supervisor_sandbox(const struct supervisor *s);
int supervisor_log_level(const struct supervisor *s);
/* For all processes, also those that will be started. */
void supervisor_set_log_level(struct supervisor *s, int level);
uint32_t supervisor_connections_per_worker(const struct supervisor *s);
/* The limit that a worker gets. */
uint32_t supervisor_descriptors_per_worker(const struct supervisor *s);

/* A sentence for the person who starts, and for the log. */
void supervisor_tell(struct supervisor *s, const char *text);
/* The start has failed: tells why and ends everything. */
void supervisor_fail(struct supervisor *s, const char *text);
/* Something broke: during the start that fails it (true); later it is mended. */
bool supervisor_broke(struct supervisor *s, const char *text);

/* From the children. */
void supervisor_children_changed(struct supervisor *s);
void supervisor_worker_ready(struct supervisor *s);
void supervisor_role_down(struct supervisor *s, struct child *c);

#endif
