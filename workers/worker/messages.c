/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/messages.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/landlock.h"
#include "common/log.h"
#include "workers/worker/accept.h"
#include "workers/worker/acme.h"
#include "workers/worker/conn.h"
#include "workers/worker/faults.h"
#include "workers/worker/holds.h"
#include "workers/worker/policies.h"
#include "workers/worker/update.h"

/* What a worker whose supervisor is gone gives its connections, if it knows no better. */
static uint32_t orphan_drain_ms(const struct worker *w)
{
	return w->listeners_n > 0 ? w->listeners[0]->deadlines.ms[DEADLINE_DRAIN]
		: deadline_default_ms(DEADLINE_DRAIN);
}

int messages_settings(const struct msg_settings *s, struct worker_settings *settings, struct tls_settings **tls)
{
	const char *err = "";

	*settings = (struct worker_settings){
		.tickets = s->tickets,
		.bare_fin_is_half_close = s->bare_fin_is_half_close,
		.log_connections = s->log_connections,
		.connections = s->connections,
		.per_address = s->per_address,
		.handshakes = s->handshakes,
		.spill_worker_bytes = (size_t)s->spill_worker_kb * 1024,
		.spill_conn_bytes = (size_t)s->spill_connection_kb * 1024,
		.holds = s->holds, .holds_per_name = s->holds_per_name,
		.spurious_wakeups = s->spurious_wakeups,
		.keeper_deadline_ms = (int)s->keeper_deadline_ms,
		.chain_sources = chain_order_from_bytes(s->chain_sources),
	};
	*tls = tls_settings_new(s->tls13_only, s->priority, &err);
	if (*tls)
		return 0;
	log_error("%s: \"%s\"", err, s->priority);
	return -EINVAL;
}

static int take_settings(struct worker *w, const struct msg_settings *s)
{
	struct tls_settings *tls;
	int rc = messages_settings(s, &w->settings, &tls);

	if (rc < 0)
		return rc;
	w->keeper.deadline_ms = w->settings.keeper_deadline_ms;
	tls_settings_unref(w->tls);
	w->tls = tls;
	return 0;
}

/* No descriptor stays, so that nothing but the own column can ever be written. */
static int take_headcount(struct worker *w, const struct msg_headcount *m, struct packet *p)
{
	struct headcount_shape shape = { .columns = m->columns, .slots = m->slots, .seed = m->seed };
	int fds[2] = { packet_take_fd(p, 0), packet_take_fd(p, 1) };
	int rc = w->headcount.all ? -EALREADY : headcount_map(&w->headcount, &shape, fds, w->self.index - 1);

	close(fds[0]);
	close(fds[1]);
	return rc;
}

static int take_backend(struct worker *w, const struct msg_backend *m)
{
	if (m->index >= BACKENDS_MAX)
		return -EINVAL;
	backend_unref(w->coming[m->index]);
	w->coming[m->index] = backend_new(m->name, m->proxy_protocol, m->servers_n);
	if (!w->coming[m->index])
		return -EINVAL;
	if (m->servers_n == 0) {	/* no address is known for it yet */
		backend_unref(w->backends[m->index]);
		w->backends[m->index] = w->coming[m->index];
		w->coming[m->index] = NULL;
	}
	return 0;
}

static int take_server(struct worker *w, const struct msg_server *m)
{
	struct backend *b = m->backend < BACKENDS_MAX ? w->coming[m->backend] : NULL;

	if (!b || backend_add(b, m->label, m->address.data, m->address.size) < 0)
		return -EINVAL;
	if (b->servers_n == b->expected_n) {
		backend_unref(w->backends[m->backend]);
		w->backends[m->backend] = b;
		w->coming[m->backend] = NULL;
	}
	return 0;
}

static void take_catalog(struct worker *w, const struct msg_catalog *m, struct packet *p)
{
	int fds[FDPASS_MAX], n = p->nfds;

	for (int i = 0; i < n; i++)
		fds[i] = packet_take_fd(p, i);
	int rc = catalog_load(&w->catalog, m->generation, fds, n);
	if (rc < 0) {		/* the librarian's mistake, not the supervisor's */
		log_error("catalog %u is refused, %u stays: %s", m->generation, w->catalog.generation, strerror(-rc));
		return;
	}
	certs_follow(w->certs, &w->catalog);
	holds_look(w);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], m->generation);
}

/* Now that the backends are known, their ports are all that it may connect to. */
static void restrict_ports(struct worker *w, const struct bytes *ports)
{
	uint16_t list[MSG_PORTS_MAX];

	if (!w->self.sandbox)
		return;
	memcpy(list, ports->data, ports->size);
	int abi = landlock_enter(list, ports->size / sizeof list[0]);
	if (abi < 0)
		log_warning("Landlock does not hold: %s", strerror(-abi));
	else if (abi < 4)
		log_notice("this kernel's Landlock (ABI %d) cannot restrict the ports to connect to", abi);
}

static int start(struct worker *w, const struct msg_start *m)
{
	if (!w->tls || w->listeners_n == 0)
		return -EINVAL;
	restrict_ports(w, &m->ports);
	worker_own_fds(w);
	accept_start(w);
	return role_ready(&w->self);
}

static void take_signer(struct worker *w, int fd, uint32_t pid)
{
	worker_count_fds(w, w->keeper.channel.fd < 0);
	ledger_own_fd(&w->self.ledger, w->signer_fd, false);
	keeper_client_connect(&w->keeper, fd, pid);
	w->signer_fd = fd;
	ledger_own_fd(&w->self.ledger, fd, true);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_SIGNER_DOWN], 0);
	log_info("keeper server %u signs from now on", pid);
}

static void close_one(struct worker *w, const struct msg *m)
{
	struct msg a = { .type = MSG_CLOSE_ANS, .id = m->id, .close_ans = { .conn = m->close.conn } };

	worker_refresh_now(w);
	a.close_ans.found = conn_close_id(w, m->close.conn);
	messages_send(w, &a);
}

/* Of a reload: kept for its commit. */
static bool is_of_update(const struct worker *w, enum msg_type type)
{
	return update_is_open(w) && (type == MSG_SETTINGS || type == MSG_TICKET_SEED || type == MSG_BACKEND ||
		type == MSG_SERVER || type == MSG_LISTENER_UPDATE || type == MSG_CATALOG || type == MSG_POLICY ||
		type == MSG_SET || type == MSG_SCRIPT);
}

static int take_policy(struct worker *w, struct packet *p, const struct msg *m)
{
	int rc = policies_take(w, m, p);

	if (rc == 0)
		policies_commit(w, m->id);
	holds_look(w);
	return rc;
}

static int handle(struct worker *w, struct packet *p, const struct msg *m)
{
	if (is_of_update(w, m->type))
		return update_take(w, m, p);
	switch (m->type) {
	case MSG_SETTINGS: return take_settings(w, &m->settings);
	case MSG_HEADCOUNT: return take_headcount(w, &m->headcount, p);
	case MSG_LISTENER: return accept_add(w, packet_take_fd(p, 0), &m->listener) ? 0 : -errno;
	case MSG_BACKEND: return take_backend(w, &m->backend);
	case MSG_SERVER: return take_server(w, &m->server);
	case MSG_CATALOG:
		take_catalog(w, &m->catalog, p);
		return 0;
	case MSG_TICKET_SEED:
		if (!w->tls)
			return -EINVAL;
		return w->settings.tickets ? tls_settings_seed(w->tls, m->ticket_seed.seed.data, m->ticket_seed.seed.size) : 0;
	case MSG_SIGNER:
		take_signer(w, packet_take_fd(p, 0), m->signer.pid);
		return 0;
	case MSG_START: return start(w, &m->start);
	case MSG_POLICY:
	case MSG_SET:
	case MSG_SCRIPT: return take_policy(w, p, m);
	case MSG_ACME_NAMES: return acme_names(w, &m->acme_names, p);
	case MSG_CHALLENGES:
		acme_challenges(w, &m->challenges, p);
		return 0;
	case MSG_UPDATE:
		update_begin(w, m->update.generation);
		return 0;
	case MSG_COMMIT: return update_commit(w, m);
	case MSG_DRAIN:
		worker_drain(w, m->drain.drain_ms);
		return 0;
	case MSG_CLOSE:
		close_one(w, m);
		return 0;
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		return 0;
#ifdef WITH_FAULTS
	case MSG_FAULT: return faults_take(w, &m->fault);
#endif
	default: return -EINVAL;
	}
}

static void supervisor_gone(struct worker *w)
{
	messages_stop(w);
	channel_clear(&w->self.channel);
	log_warning("the supervisor is gone: listeners are closed, connections drain");
	worker_drain(w, orphan_drain_ms(w));
}

static void watch_channel(struct worker *w)
{
	int events = EV_READ | (channel_pending(&w->self.channel) > 0 ? EV_WRITE : 0);

	if (ev_is_active(&w->channel_io) && (w->channel_io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(w->loop, &w->channel_io);
	ev_io_set(&w->channel_io, w->self.channel.fd, events);
	ev_io_start(w->loop, &w->channel_io);
}

/* False when there is no more to do now. */
static bool receive(struct worker *w)
{
	struct packet p;
	struct msg m;
	int rc = role_recv(&w->self, &p, &m);

	if (rc == -EAGAIN)
		return false;
	if (rc == 0) {
		rc = handle(w, &p, &m);
		packet_close_fds(&p);
		if (rc < 0)
			log_error("message %s could not be obeyed: %s", msg_name(m.type), strerror(-rc));
	}
	if (rc < 0)
		supervisor_gone(w);	/* or we do not understand each other */
	return rc == 0;
}

static void on_channel(struct ev_loop *loop, ev_io *io, int revents)
{
	struct worker *w = io->data;

	(void)loop;
	ledger_doing(&w->self.ledger, DOING_MESSAGE, UINT32_MAX);
	if (revents & EV_WRITE)
		channel_flush(&w->self.channel);
	while (revents & EV_READ && receive(w))
		;
	if (w->self.channel.fd >= 0)
		watch_channel(w);
}

void messages_start(struct worker *w)
{
	ev_io_init(&w->channel_io, on_channel, w->self.channel.fd, EV_READ);
	w->channel_io.data = w;
	ev_io_start(w->loop, &w->channel_io);
}

void messages_stop(struct worker *w)
{
	ev_io_stop(w->loop, &w->channel_io);
}

void messages_send(struct worker *w, const struct msg *m)
{
	if (w->self.channel.fd < 0)
		return;
	int rc = msg_send(&w->self.channel, m, NULL, 0);
	if (rc < 0)
		log_error("message %s could not be sent: %s", msg_name(m->type), strerror(-rc));
	watch_channel(w);
}
