/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/pemsplit.h"

#include <string.h>

struct span { const char *at; size_t size; };

/* Takes a line without its end and trailing blanks; false at the end. */
static bool next_line(const char **at, const char *end, struct span *line)
{
	if (*at >= end)
		return false;
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));
	const char *stop = nl ? nl : end;

	line->at = *at;
	*at = nl ? nl + 1 : end;
	while (stop > line->at && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	line->size = (size_t)(stop - line->at);
	return true;
}

/* "-----BEGIN X-----" -> X */
static bool label_after(const struct span *line, const char *prefix, struct span *label)
{
	static const char dashes[] = "-----";
	size_t head = strlen(prefix), tail = sizeof dashes - 1;

	if (line->size < head + tail || memcmp(line->at, prefix, head) != 0 ||
	    memcmp(line->at + line->size - tail, dashes, tail) != 0)
		return false;
	*label = (struct span){ line->at + head, line->size - head - tail };
	return true;
}

static bool same(const struct span *a, const struct span *b)
{
	return a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

static bool is(const struct span *s, const char *word)
{
	return same(s, &(struct span){ word, strlen(word) });
}

static bool ends_with(const struct span *s, const char *tail)
{
	size_t n = strlen(tail);

	return s->size >= n && memcmp(s->at + s->size - n, tail, n) == 0;
}

static enum pem_kind kind_of(const struct span *label)
{
	if (is(label, "CERTIFICATE"))
		return PEM_CERTIFICATE;
	if (is(label, "ENCRYPTED PRIVATE KEY"))
		return PEM_KEY_ENCRYPTED;
	return ends_with(label, "PRIVATE KEY") ? PEM_KEY : PEM_OTHER;
}

static bool says_encrypted(const struct span *line)
{
	static const char header[] = "Proc-Type:";

	return line->size > sizeof header - 1 && memcmp(line->at, header, sizeof header - 1) == 0 &&
		ends_with(line, "ENCRYPTED");
}

enum pem_next pem_next(const char **at, const char *end, struct pem_block *b)
{
	struct span line, label, other;

	do {
		if (!next_line(at, end, &line))
			return PEM_END;
	} while (!label_after(&line, "-----BEGIN ", &label));
	*b = (struct pem_block){ .kind = kind_of(&label), .text = line.at };
	while (next_line(at, end, &line)) {
		if (label_after(&line, "-----BEGIN ", &other))
			return PEM_BROKEN;
		if (label_after(&line, "-----END ", &other)) {
			b->size = (size_t)(*at - b->text);
			return same(&label, &other) ? PEM_BLOCK : PEM_BROKEN;
		}
		if (b->kind == PEM_KEY && says_encrypted(&line))
			b->kind = PEM_KEY_ENCRYPTED;
	}
	return PEM_BROKEN;
}
