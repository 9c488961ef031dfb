/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/catalog_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/hosts.h"
#include "supervisor/view.h"

#define BYTES_MAX (900u << 10)	/* of JSON in one answer */
#define SCAN_MAX 32768		/* slots looked at in one call */

struct hosts {
	struct catalog catalog;
};

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	catalog_clear(&h->catalog);
	free(h);
}

static int map_catalog(struct hosts *h, const int *lent, int n, uint32_t generation)
{
	int fds[CATALOG_SEGMENTS_MAX];

	for (int i = 0; i < n; i++)
		fds[i] = fcntl(lent[i], F_DUPFD_CLOEXEC, 0);
	return catalog_open(&h->catalog, generation, fds, n);
}

/* 0 and the catalog, or a negative errno; -ENOENT: there is none. */
static int map_current(struct supervisor *s, const struct catalog **out)
{
	uint32_t generation = 0;
	const int *fds = NULL;
	int n = material_catalog(s->material, &fds, &generation);

	if (n == 0)
		return -ENOENT;
	if (!s->hosts && !(s->hosts = calloc(1, sizeof *s->hosts)))
		return -ENOMEM;
	struct catalog *c = &s->hosts->catalog;
	*out = c;
	return c->n > 0 && c->generation == generation ? 0 : map_catalog(s->hosts, fds, n, generation);
}

const struct catalog *catalog_mapped(struct supervisor *s)
{
	const struct catalog *c = NULL;

	return map_current(s, &c) < 0 ? NULL : c;
}

const struct catalog *catalog_current(struct call *call)
{
	const struct catalog *c = NULL;
	int rc = map_current(call->s, &c);

	if (rc == 0)
		return c;
	if (rc == -ENOENT)
		call_fail(call, RPC_FAILED, "there are no certificates yet");
	else
		call_fail(call, RPC_INTERNAL, "the catalog cannot be mapped: %s", strerror(-rc));
	return NULL;
}

static size_t room_left(const struct catalog_walk *w)
{
	size_t n = json_array_size(w->list);

	return n < w->limit && w->bytes < BYTES_MAX ? w->limit - n : 0;
}

/* One thing, or an array of things. */
static void add(struct catalog_walk *w, json_t *what)
{
	w->bytes += json_dumpb(what, NULL, 0, JSON_COMPACT) + 1;
	if (!json_is_array(what)) {
		json_array_append_new(w->list, what);
		return;
	}
	json_array_extend(w->list, what);
	json_decref(what);
}

/* False: the page is full. */
static bool walk_segment(struct catalog_walk *w)
{
	uint32_t n = catalog_slots(w->catalog, w->segment);
	struct catalog_found f;
	const char *name;
	json_t *what;

	for (; w->slot < n; w->slot++) {
		if (room_left(w) == 0 || w->looked_at++ >= SCAN_MAX)
			return false;
		if (catalog_slot(w->catalog, w->segment, w->slot, &name, &f) && (what = w->view(w, name, &f)) != NULL)
			add(w, what);
	}
	return true;
}

/* True: the walk is over; false: the page is full. */
static bool walk(struct catalog_walk *w)
{
	do {
		for (; w->segment < w->catalog->n; w->segment++, w->slot = 0)
			if (!walk_segment(w))
				return false;
		w->segment = 0;
	} while (++w->pass < w->passes);
	return true;
}

static bool number(const json_t *after, const char *name, json_int_t max, json_int_t *out)
{
	const json_t *v = json_object_get(after, name);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0 && *out <= max;
}

static bool parse_after(struct call *call, struct catalog_walk *w)
{
	const json_t *after = json_object_get(call->params, "after");
	json_int_t pass = 0, segment, slot;

	if (!after)
		return true;
	if ((w->passes > 0 && !number(after, "pass", w->passes, &pass)) || !number(after, "segment", CATALOG_SEGMENTS_MAX, &segment) ||
	    !number(after, "slot", UINT32_MAX, &slot)) {
		call_fail(call, RPC_INVALID_PARAMS, "after: must be the \"next\" of the answer before: {%s\"segment\": N, \"slot\": N}",
			w->passes > 0 ? "\"pass\": N, " : "");
		return false;
	}
	w->pass = (int)pass;
	w->segment = (int)segment;
	w->slot = (uint32_t)slot;
	return true;
}

json_t *catalog_walk_page(struct call *call, struct catalog_walk *w, const char *name)
{
	const json_t *limit = json_object_get(call->params, "limit");

	w->limit = limit ? (size_t)json_integer_value(limit) : WALK_LIMIT_DEFAULT;
	if (!parse_after(call, w))
		return NULL;
	w->catalog = catalog_current(call);
	if (!w->catalog)
		return NULL;
	w->list = json_array();
	bool over = walk(w);
	json_t *result = json_pack("{s:o}", name, w->list);
	if (over)
		return result;
	json_t *next = json_pack("{s:i, s:I}", "segment", w->segment, "slot", (json_int_t)w->slot);
	if (w->passes > 0)
		view_set(next, "pass", json_integer(w->pass));
	view_set(result, "next", next);
	return result;
}
