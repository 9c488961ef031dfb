/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: a Unix stream socket, JSON-RPC 2.0, one object per line.
 * Who may connect may read (mode and group of the socket); the users of roles
 * are refused. Nothing here ever waits: a client that does not read, or sends
 * more than a line may hold, is cut.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/supervisor.h"

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_LINE_MAX 65536			/* bytes of a request, newline included */
#define CONTROL_OUTPUT_MAX (4u << 20)		/* bytes that may wait for one client */
#define CONTROL_STALL_S 10.0			/* how long they may wait without any of them leaving */

#define CONTROL_FOLLOWER_STALL_S 60.0		/* the same for one that follows events */
#define CONTROL_EVENTS_MAX 65536		/* bytes that may wait for one before events are lost to it */
#define CONTROL_LATER_MAX 64			/* answers that may be due later, of all clients */
#define CONTROL_LATER_CLIENT 8			/* and of one */

struct call;
struct control;

/*
 * Makes the socket that conf names, and its directory (0755) if that is
 * missing. A socket on which nobody answers is replaced; anything else that
 * has the path is an error. The socket gets the configured group and mode
 * 0660; without the means to give it that group, an unprivileged start gets
 * mode 0600. Returns a listening, non-blocking, close-on-exec descriptor (the
 * caller's), or a negative errno with a sentence in err.
 */
int control_listen(const struct conf *conf, char *err, size_t errsize);

/*
 * Serves fd, which it takes, in s->loop; s must outlive it. Looks up users and
 * groups, so call it at start. NULL with errno set: fd stays the caller's.
 */
struct control *control_new(struct supervisor *s, int fd);

/* Cuts every client, closes and unlinks the socket (if it still is ours). Takes NULL. */
void control_free(struct control *c);

/*
 * Tells everybody who follows events; name is a word for scripts, fields an
 * object (taken; NULL: none). Never waits: whoever is too slow loses the event
 * and is told how many. c may be NULL.
 */
void control_event(struct control *c, const char *name, json_t *fields);

/*
 * For a handler that cannot answer at once: gives a ticket and makes what the
 * handler returns (NULL then) no answer. Whoever has the ticket answers it with
 * control_answer() or control_fail(), from wherever it is, also before the
 * handler returns. A ticket is a number: it needs no freeing, and one whose
 * client has gone, whose deadline is over (the client was told then) or that
 * was answered already is void, and answering it does nothing. 0, with the
 * error in call: too many wait.
 */
uint32_t control_later(struct call *call, uint32_t deadline_ms);
/* The ticket is not void: somebody still waits. */
bool control_waits(const struct control *c, uint32_t ticket);
/* Takes result (NULL: out of memory). c may be NULL: nobody can wait then. */
void control_answer(struct control *c, uint32_t ticket, json_t *result);
/* code: enum rpc_code; the text is a sentence. */
void control_fail(struct control *c, uint32_t ticket, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with data (taken) in the error. */
void control_fail_with(struct control *c, uint32_t ticket, int code, json_t *data, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * The answer has to come from that process, in a message that carries the
 * ticket as its id. When the process goes, the ticket fails by itself.
 */
void control_expect(struct control *c, uint32_t ticket, const struct child *from);
/* Whether a message of that process with that id answers a ticket. */
bool control_expects(const struct control *c, uint32_t ticket, const struct child *from);
/* The process is gone. */
void control_child_down(struct control *c, const struct child *child);

#endif
