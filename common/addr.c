/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/names.h"
#include "common/text.h"

int addr_from_ip(struct addr *a, const char *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->ss;

	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		a->len = sizeof *v4;
		return 0;
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		a->len = sizeof *v6;
		return 0;
	}
	return -EINVAL;
}

int addr_from_path(struct addr *a, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->ss;

	memset(a, 0, sizeof *a);
	if (strlen(path) >= sizeof un->sun_path)
		return -ENAMETOOLONG;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v < 1 || v > 65535)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

int addr_parse_server(const char *text, struct addr *a, char *host, uint16_t *port)
{
	memset(a, 0, sizeof *a);
	host[0] = '\0';
	*port = 0;
	if (strncmp(text, "unix:", 5) == 0)
		return text[5] == '/' && addr_from_path(a, text + 5) == 0 ? 0 : -EINVAL;
	const char *colon = strrchr(text, ':');
	if (!colon || parse_port(colon + 1, port) < 0)
		return -EINVAL;
	size_t n = (size_t)(colon - text);
	if (n >= 256 || n == 0)
		return -EINVAL;
	int bracketed = text[0] == '[' && text[n - 1] == ']';
	memcpy(host, text + bracketed, n - 2 * (size_t)bracketed);
	host[n - 2 * (size_t)bracketed] = '\0';
	if (bracketed != (strchr(host, ':') != NULL))
		return -EINVAL;
	if (addr_from_ip(a, host, *port) == 0)
		host[0] = '\0';
	else if (bracketed || !name_normalize(host, strlen(host), false, host))
		return -EINVAL;
	return 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port = htons(port);
	else if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->ss)->sin6_port = htons(port);
}

uint16_t addr_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return 0;
}

/* By hand: each line about a connection has one. */
static void ipv4_text(const struct sockaddr_in *sa, char *text)
{
	uint32_t ip = ntohl(sa->sin_addr.s_addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		text += text_decimal(text, ip >> shift & 0xff, 1);
		*text++ = shift > 0 ? '.' : ':';
	}
	text[text_decimal(text, ntohs(sa->sin_port), 1)] = '\0';
}

const char *addr_text(const struct sockaddr *sa, char *text)
{
	char ip[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET) {
		ipv4_text((const struct sockaddr_in *)sa, text);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
		inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
		snprintf(text, ADDR_TEXT, "[%s]:%u", ip, ntohs(v6->sin6_port));
	} else if (sa->sa_family == AF_UNIX) {
		snprintf(text, ADDR_TEXT, "unix:%.107s", ((const struct sockaddr_un *)sa)->sun_path);
	} else {
		snprintf(text, ADDR_TEXT, "-");
	}
	return text;
}
