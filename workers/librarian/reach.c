/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/reach.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const struct { uint32_t net; int bits; } not_public_4[] = {
	{ 0x00000000, 8 }, { 0x0a000000, 8 }, { 0x64400000, 10 }, { 0x7f000000, 8 }, { 0xa9fe0000, 16 }, { 0xac100000, 12 },
	{ 0xc0000000, 24 }, { 0xc0000200, 24 }, { 0xc0586300, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 },
	{ 0xc6336400, 24 }, { 0xcb007100, 24 }, { 0xe0000000, 4 }, { 0xf0000000, 4 },
};

static bool is_public_4(uint32_t a)
{
	for (size_t i = 0; i < sizeof not_public_4 / sizeof not_public_4[0]; i++)
		if (((a ^ not_public_4[i].net) >> (32 - not_public_4[i].bits)) == 0)
			return false;
	return true;
}

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Only 2000::/3 is given to anybody, and of that not the ranges for tunnels,
 * benchmarks and documents. NAT64 (64:ff9b::/96) is outside of it and refused.
 */
static bool is_public_6(const uint8_t *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (memcmp(a, mapped, sizeof mapped) == 0)
		return is_public_4(word(a + 12));
	if ((a[0] & 0xe0) != 0x20)
		return false;
	if (a[0] == 0x20 && a[1] == 0x02)	/* 6to4 */
		return is_public_4(word(a + 2));
	if (word(a) == 0x20010db8)
		return false;
	return !(a[0] == 0x20 && a[1] == 0x01 && a[2] < 2);	/* 2001::/23 */
}

bool reach_is_public(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return is_public_4(ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr));
	if (sa->sa_family == AF_INET6)
		return is_public_6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
	return false;
}
