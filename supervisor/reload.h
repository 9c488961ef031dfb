/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reload: the configuration is read again and everything new is prepared
 * whole: listeners, backends, log, TLS, certificates and keys, policy. Then all
 * of it is committed under one generation number, or all of it is discarded
 * and everything stays as it was. One at a time.
 */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

#include <jansson.h>

#include "supervisor/supervisor.h"

struct reload;

struct reload *reload_new(struct supervisor *s);
/* Takes NULL. */
void reload_free(struct reload *r);

/*
 * Begins one; by is static text: who asked. ticket: of the control socket,
 * answered at the end; 0: nobody waits. 0, or -EALREADY: one is under way,
 * -EAGAIN: the start is not over, -ESHUTDOWN.
 */
int reload_begin(struct supervisor *s, const char *by, uint32_t ticket);
/* SIGHUP: begins one, or remembers to do so after what is under way. */
void reload_hangup(struct supervisor *s);
/* SIGUSR1: opens the log file again. */
void reload_log_file(struct supervisor *s);
/* The start is over. */
void reload_started(struct supervisor *s);
/* tlsward stops: what is under way is discarded. */
void reload_stop(struct supervisor *s);

/* For status: whether one is under way, and how the last one ended. */
json_t *reload_view(const struct reload *r);

/* From the parts; false: it is none of a reload. */
bool reload_on_error(struct supervisor *s, const char *text);
bool reload_on_warning(struct supervisor *s, const char *text);
bool reload_on_material(struct supervisor *s, unsigned errors);
bool reload_on_acme(struct supervisor *s, unsigned errors);
bool reload_on_policy(struct supervisor *s, unsigned errors);
/* From the roles. */
void reload_on_resolved(struct supervisor *s, const struct msg_resolve_ans *a);
void reload_on_priority(struct supervisor *s, const struct msg *m);
void reload_on_log_sink(struct supervisor *s, const struct msg *m);
void reload_on_committed(struct supervisor *s, struct child *worker, const struct msg *m);
/* A process is gone or ready. */
void reload_on_child(struct supervisor *s, const struct child *c);

#endif
