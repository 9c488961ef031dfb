/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/msg.h"

void words_say(char *text, const char *format, ...)
{
	size_t at = strlen(text);
	va_list ap;

	if (at > 0)
		at += (size_t)snprintf(text + at, MSG_TEXT_MAX - at, "; ");
	if (at >= MSG_TEXT_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text + at, MSG_TEXT_MAX - at, format, ap);
	va_end(ap);
}

const char *words_shown(const void *bytes, size_t size, char out[64])
{
	const unsigned char *p = bytes;
	size_t n = size < 60 ? size : 60;

	for (size_t i = 0; i < n; i++)
		out[i] = p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '?';
	snprintf(out + n, 4, "%s", n < size ? "..." : "");
	return out;
}

const char *words_day(int64_t when, char out[32])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(out, 32, "an unknown day");
	return out;
}
