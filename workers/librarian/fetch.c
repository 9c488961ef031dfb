/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <curl/curl.h>

#include "common/addr.h"
#include "common/buf.h"
#include "common/ledger.h"
#include "workers/librarian/reach.h"
#include "workers/librarian/resolve.h"

#define URL_BYTES 1025
#define ADDRESSES_MAX 4		/* tried of one name */
#define HELD_BYTES_MAX 65536	/* of a request's body */
#define LATE_MS 1000		/* curl keeps its own time; this is for when it does not */

struct one {
	struct fetcher *f;
	bool used;
	fetch_done *done;
	void *data;
	uint64_t ticket, deadline_ns;
	uint32_t timeout_ms;
	char url[URL_BYTES];
	int redirects;
	bool resolving;
	char problem[128];		/* what failed before or beside curl */
	uint8_t *send;			/* owned; NULL: GET */
	size_t send_size;
	CURL *easy;
	struct curl_slist *resolve, *fields;
	uint8_t *body;
	size_t size, cap;
	char why[CURL_ERROR_SIZE];
};

struct fetcher {
	struct fetch_limits limits;
	CURLM *multi;
	struct resolver resolver;
	struct one all[FETCH_AT_ONCE];
};

static void end_transfer(struct one *o)
{
	if (o->easy) {
		curl_multi_remove_handle(o->f->multi, o->easy);
		curl_easy_cleanup(o->easy);
	}
	curl_slist_free_all(o->resolve);
	curl_slist_free_all(o->fields);
	o->easy = NULL;
	o->resolve = o->fields = NULL;
	o->size = 0;
}

static void one_clear(struct one *o)
{
	end_transfer(o);
	free(o->send);
	free(o->body);
	memset(o, 0, sizeof *o);
}

/* The place is free before the answer is given: whoever gets it may ask anew. */
static void finish(struct one *o, const char *error)
{
	struct fetcher *f = o->f;
	struct one was = *o;
	struct fetch_answer a = { .error = error, .body = was.body, .size = *error ? 0 : was.size };

	was.size = a.size;
	memset(o, 0, sizeof *o);
	was.done(was.data, was.ticket, &a);
	if (was.easy)
		curl_multi_remove_handle(f->multi, was.easy);
	curl_easy_cleanup(was.easy);
	curl_slist_free_all(was.resolve);
	curl_slist_free_all(was.fields);
	free(was.send);
	free(was.body);
}

static void fail(struct one *o, const char *why)
{
	char text[256];

	snprintf(text, sizeof text, "%s", why);
	finish(o, text);
}

/* ---- a transfer ---- */

static size_t on_body(char *data, size_t one_, size_t n, void *arg)
{
	struct one *o = arg;

	(void)one_;
	if (o->size + n > o->f->limits.size) {
		snprintf(o->problem, sizeof o->problem, "the answer has more than %zu bytes", o->f->limits.size);
		return 0;
	}
	if (o->size + n > o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 4096;
		while (cap < o->size + n)
			cap *= 2;
		uint8_t *body = realloc(o->body, cap);
		if (!body)
			return 0;
		o->body = body;
		o->cap = cap;
	}
	memcpy(o->body + o->size, data, n);
	o->size += n;
	return n;
}

/* Whatever a name has resolved to: this is the address that is connected to. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct one *o = arg;

	(void)purpose;
	if (!o->f->limits.private_addresses && !reach_is_public(&a->addr)) {
		snprintf(o->problem, sizeof o->problem, "it leads to an address that is not public (see aia.private_addresses)");
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
}

static long left_ms(const struct one *o)
{
	uint64_t now = ledger_now_ns();

	return now >= o->deadline_ns ? 0 : (long)((o->deadline_ns - now) / 1000000) + 1;
}

static void set_up(struct one *o)
{
	CURL *e = o->easy;

	curl_easy_setopt(e, CURLOPT_URL, o->url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, o);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, o->why);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, left_ms(o));
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, left_ms(o));
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "tlsward");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, o);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, o);
	curl_easy_setopt(e, CURLOPT_RESOLVE, o->resolve);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, o->fields);
	if (!o->send)
		return;
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, o->send);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)o->send_size);
}

static void transfer(struct one *o)
{
	o->easy = curl_easy_init();
	if (!o->easy) {
		fail(o, "out of memory");
		return;
	}
	set_up(o);
	if (curl_multi_add_handle(o->f->multi, o->easy) != CURLM_OK)
		fail(o, "out of memory");
}

/* ---- names ---- */

/* Host and port of a URL; host without the brackets of an IPv6 address. */
static bool split(const char *url, char host[256], unsigned *port)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *name = NULL, *number = NULL;
	bool good = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "http") == 0 &&
		curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK && strlen(name) < 256 &&
		curl_url_get(u, CURLUPART_PORT, &number, CURLU_DEFAULT_PORT) == CURLUE_OK;

	if (good) {
		size_t n = strlen(name);
		bool brackets = n > 1 && name[0] == '[';
		snprintf(host, 256, "%.*s", (int)(brackets ? n - 2 : n), name + brackets);
		*port = (unsigned)strtoul(number, NULL, 10);
	}
	curl_free(scheme);
	curl_free(name);
	curl_free(number);
	curl_url_cleanup(u);
	return good;
}

static void begin(struct one *o)
{
	char host[256];
	struct addr literal;
	unsigned port;

	if (!split(o->url, host, &port)) {
		fail(o, "it is no URL of HTTP");
	} else if (addr_from_ip(&literal, host, 0) == 0) {
		transfer(o);
	} else {
		o->resolving = true;
		resolver_ask(&o->f->resolver, (uint32_t)(o - o->f->all), host);
	}
}

/* Adds the addresses that may be reached to text; how many. */
static int list_addresses(const struct one *o, struct bytes addrs, char *text, size_t size)
{
	struct buf b;
	size_t n = strlen(text);
	int added = 0;

	buf_init_read(&b, addrs.data, addrs.size);
	while (buf_left(&b) > 0 && added < ADDRESSES_MAX) {
		struct sockaddr_storage ss = { 0 };
		char ip[INET6_ADDRSTRLEN];
		uint8_t len = buf_get_u8(&b);
		const uint8_t *p = buf_get_bytes(&b, len);
		if (!p || len > sizeof ss)
			break;
		memcpy(&ss, p, len);
		const struct sockaddr *sa = (const struct sockaddr *)&ss;
		const void *at = sa->sa_family == AF_INET ? (const void *)&((struct sockaddr_in *)&ss)->sin_addr :
			(const void *)&((struct sockaddr_in6 *)&ss)->sin6_addr;
		if ((!o->f->limits.private_addresses && !reach_is_public(sa)) || !inet_ntop(sa->sa_family, at, ip, sizeof ip))
			continue;
		n += (size_t)snprintf(text + n, size - n, sa->sa_family == AF_INET6 ? "%s[%s]" : "%s%s", added ? "," : "", ip);
		added++;
	}
	return added;
}

static void on_resolved(void *data, uint32_t id, const struct msg_resolve_ans *a)
{
	struct fetcher *f = data;
	struct one *o = &f->all[id];
	char host[256], text[256 + 16 + ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3)];
	unsigned port;

	/* One that was given up has left an answer behind; its place may be another's. */
	if (!o->used || !o->resolving || !split(o->url, host, &port) || strcmp(host, a->host) != 0)
		return;
	o->resolving = false;
	if (a->error && *a->error) {
		fail(o, a->error);
		return;
	}
	snprintf(text, sizeof text, "%s:%u:", host, port);
	if (list_addresses(o, a->addrs, text, sizeof text) == 0) {
		fail(o, "its name leads to no public address (see aia.private_addresses)");
		return;
	}
	o->resolve = curl_slist_append(NULL, text);
	if (o->resolve)
		transfer(o);
	else
		fail(o, "out of memory");
}

/* ---- the end of a transfer ---- */

/* A redirect is a new URL, with all that is looked at in one. */
static void redirect(struct one *o, const char *to)
{
	char url[URL_BYTES];

	if (!to || strlen(to) >= sizeof url || o->send) {
		fail(o, "it is redirected to where it cannot be followed");
		return;
	}
	if (o->redirects++ == FETCH_REDIRECTS_MAX) {
		fail(o, "it is redirected too often");
		return;
	}
	snprintf(url, sizeof url, "%s", to);
	end_transfer(o);
	memcpy(o->url, url, sizeof url);
	begin(o);
}

static void on_transfer_done(struct one *o, CURLcode rc)
{
	char *to = NULL, text[64];
	long status = 0;

	curl_easy_getinfo(o->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OPERATION_TIMEDOUT) {
		snprintf(text, sizeof text, "no whole answer within %u ms", o->timeout_ms);
		fail(o, text);
	} else if (rc != CURLE_OK) {
		fail(o, *o->problem ? o->problem : *o->why ? o->why : curl_easy_strerror(rc));
	} else if (status >= 301 && status <= 308 && status != 304) {
		curl_easy_getinfo(o->easy, CURLINFO_REDIRECT_URL, &to);
		redirect(o, to);
	} else if (status != 200) {
		snprintf(text, sizeof text, "the answer is HTTP status %ld", status);
		fail(o, text);
	} else {
		finish(o, "");
	}
}

static void take_done(struct fetcher *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		struct one *o = NULL;
		CURLcode rc = m->data.result;
		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &o) != CURLE_OK || !o)
			continue;
		on_transfer_done(o, rc);
	}
}

static void end_late(struct fetcher *f, uint64_t now)
{
	for (int i = 0; i < FETCH_AT_ONCE; i++) {
		struct one *o = &f->all[i];
		uint64_t grace = o->resolving ? 0 : (uint64_t)LATE_MS * 1000000;
		if (o->used && now >= o->deadline_ns + grace)
			fail(o, o->resolving ? "its name was not resolved in time" : "no whole answer in time");
	}
}

/* ---- from outside ---- */

struct fetcher *fetcher_new(const struct fetch_limits *limits)
{
	struct fetcher *f = calloc(1, sizeof *f);

	if (!f || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto out;
	f->limits = *limits;
	resolver_init(&f->resolver, on_resolved, f);
	f->multi = curl_multi_init();
	if (f->multi)
		return f;
out:
	free(f);
	return NULL;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	for (int i = 0; i < FETCH_AT_ONCE; i++)
		if (f->all[i].used)
			one_clear(&f->all[i]);
	resolver_clear(&f->resolver);
	curl_multi_cleanup(f->multi);
	free(f);
	curl_global_cleanup();
}

void fetcher_limits(struct fetcher *f, const struct fetch_limits *limits)
{
	f->limits = *limits;
}

static struct one *place(struct fetcher *f)
{
	for (int i = 0; i < FETCH_AT_ONCE; i++)
		if (!f->all[i].used)
			return &f->all[i];
	return NULL;
}

bool fetch_room(const struct fetcher *f)
{
	return place((struct fetcher *)(uintptr_t)f) != NULL;
}

static int take_send(struct one *o, const struct fetch_request *q)
{
	char field[128];

	if (!q->body)
		return 0;
	snprintf(field, sizeof field, "Content-Type: %s", q->type);
	o->send = q->body_size > HELD_BYTES_MAX ? NULL : malloc(q->body_size + 1);
	if (!o->send)
		return -ENOMEM;
	memcpy(o->send, q->body, q->body_size);
	o->send_size = q->body_size;
	o->fields = curl_slist_append(NULL, field);
	return o->fields ? 0 : -ENOMEM;
}

bool fetch(struct fetcher *f, const struct fetch_request *q)
{
	struct one *o = place(f);

	if (!o)
		return false;
	*o = (struct one){ .f = f, .used = true, .done = q->done, .data = q->data, .ticket = q->ticket,
		.timeout_ms = q->timeout_ms ? q->timeout_ms : f->limits.timeout_ms };
	o->deadline_ns = ledger_now_ns() + (uint64_t)o->timeout_ms * 1000000;
	snprintf(o->url, sizeof o->url, "%s", q->url);
	if (take_send(o, q) < 0)
		fail(o, "out of memory");
	else if (strlen(q->url) >= sizeof o->url)
		fail(o, "the URL is too long");
	else
		begin(o);
	return true;
}

int fetch_poll(struct fetcher *f, struct pollfd *fds, int n, int timeout_ms)
{
	struct pollfd children[RESOLVE_CHILDREN_MAX];
	struct curl_waitfd all[FETCH_POLL_MAX + RESOLVE_CHILDREN_MAX];
	int count = 0, ready = 0, running;

	for (int i = 0; i < n; i++)
		all[count++] = (struct curl_waitfd){ .fd = fds[i].fd,
			.events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) | (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)) };
	resolver_poll(&f->resolver, children);
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++)
		all[count++] = (struct curl_waitfd){ .fd = children[i].fd, .events = CURL_WAIT_POLLIN };
	curl_multi_poll(f->multi, all, (unsigned)count, timeout_ms, &ready);
	/* It does not tell an end from bytes. */
	int rc = poll(fds, (nfds_t)n, 0);
	curl_multi_perform(f->multi, &running);
	take_done(f);
	resolver_turn(&f->resolver, ledger_now_ns());
	end_late(f, ledger_now_ns());
	return rc;
}
