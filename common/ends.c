/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/ends.h"

static const char *const phases[PHASE_COUNT] = {
#define X(id, name) [id] = name,
	PHASES(X)
#undef X
};

static const struct { const char *name, *text; } ends[END_COUNT] = {
#define X(id, name, text) [id] = { name, text },
	ENDS(X)
#undef X
};

const char *phase_name(enum phase p) { return p < PHASE_COUNT ? phases[p] : "invalid"; }
const char *end_name(enum end e) { return e < END_COUNT ? ends[e].name : "invalid"; }
const char *end_text(enum end e) { return e < END_COUNT ? ends[e].text : "invalid"; }
