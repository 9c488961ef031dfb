/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of authorities, found by whom they are. */
#ifndef PLUGINS_CHAIN_POOL_H
#define PLUGINS_CHAIN_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/chain/cert.h"

#define POOL_CERTS_MAX 10000

struct pool;

/* By reference. */
struct pool *pool_new(void);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p);	/* NULL does nothing */

/*
 * Adds one and keeps a reference; one that is there already, or that may not
 * issue, is left out. 1: added, 0: left out; -E2BIG or -ENOMEM.
 */
int pool_add(struct pool *p, struct chain_cert *c);
size_t pool_count(const struct pool *p);
/* The next with that subject after `last`, NULL for the first; NULL: no more. Lent. */
struct chain_cert *pool_next(const struct pool *p, struct bytes subject, const struct chain_cert *last);

#endif
