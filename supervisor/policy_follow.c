/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy_follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

#define SETTLE_S .1		/* after the last event */
#define SETTLE_MOST_S 1.	/* after the first one, if they do not end */
#define AGAIN_S 2.		/* after a failure that is not the file's */
#define EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Not if the watch is somebody's still. */
static void forget_watch(struct policy_data *data, int watch)
{
	for (int i = 0; i < data->sets_n; i++)
		if (data->sets[i].watch == watch || data->sets[i].target_watch == watch)
			return;
	if (watch >= 0)
		inotify_rm_watch(data->inotify, watch);
}

static int add_watch(struct policy_data *data, int folder)
{
	char path[64];

	if (data->inotify < 0)
		data->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* By its descriptor: a path might lead through a file system that hangs. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
	return data->inotify < 0 ? -1 : inotify_add_watch(data->inotify, path, EVENTS);
}

/* The file's own folder comes first, each time that the file is read. */
void policy_follow_watch(struct policy_data *data, int set, const char *path, int folder)
{
	struct policy_set *s = &data->sets[set];
	int old = s->target_watch;
	bool own = strcmp(path, s->path) == 0;

	free(s->target);
	s->target = own ? NULL : strdup(base_name(path));
	if (own) {
		s->watch = add_watch(data, folder);
		s->target_watch = -1;
		forget_watch(data, old);
	} else {
		s->target_watch = add_watch(data, folder);
	}
	if ((own ? s->watch : s->target_watch) < 0)
		log_warning("%s: its folder cannot be watched (%s): it is read again at a reload only", path, strerror(errno));
}

static void send_to_all(struct supervisor *s, const struct policy_set *set)
{
	if (worker_is_served(&s->advisor))
		policy_data_send_set(set, &s->advisor);
	for (int i = 0; i < s->workers_n; i++)
		if (worker_is_served(&s->workers[i]))
			policy_data_send_set(set, &s->workers[i]);
}

static void tell(struct policy_follow *f, const struct policy_set *set)
{
	struct log_line l;

	if (f->on_set)
		f->on_set(f->owner, set);
	else
		send_to_all(f->s, set);
	log_begin(&l, LOG_LEVEL_NOTICE, "a host set has changed");
	log_str(&l, "file", set->path);
	log_u64(&l, "names", set->names);
	log_end(&l);
}

static void settle_in(struct policy_follow *f, double seconds)
{
	ev_timer_stop(f->s->loop, &f->settle);
	ev_now_update(f->s->loop);
	ev_timer_set(&f->settle, seconds, 0.);
	ev_timer_start(f->s->loop, &f->settle);
}

/* The next set whose file has changed. */
static void make_next(struct policy_follow *f)
{
	if (f->maker.busy || !f->data)
		return;
	for (int i = 0; i < f->data->sets_n; i++) {
		struct policy_set *set = &f->data->sets[i];
		if (!set->changed)
			continue;
		set->changed = false;
		f->making = i;
		set_maker_begin(&f->maker, set->path);
		return;
	}
}

static void on_folder(void *data, const char *path, int fd)
{
	struct policy_follow *f = data;

	policy_follow_watch(f->data, f->making, path, fd);
}

static void on_made(void *data, const char *error, bool later, int fd, uint32_t names)
{
	struct policy_follow *f = data;
	struct policy_set *set = &f->data->sets[f->making];

	if (fd < 0) {
		log_warning("%s; the host set stays as it was", error);
		if (later) {
			set->changed = true;
			settle_in(f, AGAIN_S);
			return;
		}
	} else {
		close(set->fd);
		set->fd = fd;
		set->names = names;
		tell(f, set);
	}
	make_next(f);
}

static const struct set_maker_ops maker_ops = { .on_folder = on_folder, .on_made = on_made };

static void on_settled(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct policy_follow *f = w->data;

	(void)loop; (void)revents;
	f->since_ns = 0;
	make_next(f);
}

/*
 * In the folder of a link everything counts: it may lead through another link
 * there. What is created counts for links alone; a file is written after it.
 */
static bool is_of(const struct policy_set *set, const struct inotify_event *e)
{
	if (set->target && e->wd == set->watch)
		return true;
	if (e->len == 0 || e->mask & IN_CREATE)
		return false;
	return strcmp(e->name, e->wd == set->watch ? base_name(set->path) : set->target ? set->target : "") == 0;
}

static void folder_is_gone(struct policy_set *set, const struct inotify_event *e)
{
	if (e->wd == set->target_watch) {
		set->target_watch = -1;
		set->changed = true;
		return;
	}
	log_warning("%s: its folder is gone; the host set stays as it was until a reload", set->path);
	set->watch = -1;
}

static bool note(struct policy_follow *f, const struct inotify_event *e)
{
	bool found = false;

	for (int i = 0; i < f->data->sets_n; i++) {
		struct policy_set *set = &f->data->sets[i];
		bool its = e->wd == set->watch || e->wd == set->target_watch;
		if (its && e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
			folder_is_gone(set, e);
		else if (e->mask & IN_Q_OVERFLOW || (its && is_of(set, e)))
			set->changed = true;
		found |= set->changed;
	}
	return found;
}

static void on_events(struct ev_loop *loop, ev_io *w, int revents)
{
	char bytes[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct policy_follow *f = w->data;
	bool found = false;

	(void)loop; (void)revents;
	ssize_t n = read(w->fd, bytes, sizeof bytes);
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *e = (const struct inotify_event *)(bytes + at);
		found |= note(f, e);
		at += (ssize_t)(sizeof *e + e->len);
	}
	if (!found)
		return;
	uint64_t now = ledger_now_ns();
	if (f->since_ns == 0)
		f->since_ns = now;
	double left = SETTLE_MOST_S - (double)(now - f->since_ns) / 1e9;
	settle_in(f, left > SETTLE_S ? SETTLE_S : left > 0 ? left : 0);
}

void policy_follow_begin(struct policy_follow *f, struct policy_data *data)
{
	struct ev_loop *loop = f->s->loop;

	ev_io_stop(loop, &f->events);
	ev_timer_stop(loop, &f->settle);
	set_maker_abort(&f->maker);
	f->data = data;
	f->since_ns = 0;
	if (!data || data->inotify < 0)
		return;
	ev_io_set(&f->events, data->inotify, EV_READ);
	ev_io_start(loop, &f->events);
}

void policy_follow_init(struct policy_follow *f, struct supervisor *s)
{
	*f = (struct policy_follow){ .s = s };
	set_maker_init(&f->maker, s, &maker_ops, f);
	ev_init(&f->events, on_events);
	ev_init(&f->settle, on_settled);
	f->events.data = f->settle.data = f;
}

void policy_follow_clear(struct policy_follow *f)
{
	if (!f->s)
		return;
	policy_follow_begin(f, NULL);
	set_maker_clear(&f->maker);
}
