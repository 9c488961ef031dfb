/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define GROUPS_MAX 1024

const char *right_name(enum right r)
{
	return r == RIGHT_CHANGE ? "change" : r == RIGHT_READ ? "read" : "none";
}

static bool as_number(const char *text, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return *end == '\0' && errno == 0 && *number < (uid_t)-1;
}

static bool find_user(const char *name, uid_t *uid)
{
	unsigned long number;
	const struct passwd *pw = getpwnam(name);

	if (pw)
		*uid = pw->pw_uid;
	else if (as_number(name, &number))
		*uid = (uid_t)number;
	else
		return false;
	return true;
}

bool rights_find_group(const char *name, gid_t *gid)
{
	unsigned long number;
	const struct group *gr = getgrnam(name);

	if (gr)
		*gid = gr->gr_gid;
	else if (as_number(name, &number))
		*gid = (gid_t)number;
	else
		return false;
	return true;
}

/* A role that runs as we do cannot be told from us. */
static void add_role(struct rights *r, const char *user)
{
	uid_t uid;

	if (user && find_user(user, &uid) && uid != r->self)
		r->roles[r->roles_n++] = uid;
}

static void add_admin(struct rights *r, const char *name)
{
	bool found = name[0] == '@' ? rights_find_group(name + 1, &r->gids[r->gids_n]) : find_user(name, &r->uids[r->uids_n]);

	if (!found)
		log_notice("control.admins: there is no %s \"%s\"", name[0] == '@' ? "group" : "user", name);
	else if (name[0] == '@')
		r->gids_n++;
	else
		r->uids_n++;
}

int rights_init(struct rights *r, const struct conf *conf)
{
	char **admins = conf->control.admins;
	size_t n = 0;

	*r = (struct rights){ .self = geteuid() };
	add_role(r, conf->user);
	add_role(r, conf->keeper_user);
	add_role(r, conf->librarian_user);
	while (admins && admins[n])
		n++;
	r->uids = calloc(n + 1, sizeof *r->uids);
	r->gids = calloc(n + 1, sizeof *r->gids);
	if (!r->uids || !r->gids) {
		rights_clear(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		add_admin(r, admins[i]);
	return 0;
}

void rights_clear(struct rights *r)
{
	free(r->uids);
	free(r->gids);
	*r = (struct rights){ 0 };
}

static bool has(const unsigned *list, size_t n, unsigned what)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == what)
			return true;
	return false;
}

enum right rights_of(const struct rights *r, uid_t uid, const gid_t *groups, size_t groups_n)
{
	if (has(r->roles, r->roles_n, uid))
		return RIGHT_NONE;
	if (uid == 0 || uid == r->self || has(r->uids, r->uids_n, uid))
		return RIGHT_CHANGE;
	for (size_t i = 0; i < groups_n; i++)
		if (has(r->gids, r->gids_n, groups[i]))
			return RIGHT_CHANGE;
	return RIGHT_READ;
}

enum right rights_of_peer(const struct rights *r, int fd, uid_t *uid)
{
	struct ucred peer;
	gid_t groups[GROUPS_MAX + 1];
	socklen_t size = sizeof peer, groups_size = GROUPS_MAX * sizeof(gid_t);

	*uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == (uid_t)-1)
		return RIGHT_NONE;
	*uid = peer.uid;
	/* More groups than fit: only the primary one counts, which can but deny. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
		groups_size = 0;
	size_t n = groups_size / sizeof(gid_t);
	groups[n++] = peer.gid;
	return rights_of(r, peer.uid, groups, n);
}
