/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings what a catalog has of staples up to what is here. */
#ifndef LIBRARIAN_RESTAPLE_H
#define LIBRARIAN_RESTAPLE_H

#include "workers/librarian/change.h"
#include "workers/librarian/staples.h"

/*
 * Whatever the change leaves as it is gets the staple that is here now, if
 * that is another one; on false: none. 0, -ENOMEM or -EFBIG.
 */
int restaple(struct change *c, const struct staples *s, bool on, int64_t now);

#endif
