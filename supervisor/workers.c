/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/workers.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>

#include "common/buf.h"
#include "common/log.h"
#include "supervisor/listen_again.h"
#include "supervisor/operator.h"
#include "supervisor/reload.h"
#include "supervisor/supervisor.h"

static struct signer *signer_of(struct supervisor *s, const struct child *c)
{
	return &s->signers[c->index - 1];
}

int workers_wanted(const struct conf *conf)
{
	cpu_set_t set;
	int n = conf->workers;

	if (n == 0 && sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

struct child *workers_new_place(struct supervisor *s)
{
	int i = s->workers_n;

	if (i == WORKERS_MAX)
		return NULL;
	s->workers_n++;
	child_init(&s->workers[i], s, &worker_ops, (uint32_t)i + 1);
	signer_init(&s->signers[i], s, &s->workers[i]);
	return &s->workers[i];
}

struct child *workers_free_place(struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_vacant(s, &s->workers[i]))
			return &s->workers[i];
	return workers_new_place(s);
}

bool worker_serves(const struct child *c)
{
	return c->state == CHILD_BACKOFF || c->state == CHILD_STARTING || c->state == CHILD_READY;
}

bool worker_is_vacant(const struct supervisor *s, const struct child *w)
{
	if (w->state != CHILD_DOWN)
		return false;
	if (w->seat > (uint32_t)s->workers_wanted)
		return true;
	for (int i = 0; i < s->workers_n; i++) {
		const struct child *other = &s->workers[i];
		if (other != w && other->seat == w->seat && (other->state != CHILD_DOWN || other->started_ns > w->started_ns))
			return true;
	}
	return false;
}

/* Only "auto" means a worker per core; other numbers leave it to the scheduler. */
int worker_cpu(struct supervisor *s, struct child *c)
{
	uint32_t left = c->seat;
	cpu_set_t set;

	if (s->conf->workers != 0 || sched_getaffinity(0, sizeof set, &set) < 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &set) && --left == 0)
			return cpu;
	return -1;
}

bool worker_is_served(const struct child *c)
{
	return child_runs(c) && c->introduced &&
		(c->state == CHILD_STARTING || c->state == CHILD_READY || c->state == CHILD_DRAINING);
}

/* Of what is meant for all workers together, at least 1. */
static uint32_t share(const struct supervisor *s, int all)
{
	return ((uint32_t)all + (uint32_t)s->workers_wanted - 1) / (uint32_t)s->workers_wanted;
}

static void send_settings(struct supervisor *s, struct child *c)
{
	const struct conf *conf = s->conf;
	struct chain_order sources = conf_chain_order(conf);
	struct msg m = { .type = MSG_SETTINGS, .settings = {
		.tls13_only = conf->tls.minimum == CONF_TLS_1_3, .tickets = conf->tls.tickets,
		.bare_fin_is_half_close = conf->tls.truncation == CONF_TRUNCATION_HALF_CLOSE,
		.log_connections = conf->log.connections, .priority = conf->tls.priority,
		.connections = supervisor_connections_per_worker(s),
		.per_address = (uint32_t)conf->limits.per_address, .handshakes = (uint32_t)conf->limits.handshakes,
		.spill_worker_kb = (uint32_t)conf->limits.spill_mb * 1024,
		.spill_connection_kb = (uint32_t)conf->limits.spill_kb,
		.keeper_deadline_ms = (uint32_t)(conf->keeper.deadline * 1000 + 0.5),
		.holds = share(s, conf->limits.holds), .holds_per_name = share(s, conf->limits.holds_per_name),
		.spurious_wakeups = (uint32_t)conf->limits.spurious_wakeups,
		.chain_sources = { sources.at, sources.n } } };

	child_send(c, &m, NULL, 0);
}

static void send_headcount(struct supervisor *s, struct child *c)
{
	const struct headcount_shape *shape = &s->headcount_shape;
	struct msg m = { .type = MSG_HEADCOUNT, .headcount = { .columns = shape->columns, .slots = shape->slots,
		.seed = shape->seed } };

	child_send(c, &m, s->headcount_fds, 2);
}

static void put_alpn(struct buf *b, char *const *names)
{
	for (; *names; names++) {
		buf_put_u8(b, (uint8_t)strlen(*names));
		buf_put_bytes(b, *names, strlen(*names));
	}
}

static void send_listener(struct supervisor *s, struct child *c, int i, bool update)
{
	const struct conf_listener *l = &s->conf->listeners[i];
	uint16_t number = (uint16_t)listen_number(s, l->name);
	uint8_t alpn[1024];
	struct buf b;
	struct msg m;

	buf_init(&b, alpn, sizeof alpn);
	put_alpn(&b, l->alpn);
	if (update)
		m = (struct msg){ .type = MSG_LISTENER_UPDATE, .listener_update = { .index = number, .name = l->name,
			.backend = l->backend, .alpn = { alpn, b.size }, .default_certificate = l->default_certificate,
			.deadlines = l->deadlines } };
	else
		m = (struct msg){ .type = MSG_LISTENER, .listener = { .index = number, .name = l->name,
			.backend = l->backend, .alpn = { alpn, b.size }, .default_certificate = l->default_certificate,
			.deadlines = l->deadlines } };
	child_send(c, &m, &s->listener_fds[i], !update);
}

void workers_send_listener_updates(struct supervisor *s, struct child *c)
{
	for (int i = 0; i < s->conf->listeners_n; i++)
		send_listener(s, c, i, true);
}

static void send_backend(struct supervisor *s, struct child *c, int i)
{
	const struct conf_backend *b = &s->conf->backends[i];
	int n = backends_servers(s->backends, i);
	struct msg m = { .type = MSG_BACKEND, .backend = { .index = (uint16_t)i, .name = b->name,
		.proxy_protocol = (uint8_t)b->proxy_protocol, .servers_n = (uint16_t)n } };

	child_send(c, &m, NULL, 0);
	for (int k = 0; k < n; k++) {
		const char *label;
		const struct addr *a = backends_server(s->backends, i, k, &label);
		struct msg server = { .type = MSG_SERVER, .server = { .backend = (uint16_t)i, .label = label,
			.address = { (const uint8_t *)&a->ss, a->len } } };
		child_send(c, &server, NULL, 0);
	}
}

static void send_seed(struct supervisor *s, struct child *c)
{
	struct msg m = { .type = MSG_TICKET_SEED, .ticket_seed = { .seed = { s->ticket_seed, sizeof s->ticket_seed } } };

	child_send(c, &m, NULL, 0);
}

void workers_send_settings(struct supervisor *s, struct child *c)
{
	send_settings(s, c);
	send_seed(s, c);
}

void workers_send_backends(struct supervisor *s, struct child *c)
{
	for (int i = 0; i < s->conf->backends_n; i++)
		send_backend(s, c, i);
}

static void on_introduced(struct supervisor *s, struct child *c)
{
	s->syncs[c->index - 1] = (struct worker_sync){ .conf = s->generation };
	send_settings(s, c);
	send_headcount(s, c);
	workers_send_backends(s, c);
	for (int i = 0; i < s->conf->listeners_n && !s->stopping; i++)
		send_listener(s, c, i, false);
	material_send_catalog(s->material, c);
	policy_flow_send(s->policy, c, false);
	acme_introduce(s->acme, c);
	send_seed(s, c);
	signer_begin(signer_of(s, c));
}

static void on_policy_ans(struct child *c, const struct msg_policy_ans *a)
{
	if (!*a->error)
		return;
	log_error("worker %u does not take policy %u: %s", c->index, a->generation, a->error);
	/* One that has had none yet would ask the configuration alone. */
	if (c->state == CHILD_STARTING)
		child_replace(c, "it cannot load the policy");
}

static void on_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	if (m->type == MSG_SIGNER_DOWN)
		signer_down(signer_of(s, c), m->signer_down.pid);
	else if (m->type == MSG_CLOSE_ANS)
		operator_on_close_ans(s, c, m);
	else if (m->type == MSG_POLICY_ANS)
		on_policy_ans(c, &m->policy_ans);
	else if (m->type == MSG_COMMITTED)
		reload_on_committed(s, c, m);
	else
		acme_on_message(s->acme, c, m, p);
}

static void on_ready(struct supervisor *s, struct child *c)
{
	succession_ready(s, c);
	supervisor_worker_ready(s);
	reload_on_child(s, c);
}

static void on_down(struct supervisor *s, struct child *c)
{
	int rc = headcount_forget(&s->headcount_shape, s->headcount_fds[0], c->index - 1);
	if (rc < 0)
		log_error("what worker %u has counted for limits stays counted: %s", c->index, strerror(-rc));
	signer_end(signer_of(s, c));
	s->syncs[c->index - 1] = (struct worker_sync){ 0 };
	acme_on_down(s->acme, c);
	succession_down(s, c);
	reload_on_child(s, c);
	supervisor_role_down(s, c);
}

const struct child_ops worker_ops = {
	.role = ROLE_WORKER, .restart = true, .ready_ms = 10000, .leave_ms = 1000,
	.cpu = worker_cpu, .on_introduced = on_introduced, .on_ready = on_ready,
	.on_message = on_message, .on_down = on_down,
};

void workers_send_backend(struct supervisor *s, int backend)
{
	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			send_backend(s, &s->workers[i], backend);
}

void workers_send_catalog(struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			material_send_catalog(s->material, &s->workers[i]);
	if (worker_is_served(&s->advisor))
		material_send_catalog(s->material, &s->advisor);
}

int workers_new_seed(struct supervisor *s)
{
	if (getrandom(s->ticket_seed, sizeof s->ticket_seed, 0) != sizeof s->ticket_seed)
		return -EIO;
	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			send_seed(s, &s->workers[i]);
	return 0;
}
