/* SPDX-License-Identifier: BSD-2-Clause */
/* What all connections of the load share of OpenSSL. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <openssl/ssl.h>

#include "bench/load/options.h"

#define HELLO_BYTES 4096
#define CLIENT_BUFFER_BYTES 65536

struct client {
	const struct options *o;
	SSL_CTX *ctx;
	SSL_SESSION *session;	/* of the first connection, in the modes that resume */
	uint8_t hello[HELLO_BYTES];
	size_t hello_size;	/* 0 unless clients leave around the ClientHello */
	uint8_t buffer[CLIENT_BUFFER_BYTES];	/* what is sent is anything, what is read is dropped */
	uint64_t bytes_down, bytes_up;
};

/* Prints what is wrong, and exits. */
void client_init(struct client *c, const struct options *o);
void client_clear(struct client *c);
/* A session for that socket, with the server name of that number; NULL without memory. */
SSL *client_new(struct client *c, int fd, uint64_t name);

#endif
