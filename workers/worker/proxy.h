/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PROXY protocol's header, versions 1 and 2, as HAProxy's
 * proxy-protocol.txt defines it. Pure: nothing is sent here.
 */
#ifndef WORKER_PROXY_H
#define WORKER_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PROXY_HEADER_MAX 1024

struct proxy_info {
	const struct sockaddr *peer, *local;	/* INET or INET6, of one family */
	const char *alpn;		/* negotiated, or "" */
	const char *authority;		/* SNI, or "" */
	const char *tls_version;	/* "TLSv1.3" */
	const char *cipher;		/* as OpenSSL names it */
};

/* Writes the header for version 1 or 2 into out (PROXY_HEADER_MAX); its size. */
size_t proxy_header(int version, const struct proxy_info *info, uint8_t *out);

#endif
