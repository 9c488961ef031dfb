/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/responder.h"

#include <stdlib.h>
#include <string.h>

#include "workers/librarian/retry.h"

struct responder *responder_get(struct responders *all, const char *url)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->list[i]->url, url) == 0)
			return all->list[i];
	struct responder **list = reallocarray(all->list, all->n + 1, sizeof *list);
	if (!list)
		return NULL;
	all->list = list;
	struct responder *r = calloc(1, sizeof *r);
	if (!r || !(r->url = strdup(url))) {
		free(r);
		return NULL;
	}
	return all->list[all->n++] = r;
}

void responders_clear(struct responders *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->list[i]->url);
		free(all->list[i]);
	}
	free(all->list);
	*all = (struct responders){ .n = 0 };
}

/* A wait that is longer than any is from a clock that was wrong. */
bool responder_is_free(const struct responder *r, int64_t now)
{
	if (r->failures == 0)
		return r->running < RESPONDER_AT_ONCE;
	return r->running == 0 && (now >= r->next || r->next > now + 2 * RESPONDER_WAIT_MAX_S);
}

void responder_asked(struct responder *r)
{
	r->running++;
}

bool responder_done(struct responder *r, bool answered, int64_t now)
{
	bool was_down = r->failures > 0;

	r->running--;
	if (answered) {
		r->failures = 0;
		return was_down;
	}
	r->failures++;
	int64_t wait = retry_after_s(r->failures);
	r->next = now + (wait < RESPONDER_WAIT_MAX_S ? wait : RESPONDER_WAIT_MAX_S);
	return false;
}
