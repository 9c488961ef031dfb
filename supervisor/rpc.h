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
};

/* An answer that tells of an error; id is lent, NULL where it is not known. */
json_t *rpc_error(json_t *id, int code, const char *message);

/* The answer to one line from a caller with that right; NULL: none is to be given. */
json_t *rpc_answer(struct supervisor *s, enum right right, const char *line, size_t size);

#endif
