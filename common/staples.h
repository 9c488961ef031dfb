/* SPDX-License-Identifier: BSD-2-Clause */
/* How it stands with the staple (OCSP response) of a certificate; the same words everywhere. */
#ifndef COMMON_STAPLES_H
#define COMMON_STAPLES_H

#include <stdbool.h>

/* X(enum, word, help) */
#define STAPLE_STATES(X) \
	X(STAPLE_WAITING, "waiting", "has none yet, and none has been asked for") \
	X(STAPLE_GOOD, "good", "has one") \
	X(STAPLE_FAILING, "failing", "has one, but the last try to renew it failed") \
	X(STAPLE_RUNNING_OUT, "running_out", "the same, and less than a quarter of its time is left") \
	X(STAPLE_MISSING, "missing", "has none, and none could be had") \
	X(STAPLE_REVOKED, "revoked", "has none: the certificate has been revoked")

enum staple_state {
#define X(id, word, help) id,
	STAPLE_STATES(X)
#undef X
	STAPLE_STATE_COUNT
};

const char *staple_state_name(enum staple_state s);	/* "?" for a number that is none */
const char *staple_state_help(enum staple_state s);
/* Whether a person should know. */
bool staple_state_is_bad(enum staple_state s);

#endif
