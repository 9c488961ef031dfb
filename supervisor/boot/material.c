/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/boot/material.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/opener.h"
#include "supervisor/supervisor.h"

#define IN_FLIGHT 32		/* packets with a descriptor that may wait for a role */
#define RETRY_S 5.

enum kind { ITEM_CHAIN, ITEM_KEY, ITEM_MIXED, ITEM_DIRECTORY, ITEM_STORE, ITEM_STORE_FILE };

/* A file, or a question to the opener; its place in the list is its id in messages. */
struct item {
	enum kind kind;
	int entry;		/* of the configuration's certificates; not of the store */
	char *path;		/* owned */
};

struct catalog_fds {
	int fds[FDPASS_MAX];
	int fds_n;
	struct msg_catalog info;
};

struct material {
	struct supervisor *s;
	const struct material_ops *ops;
	struct opener opener;
	ev_timer retry;
	bool need_all, need_keys, stopped;
	struct catalog_fds catalog;

	/* The round. */
	bool running, keys_only;
	uint32_t generation;
	uint64_t begun_ns;
	struct item *items;
	size_t items_n, items_cap;
	int next_entry;		/* to be asked about */
	bool next_is_key;	/* of that entry the chain has been asked for */
	bool store_asked;	/* what it has is needed for the chains of all others */
	size_t at_keeper;	/* files that it has not answered */
	bool keys_ended, keys_ready, certs_ended, catalog_came;
	size_t files, certs_asked, certs_answered, keys;
	unsigned errors;
};

static void step(struct material *m);
static void begin(struct material *m);

static struct child *keeper(struct material *m) { return &m->s->keeper; }
static struct child *librarian(struct material *m) { return &m->s->librarian; }

static const struct conf_certificate *entry_of(const struct material *m, const struct item *it)
{
	return &m->s->conf->certificates[it->entry];
}

static bool is_of_store(const struct item *it)
{
	return it->kind == ITEM_STORE || it->kind == ITEM_STORE_FILE;
}

/* "FILE:LINE: PATH: WHAT"; a role may have named the file already. */
static void sentence(const struct material *m, const struct item *it, const char *what, char *text, size_t size)
{
	bool named = strstr(what, it->path) != NULL;
	const char *path = named ? "" : it->path, *gap = named ? "" : ": ";

	if (is_of_store(it)) {
		snprintf(text, size, "chains.store: %s%s%s", path, gap, what);
		return;
	}
	const struct conf_where *w = &entry_of(m, it)->where;
	snprintf(text, size, "%s:%u: %s%s%s", w->file, w->line, path, gap, what);
}

static void report(struct material *m, const struct item *it, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	sentence(m, it, what, text, sizeof text);
	m->errors++;
	m->ops->on_error(m->s, text);
}

static void warn(struct material *m, const struct item *it, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	sentence(m, it, what, text, sizeof text);
	m->ops->on_warning(m->s, text);
}

/* Returns the item's id, or -1 without memory (the round cannot go on then). */
static int64_t add_item(struct material *m, enum kind kind, int entry, const char *path)
{
	if (m->items_n == m->items_cap) {
		size_t cap = m->items_cap ? 2 * m->items_cap : 64;
		struct item *items = reallocarray(m->items, cap, sizeof *items);
		if (!items)
			return -1;
		m->items = items;
		m->items_cap = cap;
	}
	char *copy = strdup(path);
	if (!copy)
		return -1;
	m->items[m->items_n] = (struct item){ .kind = kind, .entry = entry, .path = copy };
	return (int64_t)m->items_n++;
}

static struct item *item_by_id(struct material *m, uint32_t id)
{
	return m->running && id < m->items_n ? &m->items[id] : NULL;
}

static void free_items(struct material *m)
{
	for (size_t i = 0; i < m->items_n; i++)
		free(m->items[i].path);
	free(m->items);
	m->items = NULL;
	m->items_n = m->items_cap = 0;
}

static void close_catalog(struct catalog_fds *c)
{
	for (int i = 0; i < c->fds_n; i++)
		close(c->fds[i]);
	c->fds_n = 0;
}

/* --- the end of a round --- */

static void end_round(struct material *m)
{
	m->running = false;
	child_pause(keeper(m), false);
	opener_pause(&m->opener, false);
	opener_abort(&m->opener);
	free_items(m);
}

static void retry_later(struct material *m)
{
	ev_timer_stop(m->s->loop, &m->retry);
	ev_timer_set(&m->retry, RETRY_S, 0.);
	ev_timer_start(m->s->loop, &m->retry);
}

static void give_up(struct material *m, const char *why)
{
	struct log_line l;

	if (!m->running)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "reading certificates and keys was broken off");
	log_u64(&l, "generation", m->generation);
	log_str(&l, "why", why);
	log_end(&l);
	if (m->keys_only)
		m->need_keys = true;
	else
		m->need_all = true;
	bool half_told = m->certs_asked > 0;
	end_round(m);
	/* It would take what it was told for part of the next round. */
	if (half_told && child_runs(librarian(m)))
		child_replace(librarian(m), "the files that it was sent are incomplete");
}

static void finish(struct material *m)
{
	bool fresh = m->catalog_came && m->errors == 0;
	unsigned errors = m->errors;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, m->keys_only ? "keys were read" : "certificates and keys were read");
	log_u64(&l, "generation", m->generation);
	log_u64(&l, "files", m->files);
	log_u64(&l, "keys", m->keys);
	if (!m->keys_only) {
		log_u64(&l, "certificates", m->catalog.info.certificates);
		log_u64(&l, "names", m->catalog.info.names);
	}
	log_u64(&l, "errors", errors);
	log_ms(&l, "took", (ledger_now_ns() - m->begun_ns) / 1000000);
	log_end(&l);
	end_round(m);
	m->ops->on_done(m->s, errors, fresh);
	begin(m);
}

/* --- the flow --- */

static const enum open_kind open_kinds[] = {
	[ITEM_CHAIN] = OPEN_FILE, [ITEM_KEY] = OPEN_FILE,
	[ITEM_MIXED] = OPEN_FILE, [ITEM_DIRECTORY] = OPEN_DIRECTORY, [ITEM_STORE] = OPEN_DIRECTORY,
};

static void ask(struct material *m, enum kind kind, const char *path)
{
	int64_t id = add_item(m, kind, m->next_entry, path);

	if (id < 0)
		give_up(m, "out of memory");
	else
		opener_ask(&m->opener, open_kinds[kind], path, (uint32_t)id);
}

/* The store comes before all certificates: the librarian builds chains as they come. */
static void ask_store(struct material *m)
{
	const struct conf *conf = m->s->conf;
	struct chain_order order = conf_chain_order(conf);
	struct msg q = { .type = MSG_CHAIN_SETTINGS, .chain_settings.sources = { order.at, order.n } };

	m->store_asked = true;
	if (m->keys_only)
		return;
	child_send(librarian(m), &q, NULL, 0);
	if (chain_order_rank(&order, 1u << CHAIN_STORE) >= 0)
		ask(m, ITEM_STORE, conf->chains.store ? conf->chains.store : CONF_STORE);
}

/* One question about the next entry of the configuration. */
static void ask_next(struct material *m)
{
	const struct conf_certificate *e = &m->s->conf->certificates[m->next_entry];
	bool pair = !e->directory && e->key;

	if (pair && !m->next_is_key) {
		m->next_is_key = true;
		if (!m->keys_only)
			ask(m, ITEM_CHAIN, e->chain);
		return;
	}
	m->next_is_key = false;
	ask(m, e->directory ? ITEM_DIRECTORY : pair ? ITEM_KEY : ITEM_MIXED, e->directory ? e->directory : pair ? e->key : e->chain);
	m->next_entry++;
}

static bool all_asked(const struct material *m)
{
	return m->next_entry == m->s->conf->certificates_n;
}

static void ask_more(struct material *m)
{
	if (m->running && !m->store_asked && opener_free(&m->opener))
		ask_store(m);
	while (m->running && m->store_asked && !all_asked(m) && opener_free(&m->opener))
		ask_next(m);
	if (m->running && all_asked(m) && m->opener.asked == 0)
		opener_finish(&m->opener);
}

static void to_keeper(struct material *m, uint32_t id, const struct item *it, int fd)
{
	struct msg q = { .type = MSG_KEY_FILE_REQ, .id = id,
		.key_file_req = { .mixed = it->kind != ITEM_KEY, .path = it->path } };

	m->at_keeper++;
	child_send(keeper(m), &q, &fd, 1);
}

static void to_librarian(struct material *m, uint32_t id, const struct item *it, int fd)
{
	const char *key = it->kind == ITEM_CHAIN ? entry_of(m, it)->key : "";
	/* No place in the configuration: reports begin with it here. */
	struct msg q = { .type = MSG_CERT_FILE_REQ, .id = id,
		.cert_file_req = { .store = is_of_store(it), .path = it->path, .key_path = key, .where = "" } };

	m->certs_asked++;
	child_send(librarian(m), &q, &fd, 1);
}

/* Not more descriptors in flight than a role takes. */
static void control_flow(struct material *m)
{
	bool librarian_full = channel_pending(&librarian(m)->channel) >= IN_FLIGHT;
	bool keeper_full = m->at_keeper >= IN_FLIGHT || channel_pending(&keeper(m)->channel) >= IN_FLIGHT;

	child_pause(keeper(m), librarian_full);
	opener_pause(&m->opener, librarian_full || keeper_full);
}

static void end_keys(struct material *m)
{
	struct msg q = { .type = MSG_KEYS_END, .keys_end = { .generation = m->generation } };

	m->keys_ended = true;
	child_send(keeper(m), &q, NULL, 0);
}

static void end_certs(struct material *m)
{
	struct msg q = { .type = MSG_CERTS_END, .certs_end = { .generation = m->generation } };

	m->certs_ended = true;
	child_send(librarian(m), &q, NULL, 0);
}

static bool complete(const struct material *m)
{
	if (!m->keys_ready)
		return false;
	if (m->keys_only)
		return true;
	/* Without a catalog only if there is an error that explains it. */
	return m->certs_ended && m->certs_answered == m->certs_asked && (m->catalog_came || m->errors > 0);
}

static void step(struct material *m)
{
	if (!m->running)
		return;
	ask_more(m);
	if (m->running && all_asked(m) && m->opener.asked == 0 && m->at_keeper == 0 && !m->keys_ended)
		end_keys(m);
	if (m->running && m->keys_ready && !m->keys_only && !m->certs_ended)
		end_certs(m);
	if (!m->running)
		return;
	control_flow(m);
	child_progress(keeper(m));
	child_progress(librarian(m));
	if (complete(m))
		finish(m);
}

static bool there(const struct child *c)
{
	return child_runs(c) && c->introduced && (c->state == CHILD_STARTING || c->state == CHILD_READY);
}

static void begin(struct material *m)
{
	if (m->running || m->stopped || !(m->need_all || m->need_keys) || !there(keeper(m)) ||
	    (m->need_all && !there(librarian(m))) || ev_is_active(&m->retry))
		return;
	m->running = true;
	m->keys_only = !m->need_all;
	m->need_all = m->need_keys = false;
	m->generation++;
	m->begun_ns = ledger_now_ns();
	m->next_entry = 0;
	m->store_asked = m->next_is_key = m->keys_ended = m->keys_ready = m->certs_ended = m->catalog_came = false;
	m->at_keeper = m->files = m->certs_asked = m->certs_answered = m->keys = 0;
	m->errors = 0;
	step(m);
}

/* --- the opener --- */

/* A folder of the system's that is not there was not asked for by anybody; one bad file of a store is not a bad store. */
static void not_opened(struct material *m, const struct item *it, const char *path, const char *error)
{
	struct item named = { it->kind, it->entry, (char *)(size_t)path };
	bool folder = is_of_store(it) && strcmp(path, it->path) == 0;

	if (!*error)
		error = "the opener sent no descriptor";
	if (!is_of_store(it) || (folder && m->s->conf->chains.store))
		report(m, &named, error);
	else if (folder)
		log_info("there is no store of chains: %s %s", path, error);
	else
		warn(m, &named, error);
}

/* A file of a folder, whose item moves when another is added. */
static void on_folder_file(struct material *m, struct item folder, const char *path, int fd)
{
	bool store = folder.kind == ITEM_STORE;
	int64_t file = add_item(m, store ? ITEM_STORE_FILE : ITEM_MIXED, folder.entry, path);

	if (file < 0)
		give_up(m, "out of memory");
	else if (store)
		to_librarian(m, (uint32_t)file, &m->items[file], fd);
	else
		to_keeper(m, (uint32_t)file, &m->items[file], fd);
}

static void on_file(void *data, uint32_t id, const char *path, const char *error, int fd)
{
	struct material *m = data;
	struct item *it = item_by_id(m, id);

	m->files += it && !is_of_store(it);
	if (it && fd < 0)
		not_opened(m, it, path, error);
	else if (it && open_kinds[it->kind] == OPEN_DIRECTORY)
		on_folder_file(m, *it, path, fd);
	else if (it && it->kind == ITEM_CHAIN)
		to_librarian(m, id, it, fd);
	else if (it)
		to_keeper(m, id, it, fd);
	if (fd >= 0)
		close(fd);
	if (m->running)
		control_flow(m);
}

static void on_end(void *data, uint32_t id)
{
	(void)data; (void)id;
}

static void on_free(void *data)
{
	step(data);
}

static void on_failed(void *data, const char *why)
{
	struct material *m = data;
	char text[256];

	if (!m->running)
		return;
	snprintf(text, sizeof text, "the opener ended: %s", why);
	give_up(m, text);
	if (!supervisor_broke(m->s, text))
		retry_later(m);
}

static const struct opener_ops opener_ops = {
	.on_file = on_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	begin(w->data);
}

/* --- keeper and librarian --- */

static void on_key_file_ans(struct material *m, const struct msg *msg, struct packet *p)
{
	const struct msg_key_file_ans *a = &msg->key_file_ans;
	struct item *it = item_by_id(m, msg->id);

	if (!it || m->at_keeper == 0)
		return;
	m->at_keeper--;
	m->keys += a->keys;
	if (*a->error)
		report(m, it, a->error);
	else if (p->nfds == 1 && !m->keys_only)
		to_librarian(m, msg->id, it, p->fds[0]);
}

static void on_key_ids(struct material *m, const struct msg *msg)
{
	if (m->running && !m->keys_only)
		child_send(librarian(m), msg, NULL, 0);
}

static void on_cert_file_ans(struct material *m, const struct msg *msg)
{
	struct item *it = item_by_id(m, msg->id);

	if (!it)
		return;
	m->certs_answered++;
	if (*msg->cert_file_ans.error)
		report(m, it, msg->cert_file_ans.error);
	else if (*msg->cert_file_ans.warning)
		warn(m, it, msg->cert_file_ans.warning);
}

static void on_catalog(struct material *m, const struct msg *msg, struct packet *p)
{
	if (!m->running || m->keys_only)
		return;
	m->catalog_came = true;
	/* With errors the one in use stays. */
	if (m->errors > 0)
		return;
	close_catalog(&m->catalog);
	m->catalog.info = msg->catalog;
	m->catalog.fds_n = p->nfds;
	for (int i = 0; i < p->nfds; i++)
		m->catalog.fds[i] = packet_take_fd(p, i);
}

void material_on_message(struct material *m, const struct msg *msg, struct packet *p)
{
	switch (msg->type) {
	case MSG_KEY_FILE_ANS: on_key_file_ans(m, msg, p); break;
	case MSG_KEY_IDS: on_key_ids(m, msg); break;
	case MSG_CERT_FILE_ANS: on_cert_file_ans(m, msg); break;
	case MSG_CATALOG: on_catalog(m, msg, p); break;
	default: break;
	}
	step(m);
}

void material_on_introduced(struct material *m)
{
	begin(m);
}

void material_on_keys_ready(struct material *m)
{
	if (!m->running || !m->keys_ended)
		return;
	m->keys_ready = true;
	step(m);
}

void material_on_flushed(struct material *m)
{
	step(m);
}

void material_on_down(struct material *m)
{
	give_up(m, "keeper or librarian ended");
}

void material_need_all(struct material *m)
{
	m->need_all = true;
	begin(m);
}

void material_need_keys(struct material *m)
{
	m->need_keys = true;
	begin(m);
}

bool material_send_catalog(const struct material *m, struct child *worker)
{
	struct msg q = { .type = MSG_CATALOG, .catalog = m->catalog.info };

	if (m->catalog.fds_n == 0)
		return false;
	child_send(worker, &q, m->catalog.fds, m->catalog.fds_n);
	return true;
}

int material_catalog(const struct material *m, const int **fds, uint32_t *generation)
{
	if (!m)
		return 0;
	*fds = m->catalog.fds;
	*generation = m->catalog.info.generation;
	return m->catalog.fds_n;
}

void material_counts(const struct material *m, uint32_t *names, uint32_t *certificates)
{
	*names = m->catalog.info.names;
	*certificates = m->catalog.info.certificates;
}

struct material *material_new(struct supervisor *s, const struct material_ops *ops)
{
	struct material *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->s = s;
	m->ops = ops;
	opener_init(&m->opener, s, &opener_ops, m);
	ev_init(&m->retry, on_retry);
	m->retry.data = m;
	return m;
}

void material_stop(struct material *m)
{
	m->stopped = true;
	ev_timer_stop(m->s->loop, &m->retry);
	if (m->running)
		end_round(m);
}

void material_free(struct material *m)
{
	if (!m)
		return;
	material_stop(m);
	opener_clear(&m->opener);
	close_catalog(&m->catalog);
	free(m);
}
