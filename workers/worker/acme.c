/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/acme.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hostset.h"
#include "common/log.h"
#include "workers/worker/messages.h"

#define NS_PER_S 1000000000ull
#define WANTS 256		/* names that are remembered: a power of two */
#define AGAIN_NS (5 * NS_PER_S)
#define WANTS_PER_S 50

struct acme {
	struct hostset *lists[ACME_LISTS];	/* or NULL */
	bool on_demand;
	struct catalog challenges;
	struct { uint64_t hash, told_ns; } wants[WANTS];	/* by the name's hash; another name takes the place */
	uint64_t second_ns;		/* when this second of wants began */
	unsigned in_second;
};

int acme_init(struct worker *w)
{
	w->acme = calloc(1, sizeof *w->acme);
	if (!w->acme)
		return -ENOMEM;
	catalog_init(&w->acme->challenges);
	return 0;
}

void acme_clear(struct worker *w)
{
	if (!w->acme)
		return;
	for (int i = 0; i < ACME_LISTS; i++)
		hostset_unref(w->acme->lists[i]);
	catalog_clear(&w->acme->challenges);
	free(w->acme);
	w->acme = NULL;
}

int acme_names(struct worker *w, const struct msg_acme_names *m, struct packet *p)
{
	struct acme *a = w->acme;

	if (m->list >= ACME_LISTS)
		return -EINVAL;
	hostset_unref(a->lists[m->list]);
	a->lists[m->list] = p->nfds ? hostset_load(packet_take_fd(p, 0)) : NULL;
	a->on_demand = m->on_demand;
	return p->nfds && !a->lists[m->list] ? -errno : 0;
}

void acme_challenges(struct worker *w, const struct msg_challenges *m, struct packet *p)
{
	struct msg answer = { .type = MSG_CHALLENGES_ANS, .challenges_ans = { .generation = m->generation } };
	int fd = p->nfds ? packet_take_fd(p, 0) : -1, rc = 0;

	if (fd < 0)
		catalog_clear(&w->acme->challenges);
	else
		rc = catalog_load(&w->acme->challenges, m->generation, &fd, 1);
	if (rc < 0)
		log_error("challenges %u are refused: %s", m->generation, strerror(-rc));
	messages_send(w, &answer);
}

bool acme_lists(const struct worker *w, const char *name)
{
	for (int i = 0; i < ACME_LISTS; i++)
		if (w->acme->lists[i] && hostset_contains(w->acme->lists[i], name))
			return true;
	return false;
}

bool acme_is_challenge(const struct worker *w, const struct hello *hello)
{
	return (w->acme->lists[ACME_NAMES] || w->acme->lists[ACME_HOSTS]) &&
		hello_offers_alpn(hello, ACME_ALPN, sizeof ACME_ALPN - 1);
}

bool acme_find(const struct worker *w, const char *name, struct catalog_found *found)
{
	return catalog_find(&w->acme->challenges, name, found);
}

/* Names come from clients: whoever asks for many of them makes no more messages than anybody. */
static bool may_tell(struct acme *a, const char *name, uint64_t now_ns)
{
	uint64_t hash = catalog_hash(name);
	uint64_t *told_ns = &a->wants[hash & (WANTS - 1)].told_ns;

	if (a->wants[hash & (WANTS - 1)].hash == hash && now_ns - *told_ns < AGAIN_NS)
		return false;
	if (now_ns - a->second_ns >= NS_PER_S) {
		a->second_ns = now_ns;
		a->in_second = 0;
	}
	if (++a->in_second > WANTS_PER_S)
		return false;
	a->wants[hash & (WANTS - 1)].hash = hash;
	*told_ns = now_ns;
	return true;
}

void acme_want(struct worker *w, const char *name)
{
	struct msg m = { .type = MSG_WANTED, .wanted = { .name = name } };

	if (w->acme->on_demand && acme_lists(w, name) && may_tell(w->acme, name, w->now_ns))
		messages_send(w, &m);
}
