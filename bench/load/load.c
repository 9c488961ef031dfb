/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define OPENING_AT_ONCE 64	/* handshakes in flight while the kept connections are opened */
#define LOOK_NS 100000000ull	/* for operations that take too long */

uint64_t load_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ns_of(double seconds) { return (uint64_t)(seconds * 1e9); }

/* ---- places ---- */

static void give_back(struct load *l, struct conn *c)
{
	l->free[(l->free_first + l->free_n++) % l->o->connections] = (uint32_t)(c - l->conns);
}

/* NULL if none is free; of kept connections, those that the server has ended are none. */
static struct conn *take_place(struct load *l, bool open)
{
	while (l->free_n > 0) {
		struct conn *c = &l->conns[l->free[l->free_first]];
		l->free_first = (l->free_first + 1) % l->o->connections;
		l->free_n--;
		if ((c->state == CONN_READY) == open)
			return c;
	}
	return NULL;
}

/* ---- what came of an event ---- */

static void count_done(struct load *l, struct conn *c)
{
	uint64_t now = load_now_ns();

	l->counts.done++;
	l->counts.resumed += c->resumed;
	l->counts.alerts += c->said_alert;
	histogram_add(&l->latency, now > c->began_ns ? now - c->began_ns : 0);
}

static void settle(struct load *l, struct conn *c, enum conn_result r)
{
	bool kept = l->o->mode->kept, busy = c->busy;

	if (r == CONN_WAITS)
		return;
	c->busy = false;
	l->in_flight -= busy;
	l->ready_n += r == CONN_IS_READY;
	if (r == CONN_DONE)
		count_done(l, c);
	else if (r == CONN_FAILED && busy)
		l->counts.failed[c->failure]++;
	else if (r == CONN_FAILED)
		l->counts.lost++;
	if (!kept || r == CONN_FAILED)
		conn_close(c);
	if (busy && (!kept || r != CONN_FAILED))
		give_back(l, c);
}

/* ---- starting ---- */

static struct conn_where where(struct load *l)
{
	return (struct conn_where){ .client = &l->client, .epoll = l->epoll, .number = l->number };
}

static void open_one(struct load *l, struct conn *c, uint64_t began_ns)
{
	struct conn_where w = where(l);

	l->number++;
	l->in_flight++;
	enum conn_result r = conn_open(c, &w, began_ns);
	c->busy = true;		/* conn_open() has filled it anew */
	c->started_ns = l->now_ns;
	settle(l, c, r);
}

static void ask_one(struct load *l, struct conn *c, uint64_t began_ns)
{
	struct conn_where w = where(l);

	l->in_flight++;
	c->busy = true;
	c->started_ns = l->now_ns;
	settle(l, c, conn_request(c, &w, began_ns));
}

/* A bound for each turn, so that a server that refuses at once does not keep us from looking. */
static void start_due(struct load *l)
{
	bool kept = l->o->mode->kept;
	uint64_t due;

	for (int i = 0; i < EVENTS && l->in_flight < l->o->active && l->free_n > 0; i++) {
		struct conn *c = take_place(l, kept);
		if (!c)
			return;
		if (!pace_take(&l->pace, l->now_ns, &due)) {
			give_back(l, c);
			return;
		}
		l->counts.started++;
		kept ? ask_one(l, c, due) : open_one(l, c, due);
	}
}

/* ---- turns ---- */

static void wait_events(struct load *l, uint64_t wait_ns)
{
	struct epoll_event e[EVENTS];
	struct timespec t = { (time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u) };
	struct conn_where w = where(l);
	int n = epoll_pwait2(l->epoll, e, EVENTS, &t, NULL);

	for (int i = 0; i < n; i++) {
		struct conn *c = e[i].data.ptr;
		w.number = c->number;
		settle(l, c, conn_go_on(c, &w));
	}
	l->now_ns = load_now_ns();
}

static void end_late(struct load *l)
{
	uint64_t limit = ns_of(l->o->timeout);

	for (uint32_t i = 0; i < l->o->connections; i++) {
		struct conn *c = &l->conns[i];
		if (c->busy && l->now_ns > c->started_ns + limit) {
			c->failure = FAIL_TIMEOUT;
			settle(l, c, CONN_FAILED);
		}
	}
}

static void turn(struct load *l, uint64_t wait_ns)
{
	uint64_t wait = wait_ns < l->look_ns - l->now_ns ? wait_ns : l->look_ns - l->now_ns;

	wait_events(l, wait);
	if (l->now_ns < l->look_ns)
		return;
	end_late(l);
	l->look_ns = l->now_ns + LOOK_NS;
}

/* ---- life ---- */

void load_init(struct load *l, const struct options *o)
{
	*l = (struct load){ .o = o, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	l->conns = calloc(o->connections, sizeof *l->conns);
	l->free = calloc(o->connections, sizeof *l->free);
	if (l->epoll < 0 || !l->conns || !l->free) {
		fprintf(stderr, "bench-load: %s\n", strerror(errno));
		exit(2);
	}
	client_init(&l->client, o);
	for (uint32_t i = 0; i < o->connections; i++) {
		l->conns[i].fd = -1;
		give_back(l, &l->conns[i]);
	}
	l->now_ns = load_now_ns();
	l->look_ns = l->now_ns + LOOK_NS;
}

void load_clear(struct load *l)
{
	for (uint32_t i = 0; i < l->o->connections; i++)
		conn_close(&l->conns[i]);
	client_clear(&l->client);
	close(l->epoll);
	free(l->conns);
	free(l->free);
}

static uint64_t failures(const struct load *l)
{
	uint64_t n = l->counts.lost;

	for (int i = 0; i < FAILS_N; i++)
		n += l->counts.failed[i];
	return n;
}

/* Kept connections come behind those in the ring that are not open yet. */
static void open_kept(struct load *l)
{
	uint32_t to_open = l->o->connections;

	while ((to_open > 0 || l->in_flight > 0) && failures(l) == 0) {
		for (; to_open > 0 && l->in_flight < OPENING_AT_ONCE; to_open--)
			open_one(l, take_place(l, false), l->now_ns);
		turn(l, LOOK_NS);
	}
}

static void take_session(struct load *l)
{
	open_one(l, take_place(l, false), l->now_ns);
	while (l->in_flight > 0)
		turn(l, LOOK_NS);
}

bool load_prepare(struct load *l)
{
	if (l->o->mode->kept)
		open_kept(l);
	if (l->o->mode->resumes)
		take_session(l);
	if (failures(l) > 0 || (l->o->mode->resumes && !l->client.session))
		return false;
	l->counts = (struct counts){ 0 };
	l->latency = (struct histogram){ 0 };
	l->client.bytes_down = l->client.bytes_up = 0;
	return true;
}

static bool goes_on(const struct load *l)
{
	if (l->in_flight > 0 || !pace_over(&l->pace, l->now_ns))
		return true;
	return false;
}

/* Time goes by while connections are only held. */
static void hold(struct load *l)
{
	uint64_t end = l->now_ns + ns_of(l->o->seconds);

	while (l->now_ns < end)
		turn(l, end - l->now_ns);
}

/* With no place for a further one, only an event helps: a client that spins takes the backend's time. */
static uint64_t wait_ns(const struct load *l)
{
	bool room = l->free_n > 0 && l->in_flight < l->o->active;

	return room ? pace_wait_ns(&l->pace, l->now_ns) : LOOK_NS;
}

void load_run(struct load *l)
{
	l->now_ns = load_now_ns();
	uint64_t began = l->now_ns, give_up = l->o->seconds > 0 ? began + ns_of(l->o->seconds + l->o->timeout) : UINT64_MAX;

	if (l->o->mode->no_operations) {
		hold(l);
	} else {
		pace_start(&l->pace, l->o->rate, l->o->seconds, l->o->count, l->o->seed, l->now_ns);
		while (goes_on(l) && l->now_ns < give_up) {
			start_due(l);
			turn(l, wait_ns(l));
		}
	}
	l->took = (double)(l->now_ns - began) / 1e9;
	l->counts.bytes_down = l->client.bytes_down;
	l->counts.bytes_up = l->client.bytes_up;
}
