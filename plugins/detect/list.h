/* SPDX-License-Identifier: BSD-2-Clause */
/* The detectors, in the order in which they are asked: the first verdict counts. */
#ifndef PLUGINS_DETECT_LIST_H
#define PLUGINS_DETECT_LIST_H

#include "plugins/detect/detect.h"

extern const struct detect_ops *const detect_list[];	/* NULL at its end */

/* Asks them all; v is VERDICT_NONE if nobody has seen anything. */
void detect(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v);

#endif
