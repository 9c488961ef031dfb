/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static char *must(char *p)
{
	if (!p) {
		fputs("tlswardctl: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static char *copy(const char *text)
{
	return must(strdup(text));
}

char *unit_safe(const char *text)
{
	size_t size = strlen(text);
	char *out = must(malloc(4 * size + 1)), *p = out;
	mbstate_t state = { 0 };

	while (size > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, size, &state);
		if (n <= size && iswprint((wint_t)c) && wcwidth(c) >= 0) {
			memcpy(p, text, n);
			p += n;
		} else {
			memset(&state, 0, sizeof state);
			n = 1;
			p += sprintf(p, "\\x%02x", (unsigned char)*text);
		}
		text += n;
		size -= n;
	}
	*p = '\0';
	return out;
}

char *unit_text(const json_t *v)
{
	char number[32];

	if (json_is_string(v))
		return unit_safe(json_string_value(v));
	if (json_is_integer(v))
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(number, sizeof number, "%g", json_real_value(v));
	else
		snprintf(number, sizeof number, "%s", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "-");
	return copy(number);
}

static char *scaled(const json_t *v, double step, double plain_below, const char *units)
{
	char text[32];

	if (!json_is_number(v))
		return unit_text(v);
	double n = json_number_value(v);
	size_t i = 0;
	if (n < plain_below)
		return unit_text(v);
	for (n /= step; n >= step && units[i + 1] != '\0'; i++)
		n /= step;
	snprintf(text, sizeof text, n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[i]);
	return copy(text);
}

char *unit_count(const json_t *v)
{
	return scaled(v, 1000, 10000, "kMGTP");
}

char *unit_bytes(const json_t *v)
{
	return scaled(v, 1024, 1024, "KMGTP");
}

char *unit_ms(const json_t *v)
{
	char text[40];

	if (!json_is_number(v))
		return unit_text(v);
	long long ms = json_integer_value(v), s = (ms < 0 ? -ms : ms) / 1000;
	const char *sign = ms < 0 ? "-" : "";
	if (ms < 0)
		ms = -ms;
	if (ms < 1000)
		snprintf(text, sizeof text, "%s%lldms", sign, ms);
	else if (s < 60)
		snprintf(text, sizeof text, "%s%lld.%llds", sign, s, ms % 1000 / 100);
	else if (s < 3600)
		snprintf(text, sizeof text, "%s%lldm%02llds", sign, s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, sizeof text, "%s%lldh%02lldm", sign, s / 3600, s / 60 % 60);
	else
		snprintf(text, sizeof text, "%s%lldd%02lldh", sign, s / 86400, s / 3600 % 24);
	return copy(text);
}

int unit_width(const char *text)
{
	int width = 0;
	mbstate_t state = { 0 };

	for (size_t left = strlen(text); left > 0; ) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, left, &state);
		int w = n <= left ? wcwidth(c) : 1;
		width += w > 0 ? w : 0;
		n = n <= left && n > 0 ? n : 1;
		text += n;
		left -= n;
	}
	return width;
}
