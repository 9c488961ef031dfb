/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ledger.h"
#include "common/log.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

json_t *rpc_error(json_t *id, int code, const char *message)
{
	return json_pack("{s:s, s:O?, s:{s:i, s:o}}", "jsonrpc", "2.0", "id", id,
		"error", "code", code, "message", view_text(message));
}

json_t *rpc_error_with(json_t *id, int code, const char *message, json_t *data)
{
	json_t *answer = rpc_error(id, code, message);

	if (data)
		view_set(json_object_get(answer, "error"), "data", data);
	return answer;
}

json_t *rpc_success(json_t *id, json_t *result)
{
	return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

static bool id_is_valid(const json_t *id)
{
	return !id || json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* What is wrong with the envelope, or NULL. */
static const char *envelope_error(const json_t *request)
{
	if (json_is_array(request))
		return "batches are not taken; send one object per line";
	if (!json_is_object(request))
		return "a request is an object, such as {\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"help\"}";
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	if (!version || strcmp(version, "2.0") != 0)
		return "\"jsonrpc\" is missing or not \"2.0\"";
	if (!id_is_valid(json_object_get(request, "id")))
		return "\"id\" is neither a string nor a number";
	if (!json_is_string(json_object_get(request, "method")))
		return "\"method\" is missing or no string; the method help names them all";
	return NULL;
}

/* Who changed what has to be found later. */
static void say_change(const struct call *call, const struct method *m, const json_t *params)
{
	char *text = params ? json_dumps(params, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, "asked over the control socket");
	log_str(&l, "method", m->name);
	log_str(&l, "params", text ? text : "{}");
	log_u64(&l, "uid", call->caller->uid);
	log_end(&l);
	free(text);
}

static json_t *run(struct call *call, const char *name, const json_t *params)
{
	const struct method *m = method_find(name);

	if (!m)
		return call_fail(call, RPC_UNKNOWN_METHOD, "there is no method \"%.100s\"; the method help names them all", name);
	if (m->needs > call->caller->right)
		return call_fail(call, RPC_NOT_ALLOWED, "%s changes something: it is for root, the user that tlsward runs as, and control.admins", m->name);
	if (!method_check(call, m, params))
		return NULL;
	if (m->needs == RIGHT_CHANGE)
		say_change(call, m, params);
	return m->handler(call);
}

static json_t *answer_request(struct supervisor *s, const struct caller *caller, const json_t *request)
{
	json_t *id = json_object_get(request, "id"), *answer;
	struct call call = { .s = s, .caller = caller, .id = id, .now_ns = ledger_now_ns(),
		.code = RPC_INTERNAL, .error = "out of memory" };
	json_t *result = run(&call, json_string_value(json_object_get(request, "method")), json_object_get(request, "params"));

	if (!id || call.later) {
		json_decref(result);
		return NULL;
	}
	answer = result ? rpc_success(id, result) : rpc_error(id, call.code, call.error);
	return answer;
}

json_t *rpc_answer(struct supervisor *s, const struct caller *caller, const char *line, size_t size)
{
	json_error_t why;
	char text[256];
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why), *answer;

	if (!request) {
		snprintf(text, sizeof text, "no JSON: %s (at byte %d)", why.text, why.position);
		return rpc_error(NULL, RPC_PARSE_ERROR, text);
	}
	const char *wrong = envelope_error(request);
	if (wrong) {
		json_t *id = json_object_get(request, "id");
		answer = rpc_error(id_is_valid(id) ? id : NULL, RPC_INVALID_REQUEST, wrong);
	} else {
		answer = answer_request(s, caller, request);
	}
	json_decref(request);
	return answer;
}
