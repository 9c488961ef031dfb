/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of the backends' servers: literals as they stand, names as the
 * librarian finds them, asked for again and again.
 */
#ifndef SUPERVISOR_BACKENDS_H
#define SUPERVISOR_BACKENDS_H

#include <stdbool.h>

#include "common/addr.h"
#include "supervisor/child.h"
#include "supervisor/conf.h"

struct backends;

struct backends_ops {
	/* Addresses of that backend have changed. */
	void (*on_changed)(struct supervisor *s, int backend);
	/* Every name has been answered once, or the time for it is over. */
	void (*on_known)(struct supervisor *s);
};

/*
 * Of that configuration, which must outlive it. known: addresses that were
 * found for another one are taken over; or NULL. NULL: out of memory.
 */
struct backends *backends_new(struct supervisor *s, const struct conf *conf, const struct backends_ops *ops,
	const struct backends *known);
void backends_set_ops(struct backends *b, const struct backends_ops *ops);
void backends_free(struct backends *b);

/*
 * Whenever there is a librarian to be asked: asks for all names. on_known
 * follows the first time, also at once if there is none.
 */
void backends_start(struct backends *b);
void backends_stop(struct backends *b);
void backends_on_answer(struct backends *b, const struct msg_resolve_ans *a);

/*
 * The TCP ports of all servers, each once (room for MSG_PORTS_MAX). Returns
 * how many, or -E2BIG. They do not change with the names' addresses.
 */
int backends_ports(const struct backends *b, uint16_t *ports);
/* Whether a has a port that b has not. */
bool backends_need_ports(const struct backends *a, const struct backends *b);
/* How many servers a backend has now, and the k-th; label as configured. */
int backends_servers(const struct backends *b, int backend);
const struct addr *backends_server(const struct backends *b, int backend, int k, const char **label);

#endif
