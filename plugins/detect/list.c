/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/detect/list.h"

extern const struct detect_ops detect_cpu_spin, detect_stall, detect_fd_leak, detect_memory;

/* A spin often stalls, too, and says more. */
const struct detect_ops *const detect_list[] = {
	&detect_cpu_spin, &detect_stall, &detect_fd_leak, &detect_memory, NULL
};

void detect(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v)
{
	*v = (struct verdict){ .kind = VERDICT_NONE };
	for (const struct detect_ops *const *d = detect_list; *d && v->kind == VERDICT_NONE; d++)
		(*d)->look(limits, samples, n, v);
}
