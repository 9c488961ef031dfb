/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences about files, for people. */
#ifndef LIBRARIAN_WORDS_H
#define LIBRARIAN_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Appends a sentence to a text of MSG_TEXT_MAX bytes; what does not fit is cut. */
void words_say(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes from a certificate, made harmless and short. */
const char *words_shown(const void *bytes, size_t size, char out[64]);
const char *words_day(int64_t when, char out[32]);

#endif
