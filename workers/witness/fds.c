/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/fds.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/json_text.h"
#include "workers/witness/missing.h"
#include "workers/witness/owners.h"
#include "workers/witness/sockets.h"

#define GROUPS_MAX 64
#define FDS_MAX (1 << 20)

struct fd {
	int number;
	char link[256];
	struct fd_link what;
	enum owner_kind owner;
	const struct owner *connection;
};

/* Alike in kind, state and owner. */
struct group {
	const char *kind, *state;
	enum owner_kind owner;
	uint64_t n, recv_queue, send_queue;
};

struct view {
	pid_t pid;
	struct fd *list;
	size_t n, cap;
	struct sockets sockets;
	struct owners owners;
	struct group groups[GROUPS_MAX];
	size_t groups_n;
};

struct fd_link fds_parse_link(const char *text)
{
	static const struct { const char *start, *kind; } kinds[] = {
		{ "pipe:[", "pipe" }, { "anon_inode:[eventpoll]", "epoll" }, { "anon_inode:[eventfd]", "eventfd" },
		{ "anon_inode:[signalfd]", "signalfd" }, { "anon_inode:[timerfd]", "timerfd" },
		{ "anon_inode:[pidfd]", "pidfd" }, { "anon_inode:", "anonymous" }, { "/memfd:", "memfd" },
		{ "/dev/", "device" }, { "/", "file" },
	};
	struct fd_link l = { "other", 0 };

	if (sscanf(text, "socket:[%" SCNu64 "]", &l.inode) == 1) {
		l.kind = "socket";
		return l;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(text, kinds[i].start, strlen(kinds[i].start)) == 0) {
			l.kind = kinds[i].kind;
			break;
		}
	return l;
}

static struct fd *new_fd(struct view *v)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 256;
		void *list = cap <= FDS_MAX ? realloc(v->list, cap * sizeof *v->list) : NULL;
		if (!list)
			return NULL;
		v->list = list;
		v->cap = cap;
	}
	return &v->list[v->n++];
}

static int read_fds(struct view *v)
{
	char path[64];
	struct dirent *e;
	struct fd *fd;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)v->pid);
	DIR *d = opendir(path);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		char link[sizeof fd->link];
		ssize_t n = e->d_name[0] == '.' ? -1 : readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
		if (n < 0)
			continue;	/* closed meanwhile */
		link[n] = '\0';
		if (!(fd = new_fd(v)))
			break;
		*fd = (struct fd){ .number = atoi(e->d_name), .what = fds_parse_link(link) };
		memcpy(fd->link, link, (size_t)n + 1);
		if (fd->what.inode)
			sockets_want(&v->sockets, fd->what.inode);
	}
	closedir(d);
	return 0;
}

/* A socket that has no connection is in none of the kernel's tables; but it has a name. */
static void name_loose_socket(const struct view *v, const struct fd *fd, struct socket_info *i)
{
	char path[64], name[32] = "";

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)v->pid, fd->number);
	ssize_t n = getxattr(path, "system.sockprotoname", name, sizeof name - 1);
	name[n > 0 ? n : 0] = '\0';
	i->kind = strncmp(name, "TCP", 3) == 0 ? "tcp" : strncmp(name, "UNIX", 4) == 0 ? "unix" :
		strncmp(name, "UDP", 3) == 0 ? "udp" : strcmp(name, "NETLINK") == 0 ? "netlink" : "socket";
	i->state = strcmp(i->kind, "tcp") == 0 || strcmp(i->kind, "unix") == 0 ? "unconnected" : "";
	i->found = true;
}

static struct socket_info *socket_of(const struct view *v, const struct fd *fd)
{
	return fd->what.inode ? sockets_find(&v->sockets, fd->what.inode) : NULL;
}

static void settle(struct view *v, struct fd *fd)
{
	struct socket_info *i = socket_of(v, fd);

	if (i && !i->found)
		name_loose_socket(v, fd, i);
	if (i && i->first_fd < 0)
		i->first_fd = fd->number;
	fd->owner = owners_find(&v->owners, fd->number, &fd->connection);
	/* A listener that came with a reload; connections never listen. */
	if (fd->owner == OWNER_NOBODY && i && i->first_fd == fd->number && strcmp(i->state, "listen") == 0)
		fd->owner = OWNER_SELF;
}

static void count(struct view *v, const struct fd *fd)
{
	const struct socket_info *i = socket_of(v, fd);
	struct group g = { .kind = i ? i->kind : fd->what.kind, .state = i ? i->state : "", .owner = fd->owner };
	size_t at = 0;

	while (at < v->groups_n && !(strcmp(v->groups[at].kind, g.kind) == 0 &&
	    strcmp(v->groups[at].state, g.state) == 0 && v->groups[at].owner == g.owner))
		at++;
	if (at == GROUPS_MAX)
		return;
	if (at == v->groups_n)
		v->groups[v->groups_n++] = g;
	v->groups[at].n++;
	if (i) {
		v->groups[at].recv_queue += i->recv_queue;
		v->groups[at].send_queue += i->send_queue;
	}
}

static int nobody_first(const void *a, const void *b)
{
	const struct fd *x = a, *y = b;
	int of_nobody = (y->owner == OWNER_NOBODY) - (x->owner == OWNER_NOBODY);

	return of_nobody ? of_nobody : x->number - y->number;
}

static void set_socket(json_t *o, const struct socket_info *i, int fd)
{
	json_object_set_new(o, "state", *i->state ? json_string(i->state) : json_null());
	json_object_set_new(o, "recv_queue", json_integer(i->recv_queue));
	json_object_set_new(o, "send_queue", json_integer(i->send_queue));
	json_object_set_new(o, "local", *i->local ? json_text(i->local) : json_null());
	json_object_set_new(o, "peer", *i->peer ? json_text(i->peer) : json_null());
	if (i->first_fd != fd)
		json_object_set_new(o, "same_as", json_integer(i->first_fd));
	if (i->has_idle)
		json_object_set_new(o, "idle_ms", json_integer(i->idle_ms));
}

static json_t *view_fd(const struct view *v, const struct fd *fd)
{
	const struct socket_info *i = socket_of(v, fd);
	json_t *o = json_object();

	json_object_set_new(o, "fd", json_integer(fd->number));
	json_object_set_new(o, "kind", json_string(i ? i->kind : fd->what.kind));
	if (i)
		set_socket(o, i, fd->number);
	else
		json_object_set_new(o, "link", json_text(fd->link));
	json_object_set_new(o, "owner", json_string(owner_kind_name(fd->owner)));
	if (fd->owner == OWNER_CONNECTION)
		json_object_set_new(o, "of", owners_view(&v->owners, fd->connection));
	return o;
}

static json_t *view_groups(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->groups_n; i++) {
		const struct group *g = &v->groups[i];
		json_array_append_new(list, json_pack("{s:s, s:s*, s:s, s:I, s:I, s:I}", "kind", g->kind,
			"state", *g->state ? g->state : NULL, "owner", owner_kind_name(g->owner), "descriptors", (json_int_t)g->n,
			"recv_queue", (json_int_t)g->recv_queue, "send_queue", (json_int_t)g->send_queue));
	}
	return list;
}

static int by_number(const void *a, const void *b)
{
	return ((const struct fd *)a)->number - ((const struct fd *)b)->number;
}

static json_t *view_all(struct view *v)
{
	json_t *list = json_array();
	size_t owned[4] = { 0 };

	if (v->n > 0)
		qsort(v->list, v->n, sizeof *v->list, by_number);
	for (size_t i = 0; i < v->n; i++) {
		settle(v, &v->list[i]);
		count(v, &v->list[i]);
		owned[v->list[i].owner]++;
	}
	if (v->n > 0)
		qsort(v->list, v->n, sizeof *v->list, nobody_first);
	for (size_t i = 0; i < v->n && i < FDS_LISTED; i++)
		json_array_append_new(list, view_fd(v, &v->list[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "open", (json_int_t)v->n,
		"of_nobody", (json_int_t)owned[OWNER_NOBODY], "of_connections", (json_int_t)owned[OWNER_CONNECTION],
		"of_the_process", (json_int_t)owned[OWNER_SELF], "untold", (json_int_t)owned[OWNER_UNTOLD],
		"unlisted", (json_int_t)(v->n > FDS_LISTED ? v->n - FDS_LISTED : 0),
		"groups", view_groups(v), "list", list);
}

json_t *fds_view(pid_t pid, const struct ledger *l)
{
	struct view v = { .pid = pid };
	json_t *o;

	sockets_init(&v.sockets);
	int rc = owners_init(&v.owners, l, ledger_now_ns());
	if (rc == 0)
		rc = read_fds(&v);
	if (rc < 0) {
		o = json_object();
		missing_add(o, "descriptors", strerror(-rc));
	} else {
		sockets_seal(&v.sockets);
		rc = sockets_ask(&v.sockets);
		o = view_all(&v);
		if (rc < 0)
			missing_add(o, "states of sockets", strerror(-rc));
	}
	owners_clear(&v.owners);
	sockets_clear(&v.sockets);
	free(v.list);
	return o;
}
