/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/backends.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

#define ASK_EVERY_S 30.
#define FIRST_ANSWERS_S 5.
#define NAME_ADDRS_MAX 16

/* A server as configured. */
struct server {
	int backend;
	const char *label;		/* the configuration's */
	char host[256];			/* "": a literal */
	uint16_t port;
	bool answered;
	struct addr addrs[NAME_ADDRS_MAX];
	int addrs_n;
};

struct backends {
	struct supervisor *s;
	const struct conf *conf;
	const struct backends_ops *ops;
	struct server *servers;
	int n;
	bool known;
	ev_timer ask, first;
};

static void make_server(struct backends *b, int backend, const char *label)
{
	struct server *sv = &b->servers[b->n++];

	sv->backend = backend;
	sv->label = label;
	if (addr_parse_server(label, &sv->addrs[0], sv->host, &sv->port) == 0 && !*sv->host)
		sv->addrs_n = 1;
}

static int count_servers(const struct conf *conf)
{
	int n = 0;

	for (int i = 0; i < conf->backends_n; i++)
		for (char **p = conf->backends[i].servers; *p; p++)
			n++;
	return n;
}

static void ask_for(struct backends *b, const char *host)
{
	struct msg m = { .type = MSG_RESOLVE_REQ, .resolve_req = { .host = host } };

	if (child_runs(&b->s->librarian) && b->s->librarian.introduced)
		child_send(&b->s->librarian, &m, NULL, 0);
}

/* A name that several servers share is asked for once. */
static bool is_first(const struct backends *b, int i)
{
	for (int k = 0; k < i; k++)
		if (strcmp(b->servers[k].host, b->servers[i].host) == 0)
			return false;
	return true;
}

static void ask_all(struct backends *b)
{
	for (int i = 0; i < b->n; i++)
		if (*b->servers[i].host && is_first(b, i))
			ask_for(b, b->servers[i].host);
}

static bool all_answered(const struct backends *b)
{
	for (int i = 0; i < b->n; i++)
		if (*b->servers[i].host && !b->servers[i].answered)
			return false;
	return true;
}

static void become_known(struct backends *b)
{
	if (b->known)
		return;
	b->known = true;
	ev_timer_stop(b->s->loop, &b->first);
	b->ops->on_known(b->s);
}

static void on_ask(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	ask_all(w->data);
}

static void on_first(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	log_warning("going on without the addresses of some backends: no answer within 5 s");
	become_known(w->data);
}

static int parse_addrs(const struct bytes *from, uint16_t port, struct addr *to)
{
	struct buf b;
	int n = 0;

	buf_init_read(&b, from->data, from->size);
	while (buf_left(&b) > 0 && n < NAME_ADDRS_MAX) {
		size_t len = buf_get_u8(&b);
		const uint8_t *at = buf_get_bytes(&b, len);
		if (!at || len > sizeof to->ss || len < sizeof(sa_family_t))
			break;
		to[n] = (struct addr){ .len = (socklen_t)len };
		memcpy(&to[n].ss, at, len);
		addr_set_port(&to[n++], port);
	}
	return n;
}

static bool has(const struct addr *list, int n, const struct addr *a)
{
	for (int i = 0; i < n; i++)
		if (list[i].len == a->len && memcmp(&list[i].ss, &a->ss, a->len) == 0)
			return true;
	return false;
}

/* Name servers rotate what they answer: the order means nothing. */
static bool same(const struct server *sv, const struct addr *fresh, int n)
{
	if (sv->addrs_n != n)
		return false;
	for (int i = 0; i < n; i++)
		if (!has(sv->addrs, sv->addrs_n, &fresh[i]))
			return false;
	return true;
}

static void log_change(const struct server *sv)
{
	char text[ADDR_TEXT];
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "the addresses of a backend's server changed");
	log_str(&l, "server", sv->label);
	log_u64(&l, "addresses", (uint64_t)sv->addrs_n);
	log_str(&l, "first", addr_text((const struct sockaddr *)&sv->addrs[0].ss, text));
	log_end(&l);
}

static void take_answer(struct backends *b, struct server *sv, const struct msg_resolve_ans *a)
{
	struct addr fresh[NAME_ADDRS_MAX];
	int n = parse_addrs(&a->addrs, sv->port, fresh);

	sv->answered = true;
	if (n == 0) {
		log_warning("%s: the name %s has no address: %s; %s", b->conf->backends[sv->backend].name, sv->host,
			*a->error ? a->error : "empty answer", sv->addrs_n > 0 ? "the last ones stay" : "the server cannot be used");
		return;
	}
	if (same(sv, fresh, n))
		return;
	memcpy(sv->addrs, fresh, (size_t)n * sizeof fresh[0]);
	sv->addrs_n = n;
	log_change(sv);
	b->ops->on_changed(b->s, sv->backend);
}

void backends_on_answer(struct backends *b, const struct msg_resolve_ans *a)
{
	for (int i = 0; i < b->n; i++)
		if (*b->servers[i].host && strcmp(b->servers[i].host, a->host) == 0)
			take_answer(b, &b->servers[i], a);
	if (all_answered(b))
		become_known(b);
}

int backends_servers(const struct backends *b, int backend)
{
	int n = 0;

	for (int i = 0; i < b->n; i++)
		if (b->servers[i].backend == backend)
			n += b->servers[i].addrs_n;
	return n < MSG_SERVERS_MAX ? n : MSG_SERVERS_MAX;	/* names may have many addresses each */
}

const struct addr *backends_server(const struct backends *b, int backend, int k, const char **label)
{
	for (int i = 0; i < b->n; i++) {
		const struct server *sv = &b->servers[i];
		if (sv->backend != backend)
			continue;
		*label = sv->label;
		if (k < sv->addrs_n)
			return &sv->addrs[k];
		k -= sv->addrs_n;
	}
	return NULL;
}

/* 0: a path has none. */
static uint16_t port_of(const struct server *sv)
{
	const void *ss = &sv->addrs[0].ss;

	if (*sv->host)
		return sv->port;
	switch (sv->addrs[0].ss.ss_family) {
	case AF_INET: return ntohs(((const struct sockaddr_in *)ss)->sin_port);
	case AF_INET6: return ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);
	default: return 0;
	}
}

static bool has_port(const uint16_t *ports, int n, uint16_t port)
{
	for (int i = 0; i < n; i++)
		if (ports[i] == port)
			return true;
	return false;
}

int backends_ports(const struct backends *b, uint16_t *ports)
{
	int n = 0;

	for (int i = 0; i < b->n; i++) {
		uint16_t port = port_of(&b->servers[i]);
		if (port == 0 || has_port(ports, n, port))
			continue;
		if (n == MSG_PORTS_MAX)
			return -E2BIG;
		ports[n++] = port;
	}
	return n;
}

bool backends_need_ports(const struct backends *a, const struct backends *b)
{
	uint16_t ports[MSG_PORTS_MAX];
	int n = backends_ports(b, ports);

	for (int i = 0; i < a->n; i++)
		if (port_of(&a->servers[i]) != 0 && !has_port(ports, n, port_of(&a->servers[i])))
			return true;
	return false;
}

static bool has_names(const struct backends *b)
{
	for (int i = 0; i < b->n; i++)
		if (*b->servers[i].host)
			return true;
	return false;
}

void backends_start(struct backends *b)
{
	if (b->known) {
		ask_all(b);
		return;
	}
	if (has_names(b))
		ev_timer_start(b->s->loop, &b->ask);
	if (all_answered(b)) {
		become_known(b);
		return;
	}
	ev_timer_start(b->s->loop, &b->first);
	ask_all(b);
}

void backends_set_ops(struct backends *b, const struct backends_ops *ops)
{
	b->ops = ops;
}

void backends_stop(struct backends *b)
{
	ev_timer_stop(b->s->loop, &b->ask);
	ev_timer_stop(b->s->loop, &b->first);
}

/* What is known of its name already. */
static void take_over(struct server *sv, const struct backends *known)
{
	for (int i = 0; known && i < known->n; i++) {
		const struct server *k = &known->servers[i];
		if (!*sv->host || strcmp(k->host, sv->host) != 0 || !k->answered)
			continue;
		memcpy(sv->addrs, k->addrs, sizeof sv->addrs);
		sv->addrs_n = k->addrs_n;
		sv->answered = true;
		for (int a = 0; a < sv->addrs_n; a++)
			addr_set_port(&sv->addrs[a], sv->port);
		return;
	}
}

struct backends *backends_new(struct supervisor *s, const struct conf *conf, const struct backends_ops *ops,
	const struct backends *known)
{
	struct backends *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	*b = (struct backends){ .s = s, .conf = conf, .ops = ops };
	b->servers = calloc((size_t)count_servers(conf), sizeof *b->servers);
	if (!b->servers) {
		free(b);
		return NULL;
	}
	for (int i = 0; i < conf->backends_n; i++)
		for (char **p = conf->backends[i].servers; *p; p++)
			make_server(b, i, *p);
	for (int i = 0; i < b->n; i++)
		take_over(&b->servers[i], known);
	ev_timer_init(&b->ask, on_ask, ASK_EVERY_S, ASK_EVERY_S);
	ev_timer_init(&b->first, on_first, FIRST_ANSWERS_S, 0.);
	b->ask.data = b->first.data = b;
	return b;
}

void backends_free(struct backends *b)
{
	if (!b)
		return;
	backends_stop(b);
	free(b->servers);
	free(b);
}
