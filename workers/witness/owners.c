/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/owners.h"

#include <errno.h>
#include <stdlib.h>

#include "common/addr.h"
#include "common/json_text.h"

const char *owner_kind_name(enum owner_kind k)
{
	static const char *const names[] = {
		[OWNER_NOBODY] = "nobody", [OWNER_SELF] = "process",
		[OWNER_CONNECTION] = "connection", [OWNER_UNTOLD] = "untold",
	};

	return names[k];
}

static int by_fd(const void *a, const void *b)
{
	return ((const struct owner *)a)->fd - ((const struct owner *)b)->fd;
}

static void add(struct owners *o, uint32_t fd, uint32_t slot, bool backend)
{
	if (fd > 0 && fd <= INT32_MAX)
		o->list[o->n++] = (struct owner){ .fd = (int)fd, .slot = slot, .backend = backend };
}

int owners_init(struct owners *o, const struct ledger *l, uint64_t now_ns)
{
	*o = (struct owners){ .ledger = l, .now_ns = now_ns };
	o->list = calloc(2 * (size_t)l->conns_n + 1, sizeof *o->list);
	if (!o->list)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->conns_n; i++) {
		const struct ledger_conn *c = &l->conns[i];
		if (__atomic_load_n(&c->phase, __ATOMIC_RELAXED) == PHASE_NONE)
			continue;
		add(o, __atomic_load_n(&c->client_fd, __ATOMIC_RELAXED), i, false);
		add(o, __atomic_load_n(&c->backend_fd, __ATOMIC_RELAXED), i, true);
	}
	qsort(o->list, o->n, sizeof *o->list, by_fd);
	return 0;
}

void owners_clear(struct owners *o)
{
	free(o->list);
	*o = (struct owners){ .ledger = NULL };
}

enum owner_kind owners_find(const struct owners *o, int fd, const struct owner **owner)
{
	const struct owner key = { .fd = fd };

	*owner = o->n > 0 ? bsearch(&key, o->list, o->n, sizeof key, by_fd) : NULL;
	if (*owner)
		return OWNER_CONNECTION;
	if (ledger_owns_fd(o->ledger, fd))
		return OWNER_SELF;
	return o->ledger->conns_n > 0 ? OWNER_NOBODY : OWNER_UNTOLD;
}

static json_t *age_ms(const struct owners *o, uint64_t since_ns)
{
	return json_integer(since_ns > 0 && o->now_ns > since_ns ? (json_int_t)((o->now_ns - since_ns) / 1000000) : 0);
}

json_t *owners_view(const struct owners *o, const struct owner *owner)
{
	char peer[ADDR_TEXT];
	struct ledger_conn c;
	json_t *v = json_object();

	bool whole = ledger_conn_copy(&o->ledger->conns[owner->slot], &c);
	json_object_set_new(v, "connection", json_integer((json_int_t)(c.id & INT64_MAX)));
	json_object_set_new(v, "side", json_string(owner->backend ? "backend" : "client"));
	json_object_set_new(v, "phase", json_string(phase_name(c.phase)));
	json_object_set_new(v, "age_ms", age_ms(o, owner->backend && c.handshake_ns ? c.handshake_ns : c.accepted_ns));
	json_object_set_new(v, "idle_ms", age_ms(o, c.last_progress_ns));
	json_object_set_new(v, "client", json_text(addr_text((const struct sockaddr *)&c.peer, peer)));
	json_object_set_new(v, "sni", c.sni[0] ? json_text(c.sni) : json_null());
	if (!whole)
		json_object_set_new(v, "torn", json_true());
	return v;
}
