/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/expiring.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "supervisor/catalog_walk.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

#define DAY_S 86400
#define SOON_S (14 * DAY_S)
#define LOOK_AGAIN_S 3600
#define SAY_AGAIN_S DAY_S
#define REST_S 1.		/* between two questions whether there is something to look at */
#define TURN_S 0.02		/* between two turns of a look */
#define SLOTS_PER_TURN 8192	/* about a millisecond */

struct expiring {
	struct supervisor *s;
	ev_timer timer;
	struct expiring_counts known, counting;
	bool looks;			/* in the middle */
	uint32_t generation;		/* of the catalog that is, or was, looked at */
	int segment;
	uint32_t slot;
	int64_t now, looked, said;	/* Unix seconds: of this look; when one ended; when it was logged */
};

int64_t expiring_from(int64_t not_before, int64_t not_after)
{
	int64_t quarter = (not_after - not_before) / 4;

	return not_after - (quarter < SOON_S ? quarter : SOON_S);
}

static void count(struct expiring *e, const char *name, const struct catalog_found *f)
{
	struct expiring_counts *c = &e->counting;

	for (int i = 0; i < f->n; i++) {
		const struct catalog_entry *at = f->entries[i];
		/* A certificate counts once, by the first of its names. */
		if (strcmp(catalog_text(f->segment, at->name_off), name) != 0)
			continue;
		c->certificates += e->now >= expiring_from(at->not_before, at->not_after);
		if (c->first_end != 0 && at->not_after >= c->first_end)
			continue;
		c->first_end = at->not_after;
		snprintf(c->name, sizeof c->name, "%s", name);
	}
}

/* A line when there are more, and one a day; those who follow events hear of it as of every warning. */
static void say(struct expiring *e, unsigned before)
{
	const struct expiring_counts *c = &e->known;
	struct log_line l;

	if (c->certificates == 0 || (c->certificates <= before && e->now < e->said + SAY_AGAIN_S))
		return;
	e->said = e->now;
	log_begin(&l, LOG_LEVEL_WARNING, c->first_end < e->now ? "certificates have ended, or end soon" : "certificates end soon, and have not been renewed");
	log_u64(&l, "certificates", c->certificates);
	log_str(&l, "first", c->name);
	log_i64(&l, "days_left", (c->first_end - e->now) / DAY_S);
	log_end(&l);
}

static void end_look(struct expiring *e)
{
	unsigned before = e->known.certificates;

	e->looks = false;
	e->looked = e->now;
	e->known = e->counting;
	say(e, before);
}

static void look_on(struct expiring *e, const struct catalog *c)
{
	uint32_t left = SLOTS_PER_TURN;
	struct catalog_found f;
	const char *name;

	for (; e->segment < c->n; e->segment++, e->slot = 0)
		for (; e->slot < catalog_slots(c, e->segment); e->slot++) {
			if (left-- == 0)
				return;
			if (catalog_slot(c, e->segment, e->slot, &name, &f))
				count(e, name, &f);
		}
	end_look(e);
}

static void begin_look(struct expiring *e, uint32_t generation)
{
	e->looks = true;
	e->generation = generation;
	e->segment = 0;
	e->slot = 0;
	e->counting = (struct expiring_counts){ 0 };
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct expiring *e = w->data;
	/* Also while it waits for the next look: mapping is cheap, and nothing of it is read. */
	const struct catalog *c = e->s->stopping ? NULL : catalog_mapped(e->s);

	(void)revents;
	e->now = time(NULL);
	if (c && (c->generation != e->generation || (!e->looks && e->now >= e->looked + LOOK_AGAIN_S)))
		begin_look(e, c->generation);
	if (c && e->looks)
		look_on(e, c);
	w->repeat = c && e->looks ? TURN_S : REST_S;
	ev_timer_again(loop, w);
}

struct expiring *expiring_new(struct supervisor *s)
{
	struct expiring *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->s = s;
	ev_init(&e->timer, on_timer);
	e->timer.repeat = REST_S;
	e->timer.data = e;
	ev_timer_again(s->loop, &e->timer);
	return e;
}

void expiring_free(struct expiring *e)
{
	if (!e)
		return;
	ev_timer_stop(e->s->loop, &e->timer);
	free(e);
}

const struct expiring_counts *expiring_known(const struct expiring *e)
{
	static const struct expiring_counts none;

	return e ? &e->known : &none;
}

json_t *expiring_view(const struct expiring *e)
{
	const struct expiring_counts *c = expiring_known(e);

	return json_pack("{s:I, s:o}", "certificates", (json_int_t)c->certificates, "first", c->first_end == 0 ? json_null() :
		json_pack("{s:o, s:I}", "name", view_text(c->name), "not_after", (json_int_t)c->first_end));
}
