/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a live process spends its time: its stack, many times over a second. */
#ifndef WITNESS_PROFILE_H
#define WITNESS_PROFILE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

/* New reference; what could not be had stands in its "missing". Takes about a second. */
json_t *profile_view(pid_t pid, uint64_t start);

#endif
