/* SPDX-License-Identifier: BSD-2-Clause */
/* A strict check for one flat JSON object in ASCII (RFC 8259), for tests. */
#ifndef UNIT_JSON_CHECK_H
#define UNIT_JSON_CHECK_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static inline const char *json_string(const char *s)
{
	if (!s || *s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if (*s < ' ' || *s > '~')
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s == 'u') {
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char)*++s))
					return NULL;
		} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static inline const char *json_number(const char *s)
{
	s += *s == '-';
	if (!isdigit((unsigned char)*s) || (s[0] == '0' && isdigit((unsigned char)s[1])))
		return NULL;
	s += strspn(s, "0123456789");
	if (*s != '.')
		return s;
	s++;
	return isdigit((unsigned char)*s) ? s + strspn(s, "0123456789") : NULL;
}

static inline bool json_is_object(const char *s)
{
	if (*s != '{')
		return false;
	do {
		s = json_string(s + 1);
		if (!s || *s != ':')
			return false;
		s = s[1] == '"' ? json_string(s + 1) : json_number(s + 1);
	} while (s && *s == ',');
	return s && s[0] == '}' && s[1] == '\0';
}

#endif
