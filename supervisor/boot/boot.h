/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start, in the loop: log file, logger, keeper, librarian and advisor, their
 * files and names, then the workers. Nothing of it blocks; anything that fails ends
 * the start.
 */
#ifndef SUPERVISOR_BOOT_BOOT_H
#define SUPERVISOR_BOOT_BOOT_H

#include "supervisor/supervisor.h"

/* What the flow of files and the names report to. */
extern const struct material_ops boot_material_ops;
extern const struct backends_ops boot_backends_ops;
extern const struct policy_ops_super boot_policy_ops;
extern const struct acme_ops boot_acme_ops;
extern const struct opener_ops boot_log_ops;

void boot_begin(struct supervisor *s);
/* All workers are ready for the first time. */
void boot_ready(struct supervisor *s);

#endif
