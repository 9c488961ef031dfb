/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/text.h"

#include <stdarg.h>
#include <string.h>

void text_copy(char *at, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);

	memcpy(at, text, n);
	at[n] = '\0';
}

void text_join(char *at, size_t size, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, size);
	while ((text = va_arg(ap, const char *))) {
		text_copy(at, size, text);
		size_t n = strlen(at);
		at += n;
		size -= n;
	}
	va_end(ap);
}

size_t text_decimal(char *at, uint64_t value, size_t least)
{
	char reversed[TEXT_DECIMAL];
	size_t n = 0;

	while (value > 0 || n < least) {
		reversed[n++] = (char)('0' + value % 10);
		value /= 10;
	}
	for (size_t i = 0; i < n; i++)
		at[i] = reversed[n - 1 - i];
	return n;
}
