/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/mode.h"

#include <stddef.h>
#include <string.h>

#define BULK_BYTES (16u << 20)

static const struct mode modes[] = {
	{ .name = "full", .help = "a connection with a full handshake and a request each", .request = 64, .answer = 64 },
	{ .name = "resumed", .help = "the same with a resumed handshake", .resumes = true, .request = 64, .answer = 64 },
	{ .name = "requests", .help = "request and answer on kept connections", .kept = true, .request = 64, .answer = 1024 },
	{ .name = "down", .help = "large answers on kept connections", .kept = true, .request = 64, .answer = BULK_BYTES },
	{ .name = "up", .help = "large requests on kept connections", .kept = true, .request = BULK_BYTES, .answer = 64 },
	{ .name = "idle", .help = "connections that are opened and held", .kept = true, .no_operations = true },
	{ .name = "churn", .help = "connections that break off with a RST where --leave says", .leaves = true,
		.request = 64, .answer = 64 },
	{ .name = "refused", .help = "handshakes that the server refuses", .refused = true },
};

static const struct { const char *name; enum leave leave; } points[] = {
	{ "connect", LEAVE_CONNECT },
	{ "half-hello", LEAVE_HALF_HELLO },
	{ "hello", LEAVE_HELLO },
	{ "handshake", LEAVE_HANDSHAKE },
	{ "request", LEAVE_REQUEST },
};

const struct mode *mode_at(unsigned i)
{
	return i < sizeof modes / sizeof modes[0] ? &modes[i] : NULL;
}

const struct mode *mode_find(const char *name)
{
	for (unsigned i = 0; mode_at(i); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

enum leave leave_find(const char *name)
{
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		if (strcmp(points[i].name, name) == 0)
			return points[i].leave;
	return LEAVE_NOT;
}
