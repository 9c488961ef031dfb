/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63

static bool is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool labels_are_good(const char *name)
{
	size_t label = 0;

	for (const char *p = name; ; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > LABEL_MAX)
				return false;
			label = 0;
			if (*p == '\0')
				return true;
		} else {
			if (!is_label_byte(*p))
				return false;
			label++;
		}
	}
}

bool name_normalize(const char *name, size_t size, bool wildcard, char *out)
{
	if (size > 0 && name[size - 1] == '.')
		size--;
	if (size == 0 || size >= NAME_BYTES)
		return false;
	for (size_t i = 0; i < size; i++)
		out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
	out[size] = '\0';
	if (memchr(out, '\0', size))
		return false;
	bool starred = wildcard && strncmp(out, "*.", 2) == 0;
	return labels_are_good(starred ? out + 2 : out);
}

bool name_is_ip(const char *name)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

bool name_wildcard(const char *name, char *out)
{
	const char *dot = strchr(name, '.');

	if (!dot || dot[1] == '\0')
		return false;
	snprintf(out, NAME_BYTES, "*%s", dot);
	return true;
}
