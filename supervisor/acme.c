/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/acme.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hostset_build.h"
#include "common/log.h"
#include "supervisor/acme_inside.h"
#include "supervisor/workers.h"

/* ---- the lists ---- */

static void lists_clear(struct acme_lists *l)
{
	if (l->names >= 0)
		close(l->names);
	policy_data_free(l->hosts);
	*l = (struct acme_lists){ .names = -1 };
}

static char *text_of(char *const *names)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (; *names; names++)
		fprintf(f, "%s\n", *names);
	return fclose(f) == 0 ? text : NULL;
}

static int make_names(struct acme_lists *l, const struct conf *conf)
{
	char error[256] = "", *text;
	int rc = -ENOMEM;

	if (!conf->acme.directory || !*conf->acme.names)
		return 0;
	text = text_of(conf->acme.names);
	if (text)
		rc = hostset_build(text, strlen(text), &l->names, &l->names_n, error, sizeof error);
	free(text);
	return rc;
}

/* As a policy with one set and nothing else, so that its file is followed as theirs are. */
static struct policy_data *new_hosts(const char *path)
{
	struct policy_data *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->inotify = -1;
	d->sets[0] = (struct policy_set){ .name = strdup(path), .path = strdup(path), .fd = -1, .watch = -1, .target_watch = -1 };
	d->sets_n = 1;
	if (d->sets[0].name && d->sets[0].path)
		return d;
	policy_data_free(d);
	return NULL;
}

/* ---- who is told ---- */

static void send_list(struct acme *a, struct child *c, enum acme_list list, int fd)
{
	struct msg m = { .type = MSG_ACME_NAMES, .acme_names = { .list = (uint8_t)list, .on_demand = a->s->conf->acme.on_demand } };

	child_send(c, &m, &fd, fd >= 0);
}

static void send_lists(struct acme *a, struct child *c)
{
	send_list(a, c, ACME_NAMES, a->now.names);
	send_list(a, c, ACME_HOSTS, a->now.hosts ? a->now.hosts->sets[0].fd : -1);
}

static bool is_on(const struct acme *a)
{
	return a->s->conf->acme.directory && (a->now.names >= 0 || a->now.hosts);
}

static void send_settings(struct acme *a)
{
	const struct conf *conf = a->s->conf;
	struct msg m = { .type = MSG_ACME_SETTINGS, .acme_settings = { .on = is_on(a) && !a->stopped,
		.challenge = (uint8_t)conf->acme.challenge, .on_demand = conf->acme.on_demand,
		.timeout_ms = (uint32_t)(conf->acme.timeout * 1000), .per_hour = (uint32_t)conf->acme.orders_per_hour,
		.directory = conf->acme.directory ? conf->acme.directory : "", .contact = conf->acme.contact, .webroot = conf->acme.webroot } };

	child_send(&a->s->librarian, &m, &a->s->programs.hook, 1);
}

static void tell_all(struct acme *a)
{
	struct supervisor *s = a->s;

	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			send_lists(a, &s->workers[i]);
	if (worker_is_served(&s->advisor))
		send_lists(a, &s->advisor);
	if (!worker_is_served(&s->librarian))
		return;
	send_lists(a, &s->librarian);
	if (a->started)
		send_settings(a);
}

void acme_introduce(struct acme *a, struct child *c)
{
	if (c->role != ROLE_KEEPER && (a->now.names >= 0 || a->now.hosts))
		send_lists(a, c);
	if (c->role == ROLE_WORKER && a->challenges >= 0)
		acme_send_challenges(a, c);
	if (c->role == ROLE_LIBRARIAN && a->started)
		send_settings(a);
	if (c->role == ROLE_LIBRARIAN && a->loaded)
		acme_send_key_ids(a);
	if (c->role == ROLE_KEEPER && a->s->conf->acme.directory && !a->s->check)
		acme_load_keys(a);
}

void acme_start(struct acme *a)
{
	a->started = true;
	if (worker_is_served(&a->s->librarian))
		send_settings(a);
}

/* ---- preparing ---- */

/* A check starts no workers; without ACME there is nothing to wait for. */
static bool waits_for_what_serves(const struct acme *a)
{
	return !a->served && !a->started && !a->s->check && a->s->conf->acme.directory;
}

static void prepared(struct acme *a, unsigned errors)
{
	a->listed = true;
	if (errors == 0 && waits_for_what_serves(a))
		return;
	a->preparing = false;
	a->ops->on_prepared(a->s, errors);
}

void acme_on_served(struct acme *a)
{
	a->served = true;
	if (a->preparing && a->listed)
		prepared(a, 0);
}

static void on_folder(void *data, const char *path, int fd)
{
	struct acme *a = data;

	policy_follow_watch(a->next.hosts, 0, path, fd);
}

static void on_made(void *data, const char *error, bool later, int fd, uint32_t names)
{
	struct acme *a = data;
	char text[MSG_PATH_MAX + MSG_TEXT_MAX + 32];

	(void)later;
	if (fd < 0) {
		snprintf(text, sizeof text, "acme.hosts: %s", error);
		a->ops->on_error(a->s, text);
	} else {
		a->next.hosts->sets[0].fd = fd;
		a->next.hosts->sets[0].names = names;
	}
	prepared(a, fd < 0);
}

static const struct set_maker_ops maker_ops = { .on_folder = on_folder, .on_made = on_made };

void acme_prepare(struct acme *a, const struct conf *conf)
{
	bool hosts = conf->acme.directory && *conf->acme.hosts;

	set_maker_abort(&a->maker);
	lists_clear(&a->next);
	a->preparing = true;
	a->listed = false;
	int rc = make_names(&a->next, conf);
	if (rc == 0 && hosts && !(a->next.hosts = new_hosts(conf->acme.hosts)))
		rc = -ENOMEM;
	if (rc < 0) {
		a->ops->on_error(a->s, "acme: the lists of names cannot be made");
		prepared(a, 1);
	} else if (hosts) {
		set_maker_begin(&a->maker, conf->acme.hosts);
	} else {
		prepared(a, 0);
	}
}

void acme_commit(struct acme *a)
{
	bool any = is_on(a) || a->now.hosts || a->now.names >= 0;

	policy_follow_begin(&a->follow, NULL);
	lists_clear(&a->now);
	a->now = a->next;
	a->next = (struct acme_lists){ .names = -1 };
	policy_follow_begin(&a->follow, a->now.hosts);
	if (any || is_on(a))
		tell_all(a);
	if (a->started && is_on(a))
		acme_load_keys(a);
}

void acme_discard(struct acme *a)
{
	set_maker_abort(&a->maker);
	a->preparing = false;
	lists_clear(&a->next);
}

/* ---- the file of the host set ---- */

static void on_set(void *owner, const struct policy_set *set)
{
	struct acme *a = owner;
	struct supervisor *s = a->s;

	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			send_list(a, &s->workers[i], ACME_HOSTS, set->fd);
	if (worker_is_served(&s->advisor))
		send_list(a, &s->advisor, ACME_HOSTS, set->fd);
	if (!worker_is_served(&s->librarian))
		return;
	send_list(a, &s->librarian, ACME_HOSTS, set->fd);
	if (a->started)
		send_settings(a);
}

static bool is_in(int fd, const char *name)
{
	struct hostset *set = fd < 0 ? NULL : hostset_load(dup(fd));
	bool in = set && hostset_contains(set, name);

	hostset_unref(set);
	return in;
}

bool acme_is_listed(const struct acme *a, const char *name)
{
	return is_in(a->now.names, name) || (a->now.hosts && is_in(a->now.hosts->sets[0].fd, name));
}

bool acme_on_set_ans(struct acme *a, const struct msg *m, struct packet *p)
{
	return set_maker_on_answer(&a->maker, m, p) || set_maker_on_answer(&a->follow.maker, m, p);
}

void acme_on_down(struct acme *a, struct child *c)
{
	if (c->role == ROLE_LIBRARIAN) {
		set_maker_on_librarian_down(&a->maker);
		set_maker_on_librarian_down(&a->follow.maker);
	}
	if (c->role == ROLE_KEEPER)
		acme_keys_keeper_down(a);
	if (c->role == ROLE_WORKER)
		acme_look_at_challenges(a);
}

/* ---- life ---- */

struct acme *acme_new(struct supervisor *s, const struct acme_ops *ops)
{
	struct acme *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->s = s;
	a->ops = ops;
	a->now.names = a->next.names = -1;
	set_maker_init(&a->maker, s, &maker_ops, a);
	policy_follow_init(&a->follow, s);
	a->follow.on_set = on_set;
	a->follow.owner = a;
	acme_keys_init(a);
	acme_orders_init(a);
	return a;
}

void acme_stop(struct acme *a)
{
	a->stopped = true;
	policy_follow_begin(&a->follow, NULL);
	acme_discard(a);
	opener_abort(&a->opener);
	opener_abort(&a->loader);
	if (a->started && worker_is_served(&a->s->librarian))
		send_settings(a);
}

void acme_free(struct acme *a)
{
	if (!a)
		return;
	policy_follow_clear(&a->follow);
	set_maker_clear(&a->maker);
	acme_orders_clear(a);
	acme_keys_clear(a);
	lists_clear(&a->now);
	lists_clear(&a->next);
	free(a);
}
