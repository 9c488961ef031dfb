/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "workers/worker/accept.h"
#include "workers/worker/holds.h"
#include "workers/worker/messages.h"
#include "workers/worker/policies.h"

struct update {
	bool open;
	uint32_t generation;
	char error[256];		/* why it cannot be committed, or "" */
	struct backend *backends[BACKENDS_MAX];
	bool backends_came;
	struct listener *listeners[LISTENERS_MAX];	/* only what accept_set() sets */
	int listeners_n;
	struct catalog catalog;
	bool catalog_came;
	struct worker_settings settings;
	struct tls_settings *tls;	/* NULL: no settings came */
};

static void drop(struct update *u)
{
	for (int i = 0; i < BACKENDS_MAX; i++)
		backend_unref(u->backends[i]);
	for (int i = 0; i < u->listeners_n; i++)
		free(u->listeners[i]);
	catalog_clear(&u->catalog);
	tls_settings_unref(u->tls);
	*u = (struct update){ .open = false };
	catalog_init(&u->catalog);
}

int update_init(struct worker *w)
{
	w->update = calloc(1, sizeof *w->update);
	if (!w->update)
		return -ENOMEM;
	catalog_init(&w->update->catalog);
	return 0;
}

void update_clear(struct worker *w)
{
	if (!w->update)
		return;
	drop(w->update);
	free(w->update);
	w->update = NULL;
}

void update_begin(struct worker *w, uint32_t generation)
{
	drop(w->update);
	w->update->open = true;
	w->update->generation = generation;
}

bool update_is_open(const struct worker *w)
{
	return w->update->open;
}

/* What is wrong with one of its parts is the answer to the commit. */
static int refuse(struct update *u, const char *what, int rc)
{
	if (!*u->error)
		snprintf(u->error, sizeof u->error, "%s: %s", what, strerror(-rc));
	return 0;
}

static int take_settings(struct update *u, const struct msg_settings *m)
{
	tls_settings_unref(u->tls);
	u->tls = NULL;
	int rc = messages_settings(m, &u->settings, &u->tls);
	return rc < 0 ? refuse(u, "settings", rc) : 0;
}

static int take_seed(struct worker *w, const struct bytes *seed)
{
	struct update *u = w->update;
	struct tls_settings *tls = u->tls ? u->tls : w->tls;
	bool tickets = u->tls ? u->settings.tickets : w->settings.tickets;
	int rc = tickets ? tls_settings_seed(tls, seed->data, seed->size) : 0;

	return rc < 0 ? refuse(u, "ticket seed", rc) : 0;
}

static int take_backend(struct update *u, const struct msg_backend *m)
{
	if (m->index >= BACKENDS_MAX)
		return -EINVAL;
	u->backends_came = true;
	backend_unref(u->backends[m->index]);
	u->backends[m->index] = backend_new(m->name, m->proxy_protocol, m->servers_n);
	return u->backends[m->index] ? 0 : -EINVAL;
}

static int take_server(struct update *u, const struct msg_server *m)
{
	struct backend *b = m->backend < BACKENDS_MAX ? u->backends[m->backend] : NULL;

	return b ? backend_add(b, m->label, m->address.data, m->address.size) : -EINVAL;
}

static int take_listener(struct update *u, const struct msg_listener_update *m)
{
	struct listener *l = u->listeners_n < LISTENERS_MAX ? calloc(1, sizeof *l) : NULL;
	struct msg_listener as_new = { .index = m->index, .name = m->name, .backend = m->backend, .alpn = m->alpn,
		.default_certificate = m->default_certificate, .deadlines = m->deadlines };

	if (!l)
		return refuse(u, "listener", -ENOMEM);
	accept_set(l, &as_new);
	u->listeners[u->listeners_n++] = l;
	return 0;
}

static int take_catalog(struct worker *w, const struct msg_catalog *m, struct packet *p)
{
	int fds[FDPASS_MAX], n = p->nfds;
	struct update *u = w->update;

	/* What stays of it need not be mapped and checked again. */
	if (u->catalog.n == 0)
		catalog_share(&u->catalog, &w->catalog);
	for (int i = 0; i < n; i++)
		fds[i] = packet_take_fd(p, i);
	int rc = catalog_load(&u->catalog, m->generation, fds, n);
	u->catalog_came = rc == 0;
	return rc < 0 ? refuse(u, "catalog", rc) : 0;
}

int update_take(struct worker *w, const struct msg *m, struct packet *p)
{
	struct update *u = w->update;
	int rc;

	switch (m->type) {
	case MSG_SETTINGS: return take_settings(u, &m->settings);
	case MSG_TICKET_SEED: return take_seed(w, &m->ticket_seed.seed);
	case MSG_BACKEND: return take_backend(u, &m->backend);
	case MSG_SERVER: return take_server(u, &m->server);
	case MSG_LISTENER_UPDATE: return take_listener(u, &m->listener_update);
	case MSG_CATALOG: return take_catalog(w, &m->catalog, p);
	default:
		rc = policies_take(w, m, p);
		return rc < 0 ? refuse(u, "policy", rc) : 0;
	}
}

/* --- the commit --- */

static void use_settings(struct worker *w, struct update *u)
{
	if (!u->tls)
		return;
	w->settings = u->settings;
	w->keeper.deadline_ms = u->settings.keeper_deadline_ms;
	tls_settings_unref(w->tls);
	w->tls = u->tls;
	u->tls = NULL;
}

static void use_backends(struct worker *w, struct update *u)
{
	for (int i = 0; i < BACKENDS_MAX && u->backends_came; i++) {
		backend_unref(w->backends[i]);
		backend_unref(w->coming[i]);
		w->backends[i] = u->backends[i];
		w->coming[i] = u->backends[i] = NULL;
	}
}

static void use_listener(struct worker *w, const struct listener *from)
{
	for (int i = 0; i < w->listeners_n; i++) {
		struct listener *l = w->listeners[i];
		if (l->index != from->index)
			continue;
		l->deadlines = from->deadlines;
		memcpy(l->backend, from->backend, sizeof l->backend);
		memcpy(l->default_certificate, from->default_certificate, sizeof l->default_certificate);
		memcpy(l->alpn, from->alpn, sizeof l->alpn);
		l->alpn_size = from->alpn_size;
	}
}

static void use_catalog(struct worker *w, struct update *u)
{
	if (!u->catalog_came)
		return;
	catalog_clear(&w->catalog);
	w->catalog = u->catalog;
	catalog_init(&u->catalog);
	certs_follow(w->certs, &w->catalog);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], w->catalog.generation);
}

static void use_all(struct worker *w, struct update *u)
{
	use_settings(w, u);
	use_backends(w, u);
	for (int i = 0; i < u->listeners_n; i++)
		use_listener(w, u->listeners[i]);
	use_catalog(w, u);
	holds_look(w);
}

int update_commit(struct worker *w, const struct msg *m)
{
	struct msg answer = { .type = MSG_COMMITTED, .id = m->id, .committed = { .generation = m->commit.generation } };
	struct update *u = w->update;

	if (!u->open || u->generation != m->commit.generation)
		return -EPROTO;
	/* Only loading a policy can fail now, so it is first. */
	answer.committed.error = *u->error ? u->error : policies_commit(w, m->id);
	if (!*answer.committed.error)
		use_all(w, u);
	else
		log_error("reload %u is refused, all stays as it was: %s", u->generation, answer.committed.error);
	messages_send(w, &answer);
	drop(u);
	return 0;
}
