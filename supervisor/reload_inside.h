/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a reload, for reload*.c alone. */
#ifndef SUPERVISOR_RELOAD_INSIDE_H
#define SUPERVISOR_RELOAD_INSIDE_H

#include <time.h>

#include "supervisor/conf_compare.h"
#include "supervisor/log_file.h"
#include "supervisor/reload.h"

enum reload_stage { RELOAD_IDLE, RELOAD_PREPARING, RELOAD_COMMITTING };
enum part_state { PART_PENDING, PART_READY, PART_FAILED };

/* X(enum, name for people) */
#define RELOAD_PARTS(X) \
	X(PART_LISTENERS, listeners, "listeners") \
	X(PART_BACKENDS, backends, "names of backends") \
	X(PART_LOG, log, "log") \
	X(PART_TLS, tls, "tls.priority") \
	X(PART_MATERIAL, material, "certificates and keys") \
	X(PART_POLICY, policy, "policy") \
	X(PART_ACME, acme, "names for ACME")

enum part {
#define X(id, name, text) id,
	RELOAD_PARTS(X)
#undef X
	PART_COUNT
};

/* What there was before and is now. */
struct reload_counts { uint32_t names, certificates; int scripts, host_sets, listeners, backends, workers; };

struct reload_last {
	const char *by;			/* NULL: there was none */
	bool done;			/* false: refused */
	uint32_t generation;		/* in force since then */
	time_t at;
	uint64_t took_ms;
	int changes;
	unsigned errors;
	char error[256];		/* the first one, or "" */
};

struct reload {
	struct supervisor *s;
	enum reload_stage stage;
	bool again;			/* SIGHUP came meanwhile */
	const char *by;
	uint32_t ticket;
	uint64_t begun_ns;
	ev_timer turn;			/* fires in the next turn of the loop: something has changed */
	ev_timer deadline;		/* of the stage */
	ev_timer retry;			/* for workers that could not be replaced */
	enum part_state parts[PART_COUNT];
	unsigned errors_n;
	json_t *errors, *warnings;	/* lists of sentences */
	struct reload_counts before;

	/* Prepared; what is committed goes to the supervisor. */
	struct conf *conf;
	struct conf_changes changes;
	enum conf_effect effect;
	int *listener_fds;		/* one for each listener of conf */
	struct backends *backends;
	bool same_backends;		/* workers have them already, under the same numbers */
	bool policy;			/* there was one before, or is one now */
	struct log_file log;
	uint32_t priority_id;		/* of the question to the librarian */

	struct log_file reopen;		/* SIGUSR1 */
	struct reload_last last;
};

/* reload_notes.c: logged, and kept for who asked. With errors the reload is refused. */
void reload_error(struct reload *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* About a setting of the new configuration: begins with where it stands. */
void reload_error_at(struct reload *r, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
void reload_warning(struct reload *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Looks at what is to be done next, in the next turn of the loop. */
void reload_wake(struct reload *r);
void reload_set_part(struct reload *r, enum part part, bool ready);

/* reload_parts.c: a row each. */
struct reload_part {
	const char *name;
	/* Begins; what comes of it is told by reload_set_part(). */
	void (*prepare)(struct reload *r);
	/* Puts it in force; cannot fail. s->conf is the new one. */
	void (*commit)(struct reload *r);
	/* Drops what there is of it, also when it is not ready. */
	void (*discard)(struct reload *r);
};
extern const struct reload_part reload_parts[PART_COUNT];

/* reload_workers.c */
/* Whether there are places for the workers that the new configuration needs. */
bool reload_has_places(const struct reload *r, int *draining);
/* Takes the new configuration, in force already, to all workers. */
void reload_tell_workers(struct reload *r, int wanted_before);
/* All have it: nobody serves by the one before. */
bool reload_is_settled(const struct reload *r);
/* Time is over: names those that have not, and replaces them. */
void reload_name_late(struct reload *r);
/* Starts successors of workers that serve by an older configuration. */
void reload_renew(struct reload *r);

/* reload_view.c */
void reload_count(const struct supervisor *s, struct reload_counts *c);
void reload_answer(struct reload *r, bool done);

#endif
