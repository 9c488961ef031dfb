/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a local user may do on the control socket. Names are looked up once, at
 * the start, because a look-up may block.
 */
#ifndef SUPERVISOR_RIGHTS_H
#define SUPERVISOR_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "supervisor/conf.h"

enum right { RIGHT_NONE, RIGHT_READ, RIGHT_CHANGE };

#define RIGHTS_ROLES 3

struct rights {
	uid_t self;
	uid_t roles[RIGHTS_ROLES];	/* never may connect */
	size_t roles_n;
	uid_t *uids;			/* may change */
	gid_t *gids;			/* members may change */
	size_t uids_n, gids_n;
};

/* "read", "change". */
const char *right_name(enum right r);

/* A group's name or number. */
bool rights_find_group(const char *name, gid_t *gid);

/*
 * From users and control.admins of conf. A name that does not exist gives
 * nobody a right, and is logged. 0 or -ENOMEM.
 */
int rights_init(struct rights *r, const struct conf *conf);
void rights_clear(struct rights *r);

/* groups: all of the user's, the primary one among them. */
enum right rights_of(const struct rights *r, uid_t uid, const gid_t *groups, size_t groups_n);
/* Of the process at the other end of a connected Unix socket, and its user; RIGHT_NONE if the kernel will not tell. */
enum right rights_of_peer(const struct rights *r, int fd, uid_t *uid);

#endif
