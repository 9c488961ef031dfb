/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text into places of bounded size, where snprintf(3) would be a good part of
 * the cost: what each connection writes into its record and its line of the log.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_DECIMAL 20		/* digits of the largest number */

/* As much as fits, terminated always. */
void text_copy(char *at, size_t size, const char *text);
/* The same for several, which a NULL ends. */
void text_join(char *at, size_t size, ...) __attribute__((sentinel));
/* In decimal, at least so many digits, not terminated; how many there are. */
size_t text_decimal(char *at, uint64_t value, size_t least);

#endif
