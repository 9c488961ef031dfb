/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the blocks of a PEM text (RFC 7468); decodes nothing. */
#ifndef LIBRARIAN_PEM_H
#define LIBRARIAN_PEM_H

#include <stdbool.h>
#include <stddef.h>

struct pem_block {
	const char *label;	/* in the text, not terminated */
	size_t label_size;
	const char *text;	/* from BEGIN to the end of the END line */
	size_t size;
	bool cut;		/* has no END line; text goes to the end */
};

/* The next block from *at on, which is moved behind it; false if there is none. */
bool pem_next(const char **at, const char *end, struct pem_block *b);
bool pem_is_certificate(const struct pem_block *b);
bool pem_is_private_key(const struct pem_block *b);

#endif
