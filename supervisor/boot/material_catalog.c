/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <unistd.h>

#include "supervisor/boot/material_inside.h"

void material_close_catalog(struct catalog_fds *c)
{
	for (int i = 0; i < c->fds_n; i++)
		close(c->fds[i]);
	c->fds_n = 0;
}

static void take_catalog(struct catalog_fds *c, uint32_t generation, const struct msg *msg, struct packet *p)
{
	material_close_catalog(c);
	c->info = msg->catalog;
	c->base = msg->catalog.generation;
	c->info.generation = generation;
	c->fds_n = p->nfds;
	for (int i = 0; i < p->nfds; i++)
		c->fds[i] = packet_take_fd(p, i);
}

/*
 * The answer to a round; or what nobody has asked for: the same files with a
 * link that has come since. That goes to where the catalog of those files is:
 * prepared, in force, or nowhere any more.
 */
void material_on_catalog(struct material *m, const struct msg *msg, struct packet *p)
{
	uint32_t base = msg->catalog.generation;

	if (m->round == ROUND_ALL && base == m->generation) {
		m->catalog_came = true;
		take_catalog(&m->next, base, msg, p);
	} else if (m->next.fds_n > 0 && base == m->next.base) {
		take_catalog(&m->next, ++m->numbers, msg, p);
	} else if (m->catalog.fds_n > 0 && base == m->catalog.base) {
		take_catalog(&m->catalog, ++m->numbers, msg, p);
		m->ops->on_catalog(m->s);
		material_save_soon(m);
	}
}

/* Ordered ones first: they have no name of the files', and what hides a name there must not hide theirs. */
static int all_segments(const struct material *m, int fds[MSG_SEGMENTS_MAX])
{
	int n = m->catalog.fds_n, before = n > 0 && n < MSG_SEGMENTS_MAX && m->ordered.fd >= 0;

	if (before)
		fds[0] = m->ordered.fd;
	memcpy(fds + before, m->catalog.fds, (size_t)n * sizeof *fds);
	return n + before;
}

void material_set_ordered(struct material *m, const struct msg_ordered *info, int fd)
{
	if (m->ordered.fd >= 0)
		close(m->ordered.fd);
	m->ordered = (struct ordered){ fd, *info };
	if (m->catalog.fds_n == 0)
		return;
	m->catalog.info.generation = ++m->numbers;
	m->ops->on_catalog(m->s);
}

bool material_send_catalog(const struct material *m, struct child *worker)
{
	struct msg q = { .type = MSG_CATALOG, .catalog = m->catalog.info };
	int fds[MSG_SEGMENTS_MAX], n = all_segments(m, fds);

	if (n == 0)
		return false;
	material_counts(m, &q.catalog.names, &q.catalog.certificates);
	child_send(worker, &q, fds, n);
	return true;
}

int material_catalog(struct material *m, const int **fds, uint32_t *generation)
{
	if (!m)
		return 0;
	*fds = m->all;
	*generation = m->catalog.info.generation;
	return all_segments(m, m->all);
}

void material_counts(const struct material *m, uint32_t *names, uint32_t *certificates)
{
	*names = m->catalog.info.names + m->ordered.info.names;
	*certificates = m->catalog.info.certificates + m->ordered.info.certificates;
}
