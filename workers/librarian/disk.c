/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/librarian.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/librarian/resume.h"

static void say_found(struct librarian *l, const struct saved *s)
{
	struct msg m = { .type = MSG_SAVED, .saved = { .conf = s->conf } };
	int rc = msg_send(&l->self.channel, &m, s->fds, s->n > 0);

	if (rc < 0)
		librarian_answer_lost(l, rc);
}

/* Of no use is no loss: all is read as if it were not there. */
static void look_for_saved(struct librarian *l)
{
	struct saved s = { .n = 0 };
	struct log_line line;
	const char *why = "";

	int rc = l->saved < 0 ? 0 : saved_read(l->saved, &s, &why);
	if (rc == 0 && s.n > 0) {
		l->found = resume_stock(s.fds + 1, s.n - 1, l->brought);
		why = "its segments are bad, or of another version";
		rc = l->found ? 0 : -errno;
	}
	if (rc < 0) {
		log_begin(&line, LOG_LEVEL_WARNING, "the catalog in the cache directory is not used");
		log_str(&line, "why", why);
		log_end(&line);
	}
	if (!l->found)
		saved_close(&s);
	say_found(l, &s);
	saved_close(&s);
}

void disk_save(struct librarian *l, const struct msg_save *m, struct packet *p)
{
	struct saved s = { .conf = m->conf, .names = m->names, .certificates = m->certificates };
	struct log_line line;

	for (int i = 0; i < p->nfds; i++)
		s.fds[s.n++] = p->fds[i];
	int rc = l->saved < 0 ? 0 : saved_write(l->saved, &s, &l->seen);
	if (rc == 0)
		return;
	log_begin(&line, LOG_LEVEL_WARNING, "the catalog cannot be written to the cache directory: the next start makes it anew");
	log_str(&line, "why", strerror(-rc));
	log_end(&line);
}

/* It goes on from what is in force: ready, without having made anything. */
void disk_go_on(struct librarian *l, uint32_t generation, const struct packet *p)
{
	struct stock *s = p->nfds > 0 ? resume_stock(p->fds, p->nfds, l->brought) : l->found ? stock_ref(l->found) : NULL;

	stock_unref(l->found);
	l->found = NULL;
	if (!s) {
		librarian_fail(l, "the catalog in force cannot be understood", p->nfds > 0 ? -errno : -EBADMSG);
		return;
	}
	round_resume(l->round, s, generation);
	round_free(l->before);
	round_free(l->current);
	l->before = NULL;
	l->current = l->round;
	l->round = NULL;
	l->store_comes = true;
	acme_review(l->acme);
	current_start(l);
	ledger_set(&l->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], generation);
	if (!l->ready && role_ready(&l->self) < 0)
		l->stop = true;
	l->ready = true;
}

static void on_record(void *data, const struct record *r)
{
	struct librarian *l = data;

	ledger_heartbeat(&l->self.ledger, ledger_now_ns());	/* there may be many, on a slow disk */
	fetches_on_record(l->fetches, r);
	staples_on_record(l->staples, r);
}

void disk_open(struct librarian *l)
{
	int dir = l->saved < 0 || l->cache ? -1 : fcntl(l->saved, F_DUPFD_CLOEXEC, 0);

	if (dir >= 0)
		l->cache = cache_new(dir);
	int rc = l->cache ? cache_load(l->cache, on_record, l) : l->saved < 0 ? 0 : -ENOMEM;
	if (rc < 0)
		log_warning("the cache cannot be read: %s", strerror(-rc));
	fetches_begin(l->fetches, l->cache);
	staples_begin(l->staples, l->cache);
	look_for_saved(l);
}
