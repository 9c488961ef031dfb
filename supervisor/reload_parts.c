/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a reload, a row each: how each is prepared, committed, discarded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/boot/boot.h"
#include "supervisor/listen.h"
#include "supervisor/listen_again.h"
#include "supervisor/reload_inside.h"

/* --- listeners --- */

static void report(void *data, const char *text)
{
	reload_error(data, "%s", text);
}

static void prepare_listeners(struct reload *r)
{
	int n = r->conf->listeners_n;

	r->listener_fds = malloc((size_t)n * sizeof *r->listener_fds);
	for (int i = 0; r->listener_fds && i < n; i++)
		r->listener_fds[i] = -1;
	int rc = r->listener_fds ? listen_number_all(r->s, r->conf) : -ENOMEM;
	if (rc < 0) {
		reload_error(r, "listeners: %s", strerror(-rc));
		reload_set_part(r, PART_LISTENERS, false);
		return;
	}
	reload_set_part(r, PART_LISTENERS, listen_again(r->s, r->conf, r->listener_fds, report, r) == 0);
}

static void commit_listeners(struct reload *r)
{
	listen_close(r->s->listener_fds, r->s->listener_fds_n);
	free(r->s->listener_fds);
	r->s->listener_fds = r->listener_fds;
	r->s->listener_fds_n = r->conf->listeners_n;
	r->listener_fds = NULL;
}

static void discard_listeners(struct reload *r)
{
	if (r->listener_fds)
		listen_close(r->listener_fds, r->conf->listeners_n);
	free(r->listener_fds);
	r->listener_fds = NULL;
}

/* --- backends --- */

static void on_not_in_force(struct supervisor *s, int backend)
{
	(void)s; (void)backend;
}

static void on_known(struct supervisor *s)
{
	reload_set_part(s->reload, PART_BACKENDS, true);
}

static const struct backends_ops preparing_ops = { .on_changed = on_not_in_force, .on_known = on_known };

static bool same_backends(const struct reload *r)
{
	const struct conf *old = r->s->conf, *new = r->conf;

	if (conf_changes_has(&r->changes, "backends"))
		return false;
	for (int i = 0; i < new->backends_n; i++)
		if (strcmp(old->backends[i].name, new->backends[i].name) != 0)
			return false;
	return true;
}

/* Landlock has closed all other ports to the workers that run. */
static void mark_new_ports(struct reload *r)
{
	if (!backends_need_ports(r->backends, r->s->backends))
		return;
	r->effect = CONF_NEW_WORKERS;
	for (int i = 0; i < r->changes.n; i++)
		if (strncmp(r->changes.list[i].path, "backends.", 9) == 0 && r->changes.list[i].new)
			r->changes.list[i].effect = CONF_NEW_WORKERS;
}

static void prepare_backends(struct reload *r)
{
	uint16_t ports[MSG_PORTS_MAX];

	r->same_backends = same_backends(r);
	r->backends = backends_new(r->s, r->conf, &preparing_ops, r->s->backends);
	if (r->backends && backends_ports(r->backends, ports) >= 0) {
		mark_new_ports(r);
		backends_start(r->backends);
		return;
	}
	reload_error(r, "backends: %s", r->backends ?
		"more than 256 different ports; a worker may be allowed to connect to 256" : "out of memory");
	reload_set_part(r, PART_BACKENDS, false);
}

static void commit_backends(struct reload *r)
{
	backends_free(r->s->backends);
	r->s->backends = r->backends;
	backends_set_ops(r->backends, &boot_backends_ops);
	r->backends = NULL;
}

static void discard_backends(struct reload *r)
{
	backends_free(r->backends);
	r->backends = NULL;
}

/* --- log --- */

static void prepare_log(struct reload *r)
{
	if (conf_changes_has(&r->changes, "log.to") || conf_changes_has(&r->changes, "log.format"))
		log_file_try(&r->log, r->conf);
	else
		reload_set_part(r, PART_LOG, true);
}

static void commit_log(struct reload *r)
{
	if (conf_changes_has(&r->changes, "log.to") || conf_changes_has(&r->changes, "log.format"))
		log_file_use(&r->log);
	supervisor_set_log_level(r->s, r->conf->log.level);
}

static void discard_log(struct reload *r)
{
	log_file_drop(&r->log);
}

/* --- tls.priority, which workers must understand --- */

static void prepare_tls(struct reload *r)
{
	struct msg m = { .type = MSG_PRIORITY_REQ, .priority_req = { .priority = r->conf->tls.priority } };

	if (!*r->conf->tls.priority || !conf_changes_has(&r->changes, "tls.priority")) {
		reload_set_part(r, PART_TLS, true);
		return;
	}
	m.id = r->priority_id = ++r->s->policy_ids;
	if (child_send(&r->s->librarian, &m, NULL, 0) == 0)
		return;
	reload_error_at(r, "tls.priority", "the librarian is not there to look at it");
	reload_set_part(r, PART_TLS, false);
}

static void nothing(struct reload *r)
{
	(void)r;
}

static void discard_tls(struct reload *r)
{
	r->priority_id = 0;
}

/* --- material --- */

static void prepare_material(struct reload *r)
{
	material_prepare(r->s->material, r->conf);
}

static void commit_material(struct reload *r)
{
	material_commit(r->s->material);
	material_counts(r->s->material, &r->s->names, &r->s->certificates);
}

static void discard_material(struct reload *r)
{
	material_discard(r->s->material);
}

/* --- policy --- */

static void prepare_policy(struct reload *r)
{
	r->policy = r->conf->policy.scripts || r->s->conf->policy.scripts;
	if (policy_flow_prepare(r->s->policy, r->conf) == 0)
		return;
	reload_error(r, "policy: out of memory");
	reload_set_part(r, PART_POLICY, false);
}

static void commit_policy(struct reload *r)
{
	policy_flow_commit(r->s->policy);
}

static void discard_policy(struct reload *r)
{
	policy_flow_discard(r->s->policy);
}

/* --- acme --- */

static void prepare_acme(struct reload *r)
{
	acme_prepare(r->s->acme, r->conf);
}

static void commit_acme(struct reload *r)
{
	acme_commit(r->s->acme);
}

static void discard_acme(struct reload *r)
{
	acme_discard(r->s->acme);
}

#define commit_tls nothing

const struct reload_part reload_parts[PART_COUNT] = {
#define X(id, name_, text) [id] = { text, prepare_##name_, commit_##name_, discard_##name_ },
	RELOAD_PARTS(X)
#undef X
};
