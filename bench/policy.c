/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What policies cost, in nanoseconds, the best of some rounds: a call of each function, each
 * field of hello, a look into a host set, a log line, a fresh state. The
 * numbers of tlsward-policy(7) come from here: `make bench/policy && bench/policy`.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/hostset_build.h"
#include "common/log.h"
#include "lua/ticks.h"
#include "plugins/policy/lua.h"

#define CALLS 300000
#define ROUNDS 5		/* the best one counts */
#define SMALL 1000
#define LARGE 100000

static const struct lua_limits limits = { .budget_us = 10000, .memory = 1 << 20 };
static struct deadlines deadlines;
static struct sockaddr_in peer = { .sin_family = AF_INET };
static const struct bytes_view alpn[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
static const uint16_t versions[] = { 0x0304, 0x0303 };
static const uint16_t ciphers[] = { 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
	0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0x000a };
static struct hostset *small_set, *large_set;
static char names[LARGE][32];	/* of the large one */

/* CPU time would be coarser: the kernel may count it in ticks. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench/policy: %s\n", what);
	exit(1);
}

static struct hostset *make_set(int count, double *ms)
{
	char *text = malloc((size_t)count * 32 + 1), err[128];
	size_t n = 0;
	uint32_t made;
	int fd;

	if (!text)
		fail("out of memory");
	for (int i = 0; i < count; i++)
		n += (size_t)sprintf(text + n, "%s\n", names[i]);
	uint64_t from = now_ns();
	if (hostset_build(text, n, &fd, &made, err, sizeof err) < 0)
		fail(err);
	struct hostset *set = hostset_load(fd);
	*ms = (double)(now_ns() - from) / 1e6;
	free(text);
	return set;
}

static struct hostset *find_set(void *data, const char *name)
{
	(void)data;
	return strcmp(name, "small") == 0 ? small_set : large_set;
}

static struct lua_policy *load(const char *text)
{
	const struct lua_script script = { .path = "bench.lua", .text = text, .size = strlen(text), .settings = "b\x05quiet\0\x04true", .settings_size = 13 };
	char err[256];
	struct lua_policy *p = lua_policy_new(&script, &limits, find_set, NULL, err, sizeof err);

	if (!p)
		fail(err);
	return p;
}

static struct policy_question question(void)
{
	return (struct policy_question){
		.sni = "host77.example.org", .peer = (const struct sockaddr *)&peer, .port = 40000, .listener = "https",
		.alpn = alpn, .alpn_n = 2, .versions = versions, .versions_n = 2, .ciphers = ciphers, .ciphers_n = 16,
		.time_s = 1800000000, .backend = "app", .deadlines = &deadlines, .covered = true,
	};
}

static enum policy_result ask(struct lua_policy *p, const char *function, const struct policy_question *q)
{
	union { struct policy_allow allow; struct policy_timeouts timeouts; struct policy_chain chain; struct policy_route route; } a;

	switch (function[0]) {
	case 'a': return policy_lua.allow(p, q, &a.allow);
	case 't':
		a.timeouts.deadlines = *q->deadlines;
		return policy_lua.timeouts(p, q, &a.timeouts);
	case 'c':
		memset(&a.chain, 0, sizeof a.chain);
		return policy_lua.chain(p, q, &a.chain);
	default: return policy_lua.route(p, q, &a.route);
	}
}

/* Of one call, the best of some rounds; with another name each time, unless one. */
static double measure(const char *function, const char *body, bool one)
{
	char text[1024];
	struct policy_question q = question();
	double best = 1e12;

	snprintf(text, sizeof text, "local small, large, s = tlsward.hostset('small'), tlsward.hostset('large'), tlsward.settings\n"
		"return { name = 'bench', api = 1, %s = function(hello) %s end }", function, body);
	struct lua_policy *p = load(text);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = now_ns();
		for (int i = 0; i < CALLS / ROUNDS; i++) {
			q.sni = one ? names[77] : names[i * 7919ll % LARGE];
			if (ask(p, function, &q) > POLICY_ANSWERED)
				fail(body);
		}
		double ns = (double)(now_ns() - from) / (CALLS / ROUNDS);
		best = ns < best ? ns : best;
	}
	lua_policy_free(p);
	return best;
}

static double fresh_state(void)
{
	double best = 1e12;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = now_ns();
		for (int i = 0; i < 200; i++)
			lua_policy_free(load("return { name = 'bench', api = 1, allow = function() return true end }"));
		double ns = (double)(now_ns() - from) / 200;
		best = ns < best ? ns : best;
	}
	return best;
}

/* A line that the quota lets through, without the script around it. */
static double log_line(void)
{
	uint64_t from = now_ns();

	for (int i = 0; i < CALLS / ROUNDS; i++) {
		struct log_line l;
		log_begin(&l, LOG_LEVEL_INFO, "policy");
		log_str(&l, "script", "bench.lua");
		log_bytes(&l, "text", "refused www.example.org to 192.0.2.1", 36);
		log_end(&l);
	}
	return (double)(now_ns() - from) / (CALLS / ROUNDS);
}

static void row(const char *what, double ns) { printf("%-44s %8.0f ns\n", what, ns); }

static const struct { const char *what, *function, *body; } calls[] = {
	{ "allow: true", "allow", "return true" },
	{ "allow: false and an alert", "allow", "return false, 'access_denied'" },
	{ "allow: a look into a host set of 100,000", "allow", "return large:contains(hello.sni)" },
	{ "timeouts: nil", "timeouts", "return nil" },
	{ "timeouts: a new table of one deadline", "timeouts", "return { idle = 600 }" },
	{ "timeouts: a new table of eight", "timeouts", "return { handshake = 9, connect = 3, idle = 600, progress = 20, "
		"closed_window = 200, half_close = 50, linger = 4, lifetime = 0 }" },
	{ "chain: a new table of two sources", "chain", "return { 'file', 'store', incomplete = 'serve' }" },
	{ "route: a name", "route", "return 'app'" },
};

/* Without the call around it. */
static const struct { const char *what, *body; } parts[] = {
	{ "hello.sni", "local x = hello.sni" },
	{ "hello.alpn (2)", "local x = hello.alpn" },
	{ "hello.versions (2)", "local x = hello.versions" },
	{ "hello.ciphers (16)", "local x = hello.ciphers" },
	{ "hello.peer", "local x = hello.peer" },
	{ "hello.port", "local x = hello.port" },
	{ "hello.listener", "local x = hello.listener" },
	{ "hello.time", "local x = hello.time" },
	{ "contains: a name of 1,000", "local x = small:contains('host77.example.org')" },
	{ "contains: a name of 100,000", "local x = large:contains('host77.example.org')" },
	{ "contains: a name that is not there", "local x = large:contains('www.somewhere.else.example.com')" },
	{ "contains: nil", "local x = large:contains(nil)" },
	{ "tlsward.settings", "local x = s.quiet" },
	{ "tlsward.log that is not written", "tlsward.log('debug', 'x')" },
	{ "tlsward.log, most of them withheld", "tlsward.log('info', 'x')" },
	{ "a string of four pieces", "local x = 'refused ' .. hello.sni .. ' to ' .. hello.peer" },
};

int main(void)
{
	double small_ms, large_ms;

	inet_pton(AF_INET, "192.0.2.7", &peer.sin_addr);
	for (int i = 0; i < DEADLINE_COUNT; i++)
		deadlines.ms[i] = deadline_default_ms(i);
	for (int i = 0; i < LARGE; i++)
		snprintf(names[i], sizeof names[i], "host%d.example.org", i);
	small_set = make_set(SMALL, &small_ms);
	large_set = make_set(LARGE, &large_ms);
	log_init(open("/dev/null", O_WRONLY | O_CLOEXEC), "bench", LOG_LEVEL_INFO);
	if (!small_set || !large_set || ticks_start() < 0)
		fail("host sets or timer");
	double call = measure("allow", "return nil", true);
	row("a call that has no opinion", call);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		row(calls[i].what, measure(calls[i].function, calls[i].body, true));
	row("allow: the same, another name each time", measure("allow", "return large:contains(hello.sni)", false));
	puts("\nwithout the call:");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		row(parts[i].what, measure("allow", parts[i].body, true) - call);
	row("tlsward.log, a line that is written", log_line());
	puts("\nrarely:");
	row("a fresh state, with a small script", fresh_state());
	printf("%-44s %8.0f ms\n%-44s %8.0f ms\n", "a host set of 1,000 names", small_ms, "a host set of 100,000 names", large_ms);
	return 0;
}
