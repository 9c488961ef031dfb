/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/lua_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/log.h"
#include "lua/ticks.h"

static struct sockaddr_in peer;
static struct bytes_view alpn[2] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
static const uint16_t versions[] = { 0x0304, 0x0303, 0x7f1c }, ciphers[] = { 0x1301, 0x1302, 0xc02b };
static struct deadlines deadlines;
static char error[256];

struct policy_question question(const char *sni)
{
	return (struct policy_question){
		.sni = sni, .peer = (const struct sockaddr *)&peer, .port = 40000, .listener = "https",
		.alpn = alpn, .alpn_n = 2, .versions = versions, .versions_n = 3, .ciphers = ciphers, .ciphers_n = 3,
		.time_s = 1800000000, .backend = "app", .deadlines = &deadlines, .covered = true,
	};
}

struct policy_sick sick_worker(void)
{
	return (struct policy_sick){
		.role = "worker", .worker = 2, .generation = 3, .verdict = "fd_leak", .numbers = "descriptors=100",
		.since_s = 12.5, .uptime_s = 90, .cpu_share = .25, .memory_bytes = 1 << 20, .fds = 100, .fds_known = 20,
		.fds_limit = 1000, .heartbeat_age_s = .5, .connections = 9, .wakeups = 7, .stopped = true,
	};
}

int lua_fixture_setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR + 1);
	peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(40000) };
	inet_pton(AF_INET, "192.0.2.7", &peer.sin_addr);
	for (int i = 0; i < DEADLINE_COUNT; i++)
		deadlines.ms[i] = deadline_default_ms(i);
	return ticks_start();
}

struct lua_policy *load_script(const struct lua_script *script, lua_find_set *find, void *data)
{
	static const struct lua_limits limits = { .budget_us = 10000, .memory = 1 << 20 };

	error[0] = '\0';
	return lua_policy_new(script, &limits, find, data, error, sizeof error);
}

static struct lua_script script_of(const char *text)
{
	return (struct lua_script){ .path = "/etc/tlsward/policy.d/t.lua", .text = text, .size = strlen(text) };
}

struct lua_policy *load_with(const char *text, const void *settings, size_t settings_size)
{
	struct lua_script script = script_of(text);

	script.settings = settings;
	script.settings_size = settings_size;
	return load_script(&script, NULL, NULL);
}

struct lua_policy *load_text(const char *text, lua_find_set *find, void *data)
{
	const struct lua_script script = script_of(text);

	return load_script(&script, find, data);
}

struct lua_policy *load_good(const char *text)
{
	struct lua_policy *p = load_text(text, NULL, NULL);

	if (!p)
		print_message("# %s\n", error);
	assert_non_null(p);
	return p;
}

const char *load_error(void)
{
	return error;
}

bool allows(struct lua_policy *p, const char *sni)
{
	struct policy_question q = question(sni);
	struct policy_allow a = { 0 };

	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	return a.allowed;
}
