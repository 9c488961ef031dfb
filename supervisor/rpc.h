/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON-RPC 2.0 (jsonrpc.org/specification): from the bytes of one request to
 * the object that answers it. Knows no socket. Parameters go by name; there
 * are no batches; a request without id is carried out and not answered.
 */
#ifndef SUPERVISOR_RPC_H
#define SUPERVISOR_RPC_H

#include <jansson.h>
#include <stddef.h>

#include "supervisor/rights.h"
#include "supervisor/supervisor.h"

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_TOO_MANY_CLIENTS = -32000,
	RPC_NOT_ALLOWED = -32001,
	RPC_NOT_FOUND = -32002,		/* what the parameters name does not exist (now) */
	RPC_TIMED_OUT = -32003,		/* whoever had to answer did not in time */
	RPC_FAILED = -32004,		/* it was tried and did not work, or cannot be done now */
};

/* Who asks. */
struct caller {
	enum right right;
	unsigned uid;			/* for the log */
	struct control *control;	/* these two for answers that come later; NULL, 0: none can */
	uint64_t client;
};

/* An answer that tells of an error; id is lent, NULL where it is not known. */
json_t *rpc_error(json_t *id, int code, const char *message);

/* The same with data (taken; NULL: none), which says more to a program. */
json_t *rpc_error_with(json_t *id, int code, const char *message, json_t *data);

/* An answer with a result, which it takes; id is lent. */
json_t *rpc_success(json_t *id, json_t *result);

/* The answer to one line; NULL: none is to be given, or it comes later. */
json_t *rpc_answer(struct supervisor *s, const struct caller *caller, const char *line, size_t size);

#endif
