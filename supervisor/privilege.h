/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who each process runs as and what it may: users by name or number, and the
 * few capabilities that the supervisor, its opener and its witness keep.
 */
#ifndef SUPERVISOR_PRIVILEGE_H
#define SUPERVISOR_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/msg.h"
#include "supervisor/conf.h"

struct identity {
	uid_t uid;
	gid_t gid;
};

struct privileges {
	bool switches;		/* we may change users: role processes get their own */
	struct identity roles[ROLE_COUNT];
	char missing[512];	/* protections that do not hold in this run, or "" */
};

/*
 * Looks up the users of the configuration and judges what protections hold.
 * insecure: the operator accepts running as root without the sandbox. Reports
 * each error; returns 0 or -EINVAL.
 */
int privilege_resolve(struct privileges *p, const struct conf *conf, bool insecure, conf_report *report, void *data);

/*
 * The supervisor keeps the capabilities it works with, and loses all others
 * for itself and everything it will start. To be called when sockets and
 * directories have their owners. 0 or a negative errno.
 */
int privilege_reduce(void);

/*
 * In a new process before it executes its program: user, groups,
 * capabilities, no_new_privs. Returns NULL or the name of what failed, with
 * errno set.
 */
const char *privilege_become(const struct privileges *p, enum role role);

#endif
