/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/boot/boot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/ready.h"
#include "supervisor/reload.h"
#include "supervisor/stop.h"
#include "supervisor/workers.h"

static void start_workers(struct supervisor *s)
{
	if (s->serving || s->stopping || !s->material_known || !s->policy_known || !s->backends_known || !s->acme_known)
		return;
	s->serving = true;
	for (int i = 0; i < s->workers_n; i++)
		child_start(&s->workers[i]);
}

static void start_roles(struct supervisor *s)
{
	if (!s->check)
		child_start(&s->logger);
	child_start(&s->keeper);
	child_start(&s->librarian);
	child_start(&s->advisor);
	material_prepare(s->material, s->conf);
	acme_prepare(s->acme, s->conf);
	if (policy_flow_prepare(s->policy, s->conf) < 0)
		supervisor_fail(s, "policy: out of memory");
}

static bool logs_to_file(const struct supervisor *s)
{
	return *s->conf->log.to == '/';
}

void boot_begin(struct supervisor *s)
{
	uint16_t ports[MSG_PORTS_MAX];

	if (backends_ports(s->backends, ports) < 0) {
		supervisor_fail(s, "backends: more than 256 different ports; a worker may be allowed to connect to 256");
		return;
	}
	ready_tell_status("starting");
	if (logs_to_file(s) && !s->check)
		opener_ask(&s->log_opener, OPEN_LOG, s->conf->log.to, 0);
	else
		start_roles(s);
}

/* --- the log file --- */

static void on_log_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct supervisor *s = data;
	char text[MSG_TEXT_MAX + MSG_PATH_MAX];

	(void)id; (void)stamp;
	if (fd < 0) {
		snprintf(text, sizeof text, "log.to: %s %s", path, error);
		supervisor_fail(s, text);
		return;
	}
	s->log_file = fd;
}

static void on_log_end(void *data, uint32_t id)
{
	struct supervisor *s = data;

	(void)id;
	opener_finish(&s->log_opener);
	if (s->log_file >= 0 && !s->stopping)
		start_roles(s);
}

static void on_log_free(void *data)
{
	(void)data;
}

static void on_log_failed(void *data, const char *why)
{
	char text[256];

	snprintf(text, sizeof text, "log.to: the file could not be opened: the opener ended: %s", why);
	supervisor_fail(data, text);
}

const struct opener_ops boot_log_ops = {
	.on_file = on_log_file, .on_end = on_log_end, .on_free = on_log_free, .on_failed = on_log_failed,
};

/* --- files and names --- */

static void check_is_over(struct supervisor *s)
{
	unsigned errors = s->boot_errors;

	if (errors > 0) {
		fprintf(stderr, "tlsward: %s: %u error%s\n", s->conf->path, errors, errors == 1 ? "" : "s");
		s->exit_code = 1;
	} else {
		printf("tlsward: %s is fine: %u certificates for %u names\n", s->conf->path, s->certificates, s->names);
	}
	stop_begin(s, true);
}

/* Certificates, keys and scripts have all been looked at: all their errors have been told. */
static void files_are_known(struct supervisor *s)
{
	char text[128];

	if (!s->material_known || !s->policy_known || !s->acme_known)
		return;
	if (s->check) {
		check_is_over(s);
	} else if (s->boot_errors > 0) {
		snprintf(text, sizeof text, "not started: %u error%s in certificates, keys and scripts", s->boot_errors,
			s->boot_errors == 1 ? "" : "s");
		supervisor_fail(s, text);
	} else {
		start_workers(s);
	}
}

static void on_material_prepared(struct supervisor *s, unsigned errors)
{
	if (reload_on_material(s, errors) || s->material_known)
		return;
	if (errors == 0) {
		material_commit(s->material);
		material_counts(s->material, &s->names, &s->certificates);
		workers_send_catalog(s);
	}
	s->material_known = true;
	s->boot_errors += errors;
	files_are_known(s);
}

static void on_material_catalog(struct supervisor *s)
{
	material_counts(s->material, &s->names, &s->certificates);
	workers_send_catalog(s);
}

static void on_policy_prepared(struct supervisor *s, unsigned errors)
{
	if (reload_on_policy(s, errors) || s->policy_known)
		return;
	if (errors == 0)
		policy_flow_commit(s->policy);
	else
		policy_flow_discard(s->policy);
	s->policy_known = true;
	s->boot_errors += errors;
	files_are_known(s);
}

static void on_acme_prepared(struct supervisor *s, unsigned errors)
{
	if (reload_on_acme(s, errors) || s->acme_known)
		return;
	if (errors == 0)
		acme_commit(s->acme);
	else
		acme_discard(s->acme);
	s->acme_known = true;
	s->boot_errors += errors;
	files_are_known(s);
}

static void on_file_error(struct supervisor *s, const char *text)
{
	if (reload_on_error(s, text))
		return;
	if (s->serving)
		log_error("%s", text);
	else
		supervisor_tell(s, text);
}

static void on_file_warning(struct supervisor *s, const char *text)
{
	if (reload_on_warning(s, text))
		return;
	if (s->check)
		supervisor_tell(s, text);
	else
		log_warning("%s", text);
}

const struct material_ops boot_material_ops = {
	.on_error = on_file_error, .on_warning = on_file_warning, .on_prepared = on_material_prepared,
	.on_catalog = on_material_catalog,
};

const struct policy_ops_super boot_policy_ops = {
	.on_error = on_file_error, .on_warning = on_file_warning, .on_prepared = on_policy_prepared,
};

const struct acme_ops boot_acme_ops = { .on_error = on_file_error, .on_prepared = on_acme_prepared };

static void on_backends_known(struct supervisor *s)
{
	s->backends_known = true;
	start_workers(s);
}

const struct backends_ops boot_backends_ops = { .on_changed = workers_send_backend, .on_known = on_backends_known };

/* --- ready --- */

void boot_ready(struct supervisor *s)
{
	struct log_line l;
	char status[128];

	log_begin(&l, LOG_LEVEL_NOTICE, "ready");
	log_u64(&l, "workers", (uint64_t)s->workers_wanted);
	log_u64(&l, "listeners", (uint64_t)s->conf->listeners_n);
	log_u64(&l, "names", s->names);
	log_u64(&l, "certificates", s->certificates);
	log_ms(&l, "after", (ledger_now_ns() - s->started_ns) / 1000000);
	log_end(&l);
	snprintf(status, sizeof status, "serving %u names with %d workers", s->names, s->workers_wanted);
	ready_tell_ready(&s->manager, status);
	material_started(s->material);
	acme_start(s->acme);
	reload_started(s);
}
