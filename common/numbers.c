/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct numbers *s, size_t more)
{
	size_t cap = s->cap ? s->cap : 16;

	while (cap < s->n + more)
		cap *= 2;
	if (cap == s->cap)
		return 0;
	uint32_t *list = reallocarray(s->list, cap, sizeof *list);
	if (!list)
		return -ENOMEM;
	s->list = list;
	s->cap = cap;
	return 0;
}

int numbers_add(struct numbers *s, uint32_t number)
{
	int rc = make_room(s, 1);

	if (rc == 0)
		s->list[s->n++] = number;
	return rc;
}

int numbers_add_bytes(struct numbers *s, struct bytes b)
{
	size_t n = b.size / sizeof *s->list;

	if (b.size % sizeof *s->list != 0)
		return -EBADMSG;
	int rc = make_room(s, n);
	if (rc < 0 || n == 0)
		return rc;
	memcpy(s->list + s->n, b.data, b.size);
	s->n += n;
	return 0;
}

struct bytes numbers_bytes(const struct numbers *s, size_t first, size_t most)
{
	size_t n = s->n > first ? s->n - first : 0;

	n = n > most ? most : n;
	return (struct bytes){ n > 0 ? (const uint8_t *)(s->list + first) : NULL, n * sizeof *s->list };
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void numbers_sort(struct numbers *s)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, compare);
}

bool numbers_has(const struct numbers *s, uint32_t number)
{
	return s->n > 0 && bsearch(&number, s->list, s->n, sizeof *s->list, compare) != NULL;
}

void numbers_clear(struct numbers *s)
{
	free(s->list);
	*s = (struct numbers){ .n = 0 };
}
