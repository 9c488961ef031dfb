/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/show.h"
#include "ctl/units.h"

#define LIMIT_DEFAULT 100
#define PAGE 500		/* records that the server gives at once */

static void complain(const char *text)
{
	char *safe = unit_safe(text);

	fprintf(stderr, "tlswardctl: %s\n", safe);
	free(safe);
}

static enum exit_code call(struct client *c, const char *method, json_t *params, json_t **result)
{
	char err[1024];
	enum client_result r = client_call(c, method, params, result, err, sizeof err);

	if (r != CLIENT_OK)
		complain(err);
	return r == CLIENT_OK ? EXIT_OK : r == CLIENT_ERROR ? EXIT_ERROR : EXIT_UNREACHABLE;
}

static struct client *open_client(const struct run *run)
{
	char err[1024];
	struct client *c = client_connect(run->socket, err, sizeof err);

	if (!c)
		complain(err);
	return c;
}

/* jansson leaves DEL and what follows it as it is; ASCII alone is safe everywhere. */
static void print_json(const json_t *v)
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

/* One request, one answer. */
static enum exit_code ask(struct run *run, const char *method, void (*show)(const json_t *))
{
	struct client *c = open_client(run);
	json_t *result = NULL;

	if (!c)
		return EXIT_UNREACHABLE;
	enum exit_code rc = call(c, method, json_incref(run->params), &result);
	if (rc == EXIT_OK && (run->json || !show))
		print_json(result);
	else if (rc == EXIT_OK)
		show(result);
	json_decref(result);
	client_close(c);
	return rc;
}

static enum exit_code run_status(struct run *run)
{
	return ask(run, "status", show_status);
}

static enum exit_code run_workers(struct run *run)
{
	return ask(run, "workers", show_workers);
}

static enum exit_code run_worker(struct run *run)
{
	char *end;
	long n = strtol(run->args[0], &end, 10);

	if (end == run->args[0] || *end != '\0' || n < 1) {
		complain("worker: N is the number of a worker, from 1; `tlswardctl workers` lists them");
		return EXIT_USAGE;
	}
	json_object_set_new(run->params, "worker", json_integer(n));
	return ask(run, "worker", show_worker);
}

static enum exit_code run_help(struct run *run)
{
	if (run->json)
		return ask(run, "help", NULL);
	commands_usage(stdout);
	return EXIT_OK;
}

/* Page after page into all->connections; all->next stays if limit cut it. */
static enum exit_code collect(struct client *c, json_t *params, size_t limit, json_t *all)
{
	json_t *list = json_object_get(all, "connections"), *page = NULL, *next = NULL;
	enum exit_code rc;

	do {
		size_t left = limit - json_array_size(list);
		json_object_set_new(params, "limit", json_integer((json_int_t)(left < PAGE ? left : PAGE)));
		rc = call(c, "connections", json_incref(params), &page);
		json_array_extend(list, json_object_get(page, "connections"));
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

static enum exit_code run_connections(struct run *run)
{
	json_t *params = run->params, *limit = json_object_get(params, "limit");
	size_t most = limit ? (size_t)json_integer_value(limit) : LIMIT_DEFAULT;

	if (limit && json_integer_value(limit) < 1) {
		complain("--limit: must be 1 or more");
		return EXIT_USAGE;
	}
	if (json_object_get(params, "end"))
		json_object_set_new(params, "ended", json_true());
	struct client *c = open_client(run);
	if (!c)
		return EXIT_UNREACHABLE;
	json_t *all = json_pack("{s:[]}", "connections");
	enum exit_code rc = collect(c, params, most, all);
	client_close(c);
	if (rc == EXIT_OK && run->json)
		print_json(all);
	else if (rc == EXIT_OK)
		show_connections(all, json_is_true(json_object_get(params, "ended")));
	if (rc == EXIT_OK && !run->json && json_object_get(all, "next"))
		fprintf(stderr, "tlswardctl: these are the first %zu; --limit N shows more\n", most);
	json_decref(all);
	return rc;
}

static const struct command_option none[] = { { 0 } };

static const struct command_option connections_options[] = {
	{ "phase", OPTION_STRING, "PHASE", "in that phase: hello, hold, handshake, connect, relay, closing" },
	{ "sni", OPTION_STRING, "NAME", "for that name; *.example.org for all below example.org" },
	{ "peer", OPTION_STRING, "ADDR", "from that address, or a prefix such as 10.0.0.0/8" },
	{ "listener", OPTION_STRING, "NAME", "taken by that listener" },
	{ "backend", OPTION_STRING, "NAME", "for that backend" },
	{ "end", OPTION_STRING, "REASON", "ended for that reason (implies --ended)" },
	{ "older", OPTION_NUMBER, "SECONDS", "accepted at least so long ago; ended: lasted so long" },
	{ "ended", OPTION_FLAG, NULL, "the last that ended, newest first, instead of those that live" },
	{ "worker", OPTION_INTEGER, "N", "of that worker" },
	{ "limit", OPTION_INTEGER, "N", "at most so many (100)" },
	{ 0 }
};

static const struct command commands[] = {
	{ "status", NULL, "the whole in numbers: processes, totals, ends by reason", none, run_status },
	{ "workers", NULL, "the workers, a line each", none, run_workers },
	{ "worker", "N", "everything about worker N", none, run_worker },
	{ "connections", NULL, "the connections, a line each", connections_options, run_connections },
	{ "help", NULL, "this text", none, run_help },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void commands_usage(FILE *out)
{
	char left[64];

	fputs("usage: tlswardctl [-s SOCKET] [--json] COMMAND [options]\n\n", out);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];
		snprintf(left, sizeof left, "%s %s", c->name, c->arg ? c->arg : "");
		fprintf(out, "  %-21s %s\n", left, c->help);
		for (const struct command_option *o = c->options; o->name; o++) {
			snprintf(left, sizeof left, "--%s %s", o->name, o->value ? o->value : "");
			fprintf(out, "    %-19s %s\n", left, o->help);
		}
	}
	fputs("\n  -s, --socket SOCKET   the control socket (TLSWARD_SOCKET, else /run/tlsward/control.sock)\n"
		"  --json                the answer as it came\n"
		"  -V, --version         the version\n"
		"\nExit status: 0 done, 1 tlsward answered an error, 2 wrong usage, 3 tlsward cannot be reached.\n", out);
}
