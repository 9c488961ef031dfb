/* SPDX-License-Identifier: BSD-2-Clause */
/* The series of a process as small graphs of text, one line each, for people. */
#ifndef CTL_GRAPH_H
#define CTL_GRAPH_H

#include <jansson.h>

/* samples: as `worker` answers them; nothing is drawn if it is null. width: of the terminal, 0 for none. */
void graph_samples(const json_t *samples, int width);

#endif
