/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "workers/worker/accept.h"
#include "workers/worker/acme.h"
#include "workers/worker/conn.h"
#include "workers/worker/holds.h"
#include "workers/worker/limits.h"
#include "workers/worker/messages.h"
#include "workers/worker/policies.h"
#include "workers/worker/update.h"

/* After this many ends glibc is asked to give back what it keeps. */
#define TRIM_AFTER_CLOSED 256
#define TRIM_AT_REST 16		/* when none is open */
#define OWN_FDS_MAX 256		/* numbers that what belongs to no connection may have */
#define SPARE_WAITS_AT_REST 4

uint64_t worker_refresh_now(struct worker *w)
{
	w->now_ns = ledger_now_ns();
	return w->now_ns;
}

static void set_gauge(struct worker *w, enum gauge g, uint64_t v)
{
	ledger_set(&w->self.ledger.head->gauges[g], v);
}

/* ---- descriptors ---- */

/* Listeners, channels, and what the loop has; it has no files. */
void worker_own_fds(struct worker *w)
{
	uint64_t n = 0;

	for (int fd = 0; fd < OWN_FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	set_gauge(w, GAUGE_FDS, n);
}

void worker_count_fds(struct worker *w, int more)
{
	set_gauge(w, GAUGE_FDS, w->self.ledger.head->gauges[GAUGE_FDS] + (uint64_t)(int64_t)more);
}

/* ---- the loop ---- */

static void on_check(struct ev_loop *loop, ev_check *c, int revents)
{
	struct worker *w = c->data;

	(void)loop;
	(void)revents;
	w->reads_before = w->reads_now;
	w->reads_now = 0;
	ledger_heartbeat(&w->self.ledger, worker_refresh_now(w));
}

static void on_prepare(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct worker *w = p->data;

	(void)loop;
	(void)revents;
	ledger_doing(&w->self.ledger, DOING_NOTHING, UINT32_MAX);
}

/*
 * Low slots first: the used part of the ledger stays small, and what lies
 * behind it is given back.
 */
static void sort_free_slots(struct worker *w)
{
	uint32_t end = 0;

	w->free_n = 0;
	for (uint32_t i = w->slots_n; i-- > 0;) {
		if (!w->conns[i])
			w->free_slots[w->free_n++] = i;
		else if (end == 0)
			end = i + 1;
	}
	ledger_give_back(&w->self.ledger, end);
}

static void trim_memory(struct worker *w)
{
	sort_free_slots(w);
	while (w->spare_waits && w->spare_waits_n > SPARE_WAITS_AT_REST) {
		struct hello_wait *wait = w->spare_waits;
		w->spare_waits = wait->next;
		w->spare_waits_n--;
		free(wait);
	}
	malloc_trim(0);
	w->closed_since_trim = 0;
	w->open_at_trim = w->conns_n;
}

/* At rest also for what the few were holding that were open the last time. */
static bool trim_is_due(const struct worker *w)
{
	if (w->conns_n == 0)
		return w->closed_since_trim >= (w->open_at_trim > 0 ? 1 : TRIM_AT_REST);
	return w->closed_since_trim >= TRIM_AFTER_CLOSED && w->closed_since_trim > w->conns_n;
}

static void on_second(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;
	uint64_t spurious = w->self.ledger.head->counters[COUNT_SPURIOUS];

	(void)loop;
	(void)revents;
	worker_refresh_now(w);
	accept_second(w);
	limits_second(w);
	set_gauge(w, GAUGE_SPILL_BYTES, w->spill_total);
	set_gauge(w, GAUGE_SPURIOUS_RATE, spurious - w->spurious_before);
	w->spurious_before = spurious;
	ledger_set(&w->self.ledger.head->counters[COUNT_LOG_DROPPED], log_dropped());
	if (trim_is_due(w))
		trim_memory(w);
}

static void on_resume_accept(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;

	(void)revents;
	ev_timer_stop(loop, t);
	if (w->free_n > 0)
		accept_start(w);
	else
		ev_timer_again(loop, t);
}

static void on_term(struct ev_loop *loop, ev_signal *s, int revents)
{
	struct worker *w = s->data;

	(void)revents;
	accept_close(w);
	w->draining = true;
	conn_stop_all(w);
	ev_break(loop, EVBREAK_ALL);
}

/* ---- draining ---- */

void worker_drain(struct worker *w, uint32_t drain_ms)
{
	if (w->draining)
		return;
	accept_close(w);
	w->draining = true;
	w->drain_ns = worker_refresh_now(w) + drain_ms * 1000000ull;
	log_notice("draining: %u connections, at most %u ms", w->conns_n, drain_ms);
	conn_rearm_all(w);
	if (w->conns_n == 0)
		ev_break(w->loop, EVBREAK_ALL);
}

void worker_conn_gone(struct worker *w)
{
	if (w->draining && w->conns_n == 0)
		ev_break(w->loop, EVBREAK_ALL);
	else if (!w->accepting && !w->draining && ev_is_active(&w->resume_accept) && w->free_n > 0) {
		ev_timer_stop(w->loop, &w->resume_accept);
		accept_start(w);
	}
}

/* ---- the keeper ---- */

static void tell_signer_down(struct worker *w, int err)
{
	struct msg m = { .type = MSG_SIGNER_DOWN, .signer_down = { .pid = w->keeper.pid } };

	set_gauge(w, GAUGE_SIGNER_DOWN, 1);
	log_warning("keeper server %u %s: full handshakes end with keeper_down until there is a new one",
		w->keeper.pid, err == -ETIMEDOUT ? "missed its deadline" : "is gone");
	messages_send(w, &m);
}

static int sign(void *data, const struct msg_sign_req *req, struct bytes *signature)
{
	struct worker *w = data;
	bool was_down = w->keeper.down, had_channel = w->keeper.channel.fd >= 0;
	uint32_t slot = w->in_hand ? w->in_hand->slot : UINT32_MAX;

	ledger_doing(&w->self.ledger, DOING_SIGN, slot);
	int rc = keeper_client_sign(&w->keeper, req, signature);
	ledger_doing(&w->self.ledger, DOING_CLIENT, slot);
	worker_refresh_now(w);
	if (had_channel && w->keeper.channel.fd < 0)
		worker_count_fds(w, -1);
	if (rc == 0)
		ledger_count(&w->self.ledger, COUNT_SIGNATURES);
	if (rc == -ETIMEDOUT)
		ledger_count(&w->self.ledger, COUNT_KEEPER_TIMEOUTS);
	if (w->keeper.down && !was_down)
		tell_signer_down(w, rc);
	return rc;
}

struct backend *worker_backend(struct worker *w, const char *name)
{
	for (int i = 0; i < BACKENDS_MAX; i++)
		if (w->backends[i] && strcmp(w->backends[i]->name, name) == 0)
			return w->backends[i];
	return NULL;
}

/* ---- life ---- */

static void on_hup(void *data, uint64_t tag, bool failed)
{
	watching_hup(data, tag, failed);
}

static int init_slots(struct worker *w)
{
	w->slots_n = w->self.ledger.head->conns_n;
	w->conns = calloc(w->slots_n, sizeof *w->conns);
	w->free_slots = calloc(w->slots_n, sizeof *w->free_slots);
	if (!w->conns || !w->free_slots)
		return -ENOMEM;
	sort_free_slots(w);
	return 0;
}

static int init_buffers(struct worker *w)
{
	w->scratch = malloc(SCRATCH_BYTES);
	w->plain = malloc(SCRATCH_BYTES + 2 * TLS_RECORD_MAX);
	w->gather.data = malloc(GATHER_BYTES);
	w->gather.cap = GATHER_BYTES;
	w->certs = certs_new(sign, w);
	return w->scratch && w->plain && w->gather.data && w->certs ? 0 : -ENOMEM;
}

static void init_watchers(struct worker *w)
{
	ev_check_init(&w->check, on_check);
	ev_set_priority(&w->check, EV_MAXPRI);
	ev_check_start(w->loop, &w->check);
	ev_prepare_init(&w->prepare, on_prepare);
	ev_prepare_start(w->loop, &w->prepare);
	ev_signal_init(&w->term, on_term, SIGTERM);
	ev_signal_start(w->loop, &w->term);
	ev_timer_init(&w->second, on_second, 1., 1.);
	ev_timer_start(w->loop, &w->second);
	ev_timer_init(&w->resume_accept, on_resume_accept, 0., .25);
	w->check.data = w->prepare.data = w->term.data = w->second.data = w->resume_accept.data = w;
	messages_start(w);
}

int worker_init(struct worker *w)
{
	catalog_init(&w->catalog);
	keeper_client_init(&w->keeper);
	w->signer_fd = -1;
	w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
	if (!w->loop)
		return -ENOMEM;
	worker_refresh_now(w);
	int rc = init_slots(w);
	if (rc == 0)
		rc = init_buffers(w);
	if (rc == 0)
		rc = policies_init(w);
	if (rc == 0)
		rc = update_init(w);
	if (rc == 0)
		rc = acme_init(w);
	if (rc == 0)
		rc = hup_init(&w->hup, w->loop, on_hup, w);
	if (rc < 0)
		return rc;
	init_watchers(w);
	holds_init(w);
	return 0;
}

void worker_run(struct worker *w)
{
	ev_run(w->loop, 0);
	conn_stop_all(w);
	log_notice("ends: %llu connections served", (unsigned long long)w->accepted);
}

void worker_clear(struct worker *w)
{
	hup_clear(&w->hup);
	holds_clear(w);
	messages_stop(w);
	for (int i = 0; i < w->listeners_n; i++)
		free(w->listeners[i]);
	for (int i = 0; i < BACKENDS_MAX; i++) {
		backend_unref(w->backends[i]);
		backend_unref(w->coming[i]);
	}
	while (w->spare_waits) {
		struct hello_wait *wait = w->spare_waits;
		w->spare_waits = wait->next;
		free(wait);
	}
	update_clear(w);
	acme_clear(w);
	policies_clear(w);
	certs_free(w->certs);
	catalog_clear(&w->catalog);
	keeper_client_clear(&w->keeper);
	headcount_unmap(&w->headcount);
	tls_settings_unref(w->tls);
	free(w->conns);
	free(w->free_slots);
	free(w->scratch);
	free(w->plain);
	free(w->gather.data);
	ev_loop_destroy(w->loop);
}
