/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of bench-load. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bench/load/mode.h"

struct options {
	const struct mode *mode;
	struct sockaddr_storage to;
	socklen_t to_size;
	const char *sni;		/* with names > 1: %u in it is the number of the name, from 0 */
	const char *ciphers, *groups;	/* NULL: OpenSSL's own */
	const char *ca;			/* NULL: the server's certificate is not verified */
	bool tls12, plain;		/* else TLS 1.3; plain: no TLS at all, kept connections only */
	bool server_closes;		/* after the answer; else the client does */
	bool step;			/* wait for a line before the measured part, for the end of stdin after it */
	enum leave leave;
	unsigned names, connections, active, sources;
	unsigned gather;		/* bytes of TLS that are sent at once; 0: OpenSSL sends each record by itself */
	uint64_t count, request, answer, seed;
	double seconds, rate, timeout;
};

/* Prints what is wrong, and exits. */
void options_parse(struct options *o, int argc, char **argv);

#endif
