/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of the first that does not come before name. */
static size_t place(const struct acme_names *names, const char *name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(names->list[mid]->rec.id, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct acme_name *acme_names_find(const struct acme_names *names, const char *name)
{
	size_t at = place(names, name);

	return at < names->n && strcmp(names->list[at]->rec.id, name) == 0 ? names->list[at] : NULL;
}

static bool make_room(struct acme_names *names)
{
	if (names->n < names->cap)
		return true;
	size_t cap = names->cap ? 2 * names->cap : 64;
	struct acme_name **list = reallocarray(names->list, cap, sizeof *list);
	if (!list)
		return false;
	names->list = list;
	names->cap = cap;
	return true;
}

struct acme_name *acme_names_get(struct acme_names *names, const char *name)
{
	size_t at = place(names, name);

	if (at < names->n && strcmp(names->list[at]->rec.id, name) == 0)
		return names->list[at];
	if (names->n == ACME_NAMES_MAX || strlen(name) > ACME_NAME_MAX || !make_room(names))
		return NULL;
	struct acme_name *new = calloc(1, sizeof *new);
	if (!new)
		return NULL;
	new->rec.kind = RECORD_ACME;
	snprintf(new->rec.id, sizeof new->rec.id, "%s", name);
	memmove(&names->list[at + 1], &names->list[at], (names->n - at) * sizeof *names->list);
	names->list[at] = new;
	names->n++;
	return new;
}

void acme_name_set_pem(struct acme_name *name, char *pem, size_t size)
{
	free(name->pem);
	name->pem = pem;
	name->pem_size = pem ? size : 0;
}

void acme_names_clear(struct acme_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		free(names->list[i]->pem);
		free(names->list[i]);
	}
	free(names->list);
	*names = (struct acme_names){ .n = 0 };
}
