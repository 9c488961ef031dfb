/* SPDX-License-Identifier: BSD-2-Clause */
/* What logger, keeper, librarian and advisor are for, as tables for child.h. */
#ifndef SUPERVISOR_ROLES_H
#define SUPERVISOR_ROLES_H

#include "supervisor/child.h"

extern const struct child_ops logger_ops, keeper_ops, librarian_ops, advisor_ops;

#endif
