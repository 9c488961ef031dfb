/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log and those who follow events hear of the life of a process. */
#ifndef SUPERVISOR_CHILD_TELL_H
#define SUPERVISOR_CHILD_TELL_H

#include <jansson.h>

#include "common/log.h"
#include "supervisor/child.h"

/* An event; fields: those that are particular to it (taken), or NULL. */
void child_tell(const struct child *c, const char *event, json_t *fields);
/* A log line; why may be NULL. */
void child_say(const struct child *c, enum log_level level, const char *text, const char *why);
void child_say_ready(const struct child *c);
/* Of a state's time that is over; nothing for any other event. */
void child_say_step(const struct child *c, enum child_state from, enum child_event e);

/* status: as wait(2) gives it; kept in the child, in words and as it is. */
void child_describe_death(struct child *c, int status);
/* A death not asked for: counted, and the wait before the next start is set. */
void child_count_death(struct child *c);
void child_note_end(struct child *c);

#endif
