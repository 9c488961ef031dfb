/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/ask.h"

#include <stdlib.h>

#include "ctl/units.h"

#define LIMIT_DEFAULT 100
#define PAGE 100		/* records asked for at once, so that others who ask are not held up */

void complain(const char *text)
{
	char *safe = unit_safe(text);

	fprintf(stderr, "tlswardctl: %s\n", safe);
	free(safe);
}

/* What is wrong, sentence by sentence, before what follows from it. */
static void complain_of_all(const json_t *data)
{
	json_t *error;
	size_t i;

	json_array_foreach(json_object_get(data, "errors"), i, error)
		if (json_is_string(error))
			complain(json_string_value(error));
}

enum exit_code call(struct client *c, const char *method, json_t *params, json_t **result)
{
	char err[1024];
	enum client_result r = client_call(c, method, params, result, err, sizeof err);

	if (r == CLIENT_ERROR)
		complain_of_all(*result);
	if (r != CLIENT_OK)
		complain(err);
	return r == CLIENT_OK ? EXIT_OK : r == CLIENT_ERROR ? EXIT_ERROR : EXIT_UNREACHABLE;
}

struct client *open_client(const struct run *run)
{
	char err[1024];
	struct client *c = client_connect(run->socket, err, sizeof err);

	if (!c)
		complain(err);
	return c;
}

/* jansson leaves DEL and what follows it as it is; ASCII alone is safe everywhere. */
void print_json(const json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	for (const char *p = text; p && *p; p++)
		if (*p == 0x7f)
			fputs("\\u007f", stdout);
		else
			putchar(*p);
	putchar('\n');
	free(text);
}

static void print(const struct run *run, const json_t *result, void (*show)(const json_t *))
{
	if (run->json || !show)
		print_json(result);
	else
		show(result);
}

enum exit_code ask_within(struct run *run, int deadline_ms, const char *method, void (*show)(const json_t *))
{
	struct client *c = open_client(run);
	json_t *result = NULL;

	if (!c)
		return EXIT_UNREACHABLE;
	if (deadline_ms > 0)
		client_set_deadline(c, deadline_ms);
	enum exit_code rc = call(c, method, json_incref(run->params), &result);
	if (rc == EXIT_OK)
		print(run, result, show);
	else if (run->json && result)
		print_json(result);
	json_decref(result);
	client_close(c);
	return rc;
}

enum exit_code ask(struct run *run, const char *method, void (*show)(const json_t *))
{
	return ask_within(run, 0, method, show);
}

/* Page after page into all; its member next stays if limit cut it. */
static enum exit_code collect(struct client *c, const char *method, const char *key, json_t *params, size_t limit, json_t *all)
{
	json_t *list = json_object_get(all, key), *page = NULL, *next = NULL;
	enum exit_code rc;

	do {
		size_t left = limit - json_array_size(list);
		json_object_set_new(params, "limit", json_integer((json_int_t)(left < PAGE ? left : PAGE)));
		rc = call(c, method, json_incref(params), &page);
		json_array_extend(list, json_object_get(page, key));
		next = json_object_get(page, "next");
		if (next)
			json_object_set(params, "after", next);
		if (next && json_array_size(list) >= limit)
			json_object_set(all, "next", next);
		bool more = next != NULL;
		json_decref(page);
		page = NULL;
		if (!more)
			break;
	} while (rc == EXIT_OK && json_array_size(list) < limit);
	return rc;
}

static size_t limit_of(const struct run *run)
{
	const json_t *limit = json_object_get(run->params, "limit");

	return limit ? (size_t)json_integer_value(limit) : LIMIT_DEFAULT;
}

enum exit_code ask_pages(struct run *run, const char *method, const char *key, json_t **all)
{
	*all = NULL;
	if (limit_of(run) < 1) {
		complain("--limit: must be 1 or more");
		return EXIT_USAGE;
	}
	struct client *c = open_client(run);
	if (!c)
		return EXIT_UNREACHABLE;
	*all = json_pack("{s:[]}", key);
	json_t *params = json_copy(run->params);
	enum exit_code rc = collect(c, method, key, params, limit_of(run), *all);
	json_decref(params);
	client_close(c);
	return rc;
}

void tell_more(const struct run *run, const json_t *all, const char *key)
{
	if (!run->json && json_object_get(all, "next"))
		fprintf(stderr, "tlswardctl: these are the first %zu %s; --limit N shows more\n",
			json_array_size(json_object_get(all, key)), key);
}
