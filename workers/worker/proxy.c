/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	COMMAND_PROXY = 0x21,		/* version 2, command PROXY */
	FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21,
	TLV_ALPN = 0x01, TLV_AUTHORITY = 0x02, TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21, TLV_SSL_CIPHER = 0x23,
	CLIENT_SSL = 0x01,
};

static void put_tlv(struct buf *b, uint8_t type, const char *value)
{
	size_t n = strlen(value);

	if (n == 0)
		return;
	buf_put_u8(b, type);
	buf_put_u16(b, (uint16_t)n);
	buf_put_bytes(b, value, n);
}

static void put_ssl(struct buf *b, const struct proxy_info *info)
{
	uint8_t mem[256];
	struct buf inner;

	buf_init(&inner, mem, sizeof mem);
	buf_put_u8(&inner, CLIENT_SSL);
	buf_put_u32(&inner, 1);		/* not 0: no client certificate was verified */
	put_tlv(&inner, TLV_SSL_VERSION, info->tls_version);
	put_tlv(&inner, TLV_SSL_CIPHER, info->cipher);
	buf_put_u8(b, TLV_SSL);
	buf_put_u16(b, (uint16_t)inner.size);
	buf_put_bytes(b, mem, inner.size);
}

static uint8_t put_addresses(struct buf *b, const struct proxy_info *info)
{
	if (info->peer->sa_family == AF_INET && info->local->sa_family == AF_INET) {
		const struct sockaddr_in *p = (const struct sockaddr_in *)info->peer;
		const struct sockaddr_in *l = (const struct sockaddr_in *)info->local;
		buf_put_bytes(b, &p->sin_addr, 4);
		buf_put_bytes(b, &l->sin_addr, 4);
		buf_put_u16(b, ntohs(p->sin_port));
		buf_put_u16(b, ntohs(l->sin_port));
		return FAMILY_TCP4;
	}
	if (info->peer->sa_family == AF_INET6 && info->local->sa_family == AF_INET6) {
		const struct sockaddr_in6 *p = (const struct sockaddr_in6 *)info->peer;
		const struct sockaddr_in6 *l = (const struct sockaddr_in6 *)info->local;
		buf_put_bytes(b, &p->sin6_addr, 16);
		buf_put_bytes(b, &l->sin6_addr, 16);
		buf_put_u16(b, ntohs(p->sin6_port));
		buf_put_u16(b, ntohs(l->sin6_port));
		return FAMILY_TCP6;
	}
	return FAMILY_UNSPEC;
}

static size_t header_v2(const struct proxy_info *info, uint8_t *out)
{
	uint8_t mem[PROXY_HEADER_MAX - 16];
	struct buf body, b;

	buf_init(&body, mem, sizeof mem);
	uint8_t family = put_addresses(&body, info);
	put_tlv(&body, TLV_ALPN, info->alpn);
	put_tlv(&body, TLV_AUTHORITY, info->authority);
	put_ssl(&body, info);

	buf_init(&b, out, PROXY_HEADER_MAX);
	buf_put_bytes(&b, signature, sizeof signature);
	buf_put_u8(&b, COMMAND_PROXY);
	buf_put_u8(&b, family);
	buf_put_u16(&b, (uint16_t)body.size);
	buf_put_bytes(&b, mem, body.size);
	return b.size;
}

static size_t header_v1(const struct proxy_info *info, uint8_t *out)
{
	char peer[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
	int n;

	if (info->peer->sa_family == AF_INET && info->local->sa_family == AF_INET) {
		const struct sockaddr_in *p = (const struct sockaddr_in *)info->peer;
		const struct sockaddr_in *l = (const struct sockaddr_in *)info->local;
		inet_ntop(AF_INET, &p->sin_addr, peer, sizeof peer);
		inet_ntop(AF_INET, &l->sin_addr, local, sizeof local);
		n = snprintf((char *)out, PROXY_HEADER_MAX, "PROXY TCP4 %s %s %u %u\r\n",
			peer, local, ntohs(p->sin_port), ntohs(l->sin_port));
	} else if (info->peer->sa_family == AF_INET6 && info->local->sa_family == AF_INET6) {
		const struct sockaddr_in6 *p = (const struct sockaddr_in6 *)info->peer;
		const struct sockaddr_in6 *l = (const struct sockaddr_in6 *)info->local;
		inet_ntop(AF_INET6, &p->sin6_addr, peer, sizeof peer);
		inet_ntop(AF_INET6, &l->sin6_addr, local, sizeof local);
		n = snprintf((char *)out, PROXY_HEADER_MAX, "PROXY TCP6 %s %s %u %u\r\n",
			peer, local, ntohs(p->sin6_port), ntohs(l->sin6_port));
	} else {
		n = snprintf((char *)out, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n");
	}
	return (size_t)n;
}

size_t proxy_header(int version, const struct proxy_info *info, uint8_t *out)
{
	return version == 1 ? header_v1(info, out) : header_v2(info, out);
}
