/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 (RFC 4648): with padding for PEM, of the URL alphabet without it for ACME. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)
/* Bytes of text that pem_write() makes of n bytes, with the NUL, for a label of at most 32 bytes. */
#define PEM_SIZE(n) (BASE64_SIZE(n) + BASE64_SIZE(n) / 64 + 128)

/* A PEM block with lines of 64 characters and a NUL; out has PEM_SIZE(size) bytes. Returns its length. */
size_t base64_pem(const char *label, const void *data, size_t size, char *out);

/* Whether text is of the URL alphabet (RFC 4648 5) and has 1 to max characters: nothing else may be in it. */
bool base64url_is(const char *text, size_t max);
/* Decodes text without padding; returns the number of bytes, or -EINVAL if it is none or does not fit. */
ssize_t base64url_decode(const char *text, uint8_t *out, size_t cap);

#endif
