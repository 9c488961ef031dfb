/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: a Unix stream socket, JSON-RPC 2.0, one object per line.
 * Who may connect may read (mode and group of the socket); the users of roles
 * are refused. Nothing here ever waits: a client that does not read, or sends
 * more than a line may hold, is cut.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <stddef.h>

#include "supervisor/supervisor.h"

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_LINE_MAX 65536			/* bytes of a request, newline included */
#define CONTROL_OUTPUT_MAX (4u << 20)		/* bytes that may wait for one client */
#define CONTROL_STALL_S 10.0			/* how long they may wait without any of them leaving */

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

#endif
