/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers that outlived their supervisor and may still hold its listeners. */
#ifndef SUPERVISOR_ORPHANS_H
#define SUPERVISOR_ORPHANS_H

#include <stdbool.h>

#include "common/addr.h"
#include "supervisor/state.h"

/*
 * An address is in use: gives the orphans up to a second to let go of it (they
 * do when they see that their supervisor is gone), then kills those that have
 * not. Blocks. Returns true if it is worth while to try the address again.
 */
bool orphans_give_way(const struct state *st, const struct addr *a);

#endif
