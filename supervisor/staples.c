/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/staples.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/control.h"
#include "supervisor/view.h"

static void row_free(struct staple_row *r)
{
	if (!r)
		return;
	free(r->name);
	free(r->url);
	free(r->error);
	free(r);
}

static struct staple_row *row_new(const struct msg_staple_state *m)
{
	struct staple_row *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	*r = (struct staple_row){ .state = m->state, .from = m->from, .until = m->until, .tried = m->tried, .next = m->next,
		.failures = m->failures, .must = m->must, .running = m->running };
	memcpy(r->cert_id, m->cert_id.data, sizeof r->cert_id);
	r->name = strdup(m->name);
	r->url = strdup(m->url);
	r->error = strdup(m->error);
	if (r->name && r->url && r->error)
		return r;
	row_free(r);
	return NULL;
}

const struct staple_row *staples_find(const struct staples *s, const uint8_t cert_id[CERT_ID_BYTES])
{
	return idmap_get(&s->rows, cert_id);
}

static void forget(struct staples *s, struct staple_row *r)
{
	if (!r)
		return;
	idmap_remove(&s->rows, r->cert_id);
	s->counts[r->state]--;
	row_free(r);
}

static void tell_change(struct control *control, const struct staple_row *r, enum staple_state was)
{
	if (r->state == was || (!staple_state_is_bad(r->state) && !staple_state_is_bad(was)))
		return;
	control_event(control, "staple", json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "name", view_text(r->name),
		"state", staple_state_name(r->state), "must", r->must, "url", view_text(r->url),
		"error", view_text(r->error), "until", view_u64(r->until)));
}

void staples_on_state(struct staples *s, const struct msg_staple_state *m, struct control *control)
{
	if (m->cert_id.size != CERT_ID_BYTES || m->state >= STAPLE_STATE_COUNT)
		return;
	struct staple_row *old = idmap_get(&s->rows, m->cert_id.data);
	enum staple_state was = old ? old->state : STAPLE_WAITING;
	struct staple_row *r = m->wanted ? row_new(m) : NULL;
	forget(s, old);
	if (r && idmap_add(&s->rows, r->cert_id, r) < 0) {
		row_free(r);
		r = NULL;
	}
	if (!r)
		return;
	s->counts[r->state]++;
	tell_change(control, r, was);
}

void staples_clear(struct staples *s)
{
	struct staple_row *r;
	size_t at = 0;

	while ((r = idmap_next(&s->rows, &at)) != NULL)
		row_free(r);
	idmap_clear(&s->rows);
	*s = (struct staples){ .counts = { 0 } };
}

bool staples_know_url(const struct staples *s, const char *url)
{
	const struct staple_row *r;
	size_t at = 0;

	while ((r = idmap_next(&s->rows, &at)) != NULL)
		if (strcmp(r->url, url) == 0)
			return true;
	return false;
}

json_t *staples_counts(const struct staples *s)
{
	json_t *o = json_object();

	for (int i = 0; i < STAPLE_STATE_COUNT; i++)
		view_set(o, staple_state_name((enum staple_state)i), json_integer(s->counts[i]));
	return o;
}

static json_t *time_or_null(uint64_t when)
{
	return when ? view_u64(when) : json_null();
}

/* Without a librarian that says more. */
static enum staple_state served_state(bool holds)
{
	return holds ? STAPLE_GOOD : STAPLE_MISSING;
}

json_t *staples_view(const struct staples *s, const struct catalog_segment *segment, const struct catalog_entry *e, int64_t now)
{
	static const struct staple_row nothing = { .error = (char *)"" };
	const struct catalog_staple *served = catalog_staple(segment, e);

	if (!served)
		return json_null();
	bool holds = catalog_has_staple(segment, e, now);
	const struct staple_row *known = staples_find(s, served->cert_id), *r = known ? known : &nothing;
	const char *url = catalog_text(segment, served->url_off);
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b}",
		"state", staple_state_name(known ? r->state : served_state(holds)), "served", holds,
		"must", (served->flags & CATALOG_MUST_STAPLE) != 0, "url", *url ? view_text(url) : json_null(),
		"this_update", holds ? json_integer(served->from) : json_null(),
		"next_update", holds ? json_integer(served->until) : json_null(),
		"error", *r->error ? view_text(r->error) : json_null(), "tried", time_or_null(r->tried), "next", time_or_null(r->next),
		"next_in", (json_int_t)((int64_t)r->next > now ? (int64_t)r->next - now : 0),
		"failures", (json_int_t)r->failures, "running", r->running);
}
