/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that the keeper has made in runs before: the opener opens the files
 * of their folder, the keeper reads them, the librarian learns which there are.
 * What is wrong with one of them hinders nothing: another certificate is ordered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/acme_inside.h"
#include "supervisor/workers.h"

#define IN_FLIGHT 32		/* packets with a descriptor that may wait for the keeper */
#define IDS_IN_A_MESSAGE 256

static struct child *keeper(struct acme *a) { return &a->s->keeper; }

static void control_flow(struct acme *a)
{
	opener_pause(&a->loader, channel_pending(&keeper(a)->channel) >= IN_FLIGHT);
}

static void send_last(struct acme *a)
{
	struct msg m = { .type = MSG_OWN_KEY, .own_key = { .last = 1, .path = "" } };

	opener_pause(&a->loader, false);
	child_send(keeper(a), &m, NULL, 0);
}

void acme_load_keys(struct acme *a)
{
	char path[MSG_PATH_MAX];

	if (a->stopped || !worker_is_served(keeper(a)))
		return;
	a->again = a->loading;
	if (a->loading)
		return;
	a->loading = true;
	a->loaded = false;
	a->ids_n = 0;
	snprintf(path, sizeof path, "%s/" STATE_KEYS, a->s->conf->state_directory);
	opener_ask(&a->loader, OPEN_DIRECTORY, path, 0);
}

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct acme *a = data;
	struct msg m = { .type = MSG_OWN_KEY, .own_key = { .path = path } };

	(void)id; (void)stamp;
	if (fd < 0)
		log_warning("acme: %s: %s", path, error);
	else
		child_send(keeper(a), &m, &fd, 1);
	if (fd >= 0)
		close(fd);
	control_flow(a);
}

static void on_end(void *data, uint32_t id)
{
	struct acme *a = data;

	(void)id;
	opener_finish(&a->loader);
	send_last(a);
}

static void on_free(void *data)
{
	(void)data;
}

static void on_failed(void *data, const char *why)
{
	struct acme *a = data;

	log_warning("acme: the private keys of certificates that were ordered could not be opened: %s", why);
	send_last(a);
}

static const struct opener_ops opener_ops = {
	.on_file = on_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

/* ---- which there are ---- */

static void add_id(struct acme *a, struct bytes id)
{
	uint8_t *ids = id.size == KEY_ID_BYTES ? realloc(a->ids, (a->ids_n + 1) * KEY_ID_BYTES) : NULL;

	if (!ids)
		return;		/* another certificate is ordered in the place of that with this key */
	memcpy(ids + a->ids_n++ * KEY_ID_BYTES, id.data, KEY_ID_BYTES);
	a->ids = ids;
}

void acme_send_key_ids(struct acme *a)
{
	struct msg m = { .type = MSG_OWN_KEY_IDS };
	size_t at = 0;

	do {
		size_t n = a->ids_n - at < IDS_IN_A_MESSAGE ? a->ids_n - at : IDS_IN_A_MESSAGE;
		m.own_key_ids.ids = (struct bytes){ a->ids + at * KEY_ID_BYTES, n * KEY_ID_BYTES };
		at += n;
		m.own_key_ids.last = at == a->ids_n;
		child_send(&a->s->librarian, &m, NULL, 0);
	} while (at < a->ids_n);
}

void acme_on_own_key(struct acme *a, const struct msg *m)
{
	const struct msg_own_key_ans *ans = &m->own_key_ans;

	if (*ans->error)
		log_warning("acme: %s %s", ans->path, ans->error);
	if (ans->key_id.size > 0)
		add_id(a, ans->key_id);
	control_flow(a);
	if (!ans->last)
		return;
	a->loading = false;
	a->loaded = true;
	if (worker_is_served(&a->s->librarian))
		acme_send_key_ids(a);
	if (a->again)
		acme_load_keys(a);
}

/* The next one reads them anew. */
void acme_keys_keeper_down(struct acme *a)
{
	opener_pause(&a->loader, false);
	opener_abort(&a->loader);
	a->loading = a->again = false;
}

void acme_keys_init(struct acme *a)
{
	opener_init(&a->loader, a->s, &opener_ops, a);
}

void acme_keys_clear(struct acme *a)
{
	opener_clear(&a->loader);
	free(a->ids);
}
