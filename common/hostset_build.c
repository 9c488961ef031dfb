/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/hostset_build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hostset.h"
#include "common/memfd.h"
#include "common/names.h"

#define SHOWN 80	/* bytes of a bad line that its error repeats */

struct entry { const char *at; size_t size; };

/* The name in a line: without comment and blanks; size 0 if there is none. */
static struct entry line_content(const char *line, size_t size)
{
	const char *comment = memchr(line, '#', size);

	if (comment)
		size = (size_t)(comment - line);
	while (size > 0 && strchr(" \t\r\f\v", *line) && *line)
		line++, size--;
	while (size > 0 && strchr(" \t\r\f\v", line[size - 1]) && line[size - 1])
		size--;
	return (struct entry){ line, size };
}

/* Writes kind and normalized name; false if it is none. */
static bool parse_name(struct entry e, enum hostset_kind *kind, char *name)
{
	*kind = HOSTSET_EXACT;
	if (e.size > 2 && e.at[0] == '*' && e.at[1] == '.')
		*kind = HOSTSET_WILDCARD;
	else if (e.size > 1 && e.at[0] == '.')
		*kind = HOSTSET_SUFFIX;
	size_t skip = *kind == HOSTSET_WILDCARD ? 2 : *kind == HOSTSET_SUFFIX ? 1 : 0;
	return name_normalize(e.at + skip, e.size - skip, false, name) && !name_is_ip(name);
}

struct builder {
	uint8_t *data;
	struct hostset_head *head;
	struct hostset_slot *slots;
	size_t used;			/* bytes */
};

/* Puts a name into the first free slot, unless it is there already. */
static void put_name(struct builder *b, enum hostset_kind kind, const char *name)
{
	uint32_t mask = b->head->slots_n - 1;
	size_t size = strlen(name);
	uint64_t h = HOSTSET_HASH_START;

	for (size_t i = size; i > 0; i--)
		h = hostset_hash_more(h, name[i - 1]);
	h = hostset_hash_end(h, kind);
	uint32_t i = (uint32_t)h & mask;
	for (; b->slots[i].off != 0; i = (i + 1) & mask) {
		const uint8_t *at = b->data + b->slots[i].off;
		if (at[0] == kind && at[1] == size && memcmp(at + 2, name, size) == 0)
			return;
	}
	b->slots[i] = (struct hostset_slot){ .tag = (uint32_t)(h >> 32), .off = (uint32_t)b->used };
	b->data[b->used++] = (uint8_t)kind;
	b->data[b->used++] = (uint8_t)size;
	memcpy(b->data + b->used, name, size + 1);
	b->used += size + 1;
	b->head->names_n++;
	b->head->kinds_n[kind]++;
}

/* Calls each line that has content; counting (b NULL) or putting. */
static int each_line(const char *text, size_t size, struct builder *b, size_t *lines, char *err, size_t err_size)
{
	const char *end = text + size;
	size_t number = 0;

	*lines = 0;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct entry e = line_content(text, (size_t)((newline ? newline : end) - text));
		enum hostset_kind kind;
		char name[NAME_BYTES];

		number++;
		text = newline ? newline + 1 : end;
		if (e.size == 0)
			continue;
		(*lines)++;
		if (!b)
			continue;
		if (!parse_name(e, &kind, name)) {
			snprintf(err, err_size, "line %zu: \"%.*s\" is no host name", number,
				(int)(e.size < SHOWN ? e.size : SHOWN), e.at);
			return -EINVAL;
		}
		put_name(b, kind, name);
	}
	return 0;
}

static uint32_t slots_for(size_t names)
{
	uint32_t slots = 16;

	while (slots < 2 * names)
		slots *= 2;
	return slots;
}

/* The built bytes become a memfd that nobody can change. */
static int seal(const struct builder *b, int *fd)
{
	int rc = memfd_new("hostset", 0);

	if (rc < 0)
		return rc;
	*fd = rc;
	rc = memfd_write(*fd, 0, b->data, b->used);
	if (rc == 0)
		rc = memfd_seal_all(*fd);
	if (rc < 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

int hostset_build(const char *text, size_t size, int *fd, uint32_t *names, char *err, size_t err_size)
{
	struct builder b = { 0 };
	size_t lines;

	*fd = -1;
	*names = 0;
	if (size > HOSTSET_TEXT_MAX) {
		snprintf(err, err_size, "is larger than %zu MB", HOSTSET_TEXT_MAX >> 20);
		return -EFBIG;
	}
	each_line(text, size, NULL, &lines, err, err_size);
	if (lines > HOSTSET_NAMES_MAX) {
		snprintf(err, err_size, "has more than %zu names", HOSTSET_NAMES_MAX);
		return -E2BIG;
	}
	uint32_t slots_n = slots_for(lines);
	/* A stored name needs three bytes more than its line without the newline. */
	size_t cap = sizeof *b.head + slots_n * sizeof *b.slots + size + 3 * lines;
	b.data = calloc(1, cap);
	if (!b.data) {
		snprintf(err, err_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	b.head = (void *)b.data;
	b.slots = (void *)(b.head + 1);
	b.head->magic = HOSTSET_MAGIC;
	b.head->slots_n = slots_n;
	b.used = sizeof *b.head + slots_n * sizeof *b.slots;
	int rc = each_line(text, size, &b, &lines, err, err_size);
	b.head->size = b.used;
	if (rc == 0) {
		*names = b.head->names_n;
		rc = seal(&b, fd);
		if (rc < 0)
			snprintf(err, err_size, "%s", strerror(-rc));
	}
	free(b.data);
	return rc;
}
