/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/fetches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/view.h"

static void row_clear(struct fetch_row *r)
{
	free(r->url);
	free(r->error);
	*r = (struct fetch_row){ .url = NULL };
}

const struct fetch_row *fetches_find(const struct fetches *f, const char *url)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->rows[i].url, url) == 0)
			return &f->rows[i];
	return NULL;
}

static void forget(struct fetches *f, const char *url)
{
	struct fetch_row *r = (struct fetch_row *)(uintptr_t)fetches_find(f, url);

	if (!r)
		return;
	row_clear(r);
	*r = f->rows[--f->n];
}

void fetches_on_state(struct fetches *f, const struct msg_fetch_state *m)
{
	struct fetch_row r = { .tried = m->tried, .next = m->next, .failures = m->failures, .running = m->running };

	forget(f, m->url);
	if (!m->wanted || f->n == FETCHES_SHOWN_MAX)
		return;
	struct fetch_row *rows = reallocarray(f->rows, f->n + 1, sizeof *rows);
	f->rows = rows ? rows : f->rows;
	r.url = strdup(m->url);
	r.error = strdup(m->error);
	if (rows && r.url && r.error)
		f->rows[f->n++] = r;
	else
		row_clear(&r);
}

void fetches_clear(struct fetches *f)
{
	for (size_t i = 0; i < f->n; i++)
		row_clear(&f->rows[i]);
	free(f->rows);
	*f = (struct fetches){ .n = 0 };
}

const struct fetch_row *fetches_find_order(const struct fetches *f, const char *name)
{
	char url[sizeof ACME_URL + MSG_NAME_MAX];

	snprintf(url, sizeof url, ACME_URL "%s", name);
	return fetches_find(f, url);
}

const char *fetch_row_name(const struct fetch_row *r)
{
	return strncmp(r->url, ACME_URL, strlen(ACME_URL)) == 0 ? r->url + strlen(ACME_URL) : NULL;
}

struct fetch_counts fetches_count(const struct fetches *f, bool orders)
{
	struct fetch_counts c = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		const struct fetch_row *r = &f->rows[i];
		if ((fetch_row_name(r) != NULL) != orders)
			continue;
		c.wanted++;
		c.running += r->running;
		c.failing += r->failures > 0;
	}
	return c;
}

json_t *fetches_view(const struct fetches *f, const char *url)
{
	return fetch_row_view(*url ? fetches_find(f, url) : NULL);
}

json_t *fetch_row_view(const struct fetch_row *r)
{
	int64_t now = time(NULL);

	if (!r)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:b}", "error", view_text(r->error), "tried", view_u64(r->tried),
		"next", view_u64(r->next), "next_in", (json_int_t)((int64_t)r->next > now ? (int64_t)r->next - now : 0),
		"failures", (json_int_t)r->failures, "running", r->running);
}
