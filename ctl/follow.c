/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/follow.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/units.h"

/* All that was printed is flushed: there is nothing to wait for, and no wait that could miss a signal. */
static void on_signal(int number)
{
	(void)number;
	_exit(EXIT_OK);
}

static void print_time(const json_t *time)
{
	double t = json_number_value(time);
	time_t s = (time_t)t;
	struct tm tm;
	char text[40];

	gmtime_r(&s, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03dZ", text, (int)((t - (double)s) * 1000));
}

/* Text with blanks in quotes, so that a line can be taken apart. */
static void print_value(const json_t *v)
{
	char *text = unit_text(v);

	bool quote = *text == '\0' || strpbrk(text, " \"=");

	printf("%s%s%s", quote ? "\"" : "", text, quote ? "\"" : "");
	free(text);
}

static void print_event(const json_t *event)
{
	const char *key;
	json_t *v;
	char *name = unit_text(json_object_get(event, "event"));

	print_time(json_object_get(event, "time"));
	printf(" %s", name);
	free(name);
	json_object_foreach((json_t *)event, key, v) {
		if (strcmp(key, "event") == 0 || strcmp(key, "time") == 0)
			continue;
		char *safe = unit_safe(key);
		printf(" %s=", safe);
		free(safe);
		print_value(v);
	}
	putchar('\n');
}

static void print_event_json(const json_t *event)
{
	char *text = json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (text)
		puts(text);
	free(text);
}

static enum exit_code follow(struct run *run, struct client *c)
{
	char err[256] = "";
	json_t *event;

	while (client_next_event(c, &event, err, sizeof err) == CLIENT_OK) {
		if (run->json)
			print_event_json(event);
		else
			print_event(event);
		json_decref(event);
		/* Into a pipe, too, an event is to be seen when it happens. */
		if (fflush(stdout) != 0)
			return EXIT_ERROR;
	}
	json_decref(event);
	complain(err);
	return EXIT_UNREACHABLE;
}

enum exit_code follow_events(struct run *run)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	struct client *c = open_client(run);
	json_t *result = NULL;

	if (!c)
		return EXIT_UNREACHABLE;
	enum exit_code rc = call(c, "events", NULL, &result);
	json_decref(result);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (rc == EXIT_OK)
		rc = follow(run, c);
	client_close(c);
	return rc;
}
