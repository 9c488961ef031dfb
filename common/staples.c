/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/staples.h"

static const struct { const char *word, *help; } states[] = {
#define X(id, word, help) [id] = { word, help },
	STAPLE_STATES(X)
#undef X
};

const char *staple_state_name(enum staple_state s)
{
	return s < STAPLE_STATE_COUNT ? states[s].word : "?";
}

const char *staple_state_help(enum staple_state s)
{
	return s < STAPLE_STATE_COUNT ? states[s].help : "?";
}

bool staple_state_is_bad(enum staple_state s)
{
	return s != STAPLE_WAITING && s != STAPLE_GOOD;
}
