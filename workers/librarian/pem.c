/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/pem.h"

#include <stdio.h>
#include <string.h>

#define BEGIN "-----BEGIN "
#define DASHES "-----"
#define LABEL_MAX 40

static const char *find(const char *at, const char *end, const char *what)
{
	return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The label runs to the next dashes, on the same line. */
static bool take_label(const char *at, const char *end, struct pem_block *b)
{
	size_t room = (size_t)(end - at) < LABEL_MAX ? (size_t)(end - at) : LABEL_MAX;
	const char *dashes = memmem(at, room, DASHES, strlen(DASHES));

	if (!dashes || memchr(at, '\n', (size_t)(dashes - at)))
		return false;
	b->label = at;
	b->label_size = (size_t)(dashes - at);
	return true;
}

bool pem_next(const char **at, const char *end, struct pem_block *b)
{
	char last[sizeof "-----END -----" + LABEL_MAX];

	for (;;) {
		b->text = find(*at, end, BEGIN);
		if (!b->text)
			return false;
		*at = b->text + strlen(BEGIN);
		if (take_label(*at, end, b))
			break;
	}
	snprintf(last, sizeof last, "-----END %.*s-----", (int)b->label_size, b->label);
	const char *stop = find(*at, end, last);
	b->cut = !stop;
	*at = stop ? stop + strlen(last) : end;
	b->size = (size_t)(*at - b->text);
	return true;
}

static bool label_is(const struct pem_block *b, const char *label)
{
	return b->label_size == strlen(label) && memcmp(b->label, label, b->label_size) == 0;
}

bool pem_is_certificate(const struct pem_block *b)
{
	return label_is(b, "CERTIFICATE") || label_is(b, "X509 CERTIFICATE");
}

bool pem_is_private_key(const struct pem_block *b)
{
	static const char key[] = "PRIVATE KEY";
	size_t n = sizeof key - 1;

	return b->label_size >= n && memcmp(b->label + b->label_size - n, key, n) == 0;
}
