/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names as certificates and policies know them (RFC 6125, RFC 9525). */
#ifndef COMMON_NAMES_H
#define COMMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_BYTES 254	/* 253 and the NUL */

/*
 * Lower case, without a trailing dot, into out (NAME_BYTES). False if it is no
 * host name: empty, over 253 bytes, odd bytes, an empty or overlong label. A
 * leading "*." is taken where wildcard is true.
 */
bool name_normalize(const char *name, size_t size, bool wildcard, char *out);

/* True for what reads as an IPv4 or IPv6 address. */
bool name_is_ip(const char *name);

/* "a.example.org" -> "*.example.org" into out (NAME_BYTES); false for one label. */
bool name_wildcard(const char *name, char *out);

#endif
