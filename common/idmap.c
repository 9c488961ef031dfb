/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void idmap_clear(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){ .slots = NULL };
}

static size_t home(const struct idmap *m, const uint8_t *id)
{
	uint64_t h;

	memcpy(&h, id, sizeof h);
	return h & (m->slots_n - 1);
}

/* Where it is, or would be. */
static size_t place(const struct idmap *m, const uint8_t *id)
{
	size_t at = home(m, id);

	while (m->slots[at].value && memcmp(m->slots[at].id, id, CERT_ID_BYTES) != 0)
		at = (at + 1) & (m->slots_n - 1);
	return at;
}

void *idmap_get(const struct idmap *m, const uint8_t id[CERT_ID_BYTES])
{
	return m->n > 0 ? m->slots[place(m, id)].value : NULL;
}

static int make_room(struct idmap *m)
{
	struct idmap more = { .slots_n = m->slots_n ? 2 * m->slots_n : 64, .n = m->n };

	if (2 * (m->n + 1) <= m->slots_n)
		return 0;
	more.slots = calloc(more.slots_n, sizeof *more.slots);
	if (!more.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->slots_n; i++)
		if (m->slots[i].value)
			more.slots[place(&more, m->slots[i].id)] = m->slots[i];
	free(m->slots);
	*m = more;
	return 0;
}

int idmap_add(struct idmap *m, const uint8_t id[CERT_ID_BYTES], void *value)
{
	int rc = make_room(m);

	if (rc < 0)
		return rc;
	m->slots[place(m, id)] = (struct idmap_slot){ id, value };
	m->n++;
	return 0;
}

/* What lies behind the gap moves up if it may, so that no look-up ends at it. */
void idmap_remove(struct idmap *m, const uint8_t id[CERT_ID_BYTES])
{
	if (!idmap_get(m, id))
		return;
	size_t gap = place(m, id), mask = m->slots_n - 1;
	for (size_t at = (gap + 1) & mask; m->slots[at].value; at = (at + 1) & mask) {
		if (((at - home(m, m->slots[at].id)) & mask) < ((at - gap) & mask))
			continue;
		m->slots[gap] = m->slots[at];
		gap = at;
	}
	m->slots[gap] = (struct idmap_slot){ NULL, NULL };
	m->n--;
}

void *idmap_next(const struct idmap *m, size_t *at)
{
	while (*at < m->slots_n)
		if (m->slots[(*at)++].value)
			return m->slots[*at - 1].value;
	return NULL;
}
