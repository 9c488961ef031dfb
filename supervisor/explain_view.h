/* SPDX-License-Identifier: BSD-2-Clause */
/* What the advisor has explained, as JSON. */
#ifndef SUPERVISOR_EXPLAIN_VIEW_H
#define SUPERVISOR_EXPLAIN_VIEW_H

#include <jansson.h>

#include "common/msg.h"

struct supervisor;

/* s may be NULL: then nothing is said of backends. A new reference, or NULL without memory. */
json_t *explain_view(const struct supervisor *s, const struct msg_explain_ans *a, const char *host, const char *from, const char *listener);

#endif
