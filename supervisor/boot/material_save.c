/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/boot/material_inside.h"

#define FIRST_S 0.05	/* after a start, whose next one shall be quick */
#define LATER_S 2.	/* changes that come one after the other are written together */

void material_save_now(struct material *m)
{
	struct msg q = { .type = MSG_SAVE, .save = { .conf = m->read.conf, .names = m->catalog.info.names,
		.certificates = m->catalog.info.certificates } };
	int fds[MSG_SEGMENTS_MAX], n = m->catalog.fds_n;

	if (!m->read.known || n == 0 || n > MSG_SEGMENTS_MAX - 1 || !child_runs(material_librarian(m)))
		return;
	fds[0] = known_write(m->read.known);
	if (fds[0] < 0) {
		log_warning("the list of files cannot be made: %s", strerror(-fds[0]));
		return;
	}
	memcpy(fds + 1, m->catalog.fds, (size_t)n * sizeof fds[0]);
	child_send(material_librarian(m), &q, fds, 1 + n);
	close(fds[0]);
	m->saved_once = true;
}

static void on_save(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	material_save_now(w->data);
}

void material_save_init(struct material *m)
{
	ev_init(&m->save, on_save);
	m->save.data = m;
}

void material_save_soon(struct material *m)
{
	if (m->s->check || m->stopped || ev_is_active(&m->save))
		return;
	ev_timer_set(&m->save, m->saved_once ? LATER_S : FIRST_S, 0.);
	ev_timer_start(m->s->loop, &m->save);
}

void material_send_stock(struct material *m)
{
	struct msg q = { .type = MSG_STOCK, .stock = { .generation = m->catalog.base } };

	material_send_chain_settings(m, m->s->conf);
	child_send(material_librarian(m), &q, m->catalog.fds, m->catalog.fds_n);
	m->librarian_has = m->catalog.base;
	m->late_store = true;
	if (m->read.known)
		m->read.librarian = m->catalog.base;
}

/* It has them itself. */
static void go_on_from_saved(struct material *m, struct known *k, uint64_t conf)
{
	struct msg q = { .type = MSG_STOCK, .stock = { .generation = ++m->numbers } };

	log_info("certificates that have not changed are taken from the cache directory: %zu files are known", known_count(k));
	material_read_resume(m, k, conf, m->numbers);
	material_send_chain_settings(m, m->wanted);
	child_send(material_librarian(m), &q, NULL, 0);
	m->librarian_has = m->numbers;
	m->late_store = true;
}

static void look_at(struct material *m, uint64_t conf, int fd)
{
	if (conf != material_conf_print(m->wanted)) {
		close(fd);
		log_notice("the catalog in the cache directory is of another configuration and is not used");
		return;
	}
	struct known *k = known_read(fd);
	if (k)
		go_on_from_saved(m, k, conf);
	else
		log_warning("the catalog in the cache directory is not used: its list of files is bad, or of another version");
}

void material_on_saved(struct material *m, const struct msg *msg, struct packet *p)
{
	if (m->awaits_saved && p->nfds == 1 && m->catalog.fds_n == 0 && m->wanted)
		look_at(m, msg->saved.conf, packet_take_fd(p, 0));
	m->awaits_saved = false;
	material_begin(m);
}
