/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing list of numbers, which may be sorted and asked; files are spoken of by numbers. */
#ifndef COMMON_NUMBERS_H
#define COMMON_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

/* All zero: empty. */
struct numbers {
	uint32_t *list;		/* owned */
	size_t n, cap;
};

/* 0 or -ENOMEM. */
int numbers_add(struct numbers *s, uint32_t number);
/* Those of a message's field, uint32_t each; -EBADMSG if there is half a one. */
int numbers_add_bytes(struct numbers *s, struct bytes b);
/* At most `most` of them from number `first` on, as such a field; lent. */
struct bytes numbers_bytes(const struct numbers *s, size_t first, size_t most);
void numbers_sort(struct numbers *s);
/* After sorting. */
bool numbers_has(const struct numbers *s, uint32_t number);
void numbers_clear(struct numbers *s);

#endif
