/* SPDX-License-Identifier: BSD-2-Clause */
/* The stock that a catalog's segments tell of, so that a librarian can go on from what is in force. */
#ifndef LIBRARIAN_RESUME_H
#define LIBRARIAN_RESUME_H

#include "plugins/chain/pool.h"
#include "workers/librarian/stock.h"

/* fds: newest first, lent. brought: as in round.h. NULL with errno set. */
struct stock *resume_stock(const int *fds, int n, struct pool *brought);

#endif
