/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state directory: the record of the run's workers, by which the next
 * start knows those that outlived their supervisor.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/conf.h"

#define STATE_ORPHANS_MAX 256
#define STATE_KEYS "keys"	/* in it: the private keys of certificates that are ordered */

struct child;

struct orphan {
	pid_t pid;
	uint64_t start;		/* of the process, in ticks after boot */
};

struct state {
	int fd;			/* of the record, locked; -1: closed */
	struct orphan orphans[STATE_ORPHANS_MAX];	/* of runs before this one, alive at the start */
	int orphans_n;
	int reports_fd;		/* directory of incident reports; or a negative errno */
	int cache;		/* the directory of the librarian's cache; -1: cannot be had */
};

/*
 * Makes the state directory if it is missing, opens, locks and reads the
 * record, makes and opens the directory of incident reports. Returns 0 or a negative errno with a sentence in err.
 */
int state_open(struct state *st, const struct conf *conf, char *err, size_t errsize);
/*
 * Makes and opens the cache directory, of that owner; without it the run goes
 * on. Logs what hinders. To be called while owners can be given.
 */
void state_open_cache(struct state *st, const struct conf *conf, uid_t uid, gid_t gid);
/* Writes down the workers that run, and the orphans. */
void state_write(const struct state *st, const struct child *workers, int n);
/* Empties the record unless orphans live on, and closes it. */
void state_close(struct state *st);

/*
 * Asks /proc for a process: its start time, and its name into comm (if not
 * NULL). Returns 0, or -ESRCH if there is none or it is a zombie.
 */
int state_process(pid_t pid, uint64_t *start, char *comm, size_t commsize);
/* The orphan still runs (and is not another process with its number). */
bool orphan_lives(const struct orphan *o);

#endif
