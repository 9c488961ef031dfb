/* SPDX-License-Identifier: BSD-2-Clause */
/* What no setting shows alone: names that must differ or exist, deadlines that must fit. */
#include "supervisor/conf_reader.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/msg.h"

/* Where to point at: the setting, or the element of the list if it lacks it. */
static const config_setting_t *member(struct conf_reader *r, const char *list, int i, const char *key)
{
	config_setting_t *element = config_setting_get_elem(config_lookup(&r->file, list), (unsigned)i);
	config_setting_t *s = config_setting_is_group(element) ? config_setting_get_member(element, key) : NULL;

	return s ? s : element;
}

static void check_backend_of(struct conf_reader *r, int i)
{
	const char *name = r->conf->listeners[i].backend;
	char guessed[CONF_LABEL];
	struct conf_guess guess;

	if (!name)
		return;
	guess = conf_guess(name);
	for (int b = 0; b < r->conf->backends_n; b++) {
		if (!r->conf->backends[b].name)
			continue;
		if (strcmp(r->conf->backends[b].name, name) == 0)
			return;
		conf_guess_try(&guess, r->conf->backends[b].name);
	}
	conf_error(r, member(r, "listeners", i, "backend"), "names no backend: there is no \"%s\" in backends%s",
		name, conf_guess_text(&guess, guessed));
}

static bool is_any(const struct addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ((const struct sockaddr_in *)&a->ss)->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->ss)->sin6_addr);
}

/* The kernel refuses the same address twice, and one address beside all of its kind. */
static bool overlap(const struct conf_listener *x, const struct conf_listener *y)
{
	struct addr a, b;

	if (!x->address || !y->address || x->port != y->port || x->port == 0)
		return false;
	if (addr_from_ip(&a, x->address, x->port) < 0 || addr_from_ip(&b, y->address, y->port) < 0)
		return false;
	return a.ss.ss_family == b.ss.ss_family && (is_any(&a) || is_any(&b) || memcmp(&a.ss, &b.ss, sizeof a.ss) == 0);
}

static void check_listener_against(struct conf_reader *r, int i, int earlier)
{
	const struct conf_listener *l = &r->conf->listeners[i], *e = &r->conf->listeners[earlier];

	if (l->name && e->name && strcmp(l->name, e->name) == 0)
		conf_error(r, member(r, "listeners", i, "name"), "is \"%s\", as is that of line %u of %s; names must differ",
			l->name, e->where.line, e->where.file);
	if (overlap(l, e))
		conf_error(r, member(r, "listeners", i, "port"), "is %u on %s, which the listener of line %u of %s has already",
			l->port, e->address, e->where.line, e->where.file);
}

static void check_backend_names(struct conf_reader *r, int i)
{
	const struct conf_backend *b = r->conf->backends;

	for (int e = 0; e < i; e++)
		if (b[i].name && b[e].name && strcmp(b[i].name, b[e].name) == 0)
			conf_error(r, member(r, "backends", i, "name"), "is \"%s\", as is that of line %u of %s; names must differ",
				b[i].name, b[e].where.line, b[e].where.file);
}

/* Only where the block is written: a listener without one would repeat the global mistake. */
static void check_deadlines(struct conf_reader *r, const struct deadlines *d, config_setting_t *block)
{
	const config_setting_t *s;

	if (!block || !config_setting_is_group(block) || d->ms[DEADLINE_HELLO] <= d->ms[DEADLINE_HANDSHAKE])
		return;
	s = config_setting_get_member(block, "hello");
	if (!s)
		s = config_setting_get_member(block, "handshake");
	if (s)
		conf_error(r, s, "does not fit: hello (%g s) must not be longer than handshake (%g s), of which it is a part",
			d->ms[DEADLINE_HELLO] / 1000.0, d->ms[DEADLINE_HANDSHAKE] / 1000.0);
}

static void check_listeners(struct conf_reader *r)
{
	for (int i = 0; i < r->conf->listeners_n; i++) {
		config_setting_t *block = config_setting_get_elem(config_lookup(&r->file, "listeners"), (unsigned)i);

		for (int earlier = 0; earlier < i; earlier++)
			check_listener_against(r, i, earlier);
		check_backend_of(r, i);
		if (config_setting_is_group(block))
			check_deadlines(r, &r->conf->listeners[i].deadlines, config_setting_get_member(block, "timeouts"));
	}
}

static void check_certificate(struct conf_reader *r, int i)
{
	const config_setting_t *s = member(r, "certificates", i, "");
	bool chain, key, directory;

	if (!config_setting_is_group(s))
		return;
	/* What was written counts, not what could be read of it: a bad path is one error, not two. */
	chain = config_setting_get_member((config_setting_t *)s, "chain") != NULL;
	key = config_setting_get_member((config_setting_t *)s, "key") != NULL;
	directory = config_setting_get_member((config_setting_t *)s, "directory") != NULL;
	if (directory && (chain || key))
		conf_error(r, s, "has directory and %s; write one of them", chain ? "chain" : "key");
	else if (!directory && !chain)
		conf_error(r, s, "has %s; write chain and key, chain alone if the key is in the same file, or directory",
			key ? "a key but no chain" : "neither chain nor directory");
}

static void check_limits(struct conf_reader *r)
{
	const config_setting_t *s = config_lookup(&r->file, "limits.spill_kb");

	if (!s)
		s = config_lookup(&r->file, "limits.spill_mb");
	if (s && r->conf->limits.spill_kb / 1024.0 > r->conf->limits.spill_mb)
		conf_error(r, s, "does not fit: the %d KiB of one connection are more than the %d MiB of its worker",
			r->conf->limits.spill_kb, r->conf->limits.spill_mb);
}

static void check_sources(struct conf_reader *r)
{
	char **sources = r->conf->chains.sources;

	for (int i = 0; sources && sources[i]; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(sources[i], sources[k]) == 0)
				conf_error(r, config_lookup(&r->file, "chains.sources"), "names \"%s\" twice", sources[i]);
}

static void check_acme(struct conf_reader *r)
{
	const config_setting_t *s = config_lookup(&r->file, "acme");
	bool names, hosts, webroot;

	if (!s || !config_setting_is_group(s))
		return;
	names = r->conf->acme.names && *r->conf->acme.names;
	hosts = r->conf->acme.hosts && *r->conf->acme.hosts;
	webroot = r->conf->acme.webroot && *r->conf->acme.webroot;
	if ((names || hosts) && !config_lookup(&r->file, "acme.directory"))
		conf_error(r, s, "has names but no directory; write the URL of a CA's ACME directory");
	if (r->conf->acme.challenge == ACME_HTTP_01 && !webroot)
		conf_error(r, s, "has the challenge \"http-01\" but no webroot; write the folder that a web server on port 80 serves");
}

void conf_check(struct conf_reader *r)
{
	check_acme(r);
	check_sources(r);
	check_listeners(r);
	for (int i = 0; i < r->conf->backends_n; i++)
		check_backend_names(r, i);
	for (int i = 0; i < r->conf->certificates_n; i++)
		check_certificate(r, i);
	check_deadlines(r, &r->conf->deadlines, config_lookup(&r->file, "timeouts"));
	check_limits(r);
}
