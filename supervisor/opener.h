/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the opener, a short-lived process of our own program, to open files:
 * it may hang on a file system, the supervisor may not. One opener serves one
 * purpose at a time, and is killed when it is silent for too long.
 */
#ifndef SUPERVISOR_OPENER_H
#define SUPERVISOR_OPENER_H

#include "supervisor/child.h"

#define OPENER_WINDOW 32	/* questions that may be open */

struct opener_ops {
	/* An answer: fd is given (-1 with an error); stamp as in open_ans. */
	void (*on_file)(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd);
	/* Known files that are as they were, opened; as many descriptors, lent, as numbers. May be NULL. */
	void (*on_known)(void *data, uint32_t id, struct bytes numbers, const int *fds, int n);
	/* Known files (of opener_tell_known()) that are not there any more. May be NULL. */
	void (*on_gone)(void *data, uint32_t id, struct bytes numbers);
	/* The answers to a question are complete. */
	void (*on_end)(void *data, uint32_t id);
	/* It can be asked more. */
	void (*on_free)(void *data);
	/* It is gone with questions open. */
	void (*on_failed)(void *data, const char *why);
};

struct opener {
	struct child child;
	const struct opener_ops *ops;
	void *data;
	int asked;		/* questions open */
	ev_timer deadline;
};

void opener_init(struct opener *o, struct supervisor *s, const struct opener_ops *ops, void *data);
void opener_clear(struct opener *o);
/* True if another question may be asked now. */
bool opener_free(const struct opener *o);
/* Asks; starts the process if there is none. */
void opener_ask(struct opener *o, enum open_kind kind, const char *path, uint32_t id);
/*
 * Of a group of files, which may be known; only those that are not, or have
 * changed, are answered, and with_known the others by on_known.
 */
void opener_ask_group(struct opener *o, enum open_kind kind, uint32_t group, bool with_known, const char *path, uint32_t id);
/* Which files are known: a copy, known_write(), lent. Starts the process if there is none. */
void opener_tell_known(struct opener *o, int copy);
/* Stops or resumes taking answers; its deadline stops with them. */
void opener_pause(struct opener *o, bool paused);
/* No more questions; lets the process end. */
void opener_finish(struct opener *o);
/* Gives up what is open, without on_failed. */
void opener_abort(struct opener *o);

/* The opener process itself. */
int opener_main(void);

#endif
