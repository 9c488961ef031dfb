/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/deadlines.h"

#include <string.h>

static const struct {
	const char *name;
	uint32_t default_ms;
	bool may_be_zero;
} rows[DEADLINE_COUNT] = {
#define X(id, name, ms, zero) [id] = { name, ms, zero },
	DEADLINES(X)
#undef X
};

const char *deadline_name(enum deadline d) { return rows[d].name; }
bool deadline_may_be_zero(enum deadline d) { return rows[d].may_be_zero; }
uint32_t deadline_default_ms(enum deadline d) { return rows[d].default_ms; }

enum deadline deadline_by_name(const char *name)
{
	enum deadline d = 0;

	while (d < DEADLINE_COUNT && strcmp(rows[d].name, name) != 0)
		d++;
	return d;
}
