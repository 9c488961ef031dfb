/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to the control socket: requests out, answers in, with a deadline. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#define CLIENT_DEADLINE_MS 10000	/* a running tlsward answers within milliseconds */

struct client;

/* NULL with a complete sentence in err, which says what the person can do. */
struct client *client_connect(const char *path, char *err, size_t errsize);
void client_close(struct client *c);

/* How long the next answers may take instead. */
void client_set_deadline(struct client *c, int ms);

enum client_result { CLIENT_OK, CLIENT_ERROR, CLIENT_LOST };

/*
 * Calls method; takes params (may be NULL). CLIENT_OK: *result is a new
 * reference. CLIENT_ERROR: the server answered an error, whose text (not yet
 * safe for a terminal) is in err, and *result is what it says besides, or
 * NULL. CLIENT_LOST: there was no answer; err says why.
 */
enum client_result client_call(struct client *c, const char *method, json_t *params, json_t **result,
	char *err, size_t errsize);

/*
 * The next notification, however long it takes; *params is a new reference.
 * CLIENT_LOST: there will be none, and err says why.
 */
enum client_result client_next_event(struct client *c, json_t **params, char *err, size_t errsize);

#endif
