/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP, bounded in everything: total time, size, redirects, how many at once,
 * and whom it may reach. The only user of libcurl. Names are resolved in
 * children (resolve.h), because a resolver in this process would block it.
 */
#ifndef LIBRARIAN_FETCH_H
#define LIBRARIAN_FETCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_AT_ONCE 16	/* the rest waits with whoever asks: see fetch_room() */
#define FETCH_SHARE 12		/* of these one kind of fetch takes at most: those that hang leave room for the others */
#define FETCH_REDIRECTS_MAX 3
#define FETCH_POLL_MAX 32	/* descriptors of others in one fetch_poll() */

struct fetcher;

struct fetch_limits {
	uint32_t timeout_ms;	/* of all of a fetch: resolving, redirects, the last byte; where a request names none */
	size_t size;		/* of a body */
	bool private_addresses;	/* may be reached, too */
};

struct fetch_answer {
	const char *error;	/* why there is no body, or "" */
	const void *body;
	size_t size;
};

/* All is lent for the call, in which more may be asked for. */
typedef void fetch_done(void *data, uint64_t ticket, const struct fetch_answer *a);

struct fetch_request {
	const char *url;	/* http:// only */
	fetch_done *done;
	void *data;		/* for done */
	uint64_t ticket;	/* comes back with the answer */
	uint32_t timeout_ms;	/* 0: that of the limits */
	/* To be sent by POST, with that media type; NULL for GET. Copied. */
	const void *body;
	size_t body_size;
	const char *type;
};

/* Before the process is restricted: libraries read their settings. NULL: out of memory. */
struct fetcher *fetcher_new(const struct fetch_limits *limits);
void fetcher_free(struct fetcher *f);	/* what has not been answered never is */
void fetcher_limits(struct fetcher *f, const struct fetch_limits *limits);

bool fetch_room(const struct fetcher *f);
/* Answered later, also if it cannot begin. False: there is no room. */
bool fetch(struct fetcher *f, const struct fetch_request *q);
/* poll(2) for others' descriptors and its own; then works, and answers what is done. */
int fetch_poll(struct fetcher *f, struct pollfd *fds, int n, int timeout_ms);

#endif
