/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/boot/material.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/boot/files.h"
#include "supervisor/opener.h"
#include "supervisor/supervisor.h"

#define IN_FLIGHT 32		/* packets with a descriptor that may wait for a role */
#define RETRY_S 5.

struct catalog_fds {
	int fds[FDPASS_MAX];
	int fds_n;
	struct msg_catalog info;
	uint32_t base;		/* the round whose files it is made of */
};

enum round { ROUND_NONE, ROUND_ALL, ROUND_KEYS };	/* of all files, or of keys for a new keeper */

struct material {
	struct supervisor *s;
	const struct material_ops *ops;
	struct opener opener;
	ev_timer retry;
	bool need_keys, stopped;
	bool prepared;			/* a round of all has ended well; neither commit nor discard yet */
	const struct conf *wanted;	/* a round of all files of it is to begin; or NULL */
	struct catalog_fds catalog, next;
	unsigned stale_readies;		/* the keeper's, for rounds that were broken off */

	/* The round. */
	enum round round;
	const struct conf *conf;	/* whose files they are */
	uint32_t generation, numbers;	/* of the round; the last given, to a round or a catalog */
	uint32_t of_all;		/* of the last round of all files */
	uint64_t begun_ns;
	struct files files;
	int next_entry;		/* to be asked about */
	bool next_is_key;	/* of that entry the chain has been asked for */
	bool store_asked;	/* what it has is needed for the chains of all others */
	size_t at_keeper;	/* files that it has not answered */
	bool keys_ended, keys_ready, certs_ended, catalog_came;
	size_t files_n, certs_asked, certs_answered, keys;
	unsigned errors;
};

static void step(struct material *m);
static void begin(struct material *m);

static struct child *keeper(struct material *m) { return &m->s->keeper; }
static struct child *librarian(struct material *m) { return &m->s->librarian; }

static bool is_of_store(const struct file *file)
{
	return file->kind == FILE_STORE || file->kind == FILE_STORE_FILE;
}

static void report(struct material *m, const struct file *file, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	file_sentence(m->conf, file, what, text, sizeof text);
	m->errors++;
	m->ops->on_error(m->s, text);
}

static void warn(struct material *m, const struct file *file, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	file_sentence(m->conf, file, what, text, sizeof text);
	m->ops->on_warning(m->s, text);
}

static struct file *file_by_id(struct material *m, uint32_t id)
{
	return m->round != ROUND_NONE ? files_find(&m->files, id) : NULL;
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
	m->round = ROUND_NONE;
	child_pause(keeper(m), false);
	opener_pause(&m->opener, false);
	opener_abort(&m->opener);
	files_clear(&m->files);
}

/* Keeper and librarian would take what they were sent for part of the next round. */
static void tell_discard(struct material *m, uint32_t generation)
{
	struct msg q = { .type = MSG_DISCARD, .discard = { .generation = generation } };

	child_send(keeper(m), &q, NULL, 0);
	child_send(librarian(m), &q, NULL, 0);
}

static void break_off(struct material *m)
{
	if (m->round == ROUND_NONE)
		return;
	if (m->keys_ended && !m->keys_ready)
		m->stale_readies++;
	end_round(m);
	tell_discard(m, m->generation);
}

static void retry_later(struct material *m)
{
	ev_timer_stop(m->s->loop, &m->retry);
	ev_timer_set(&m->retry, RETRY_S, 0.);
	ev_timer_start(m->s->loop, &m->retry);
}

/* Without keys no handshake succeeds, so these are tried again; the other round is asked for again. */
static void give_up(struct material *m, const char *why)
{
	char text[512];
	bool all = m->round == ROUND_ALL;

	if (m->round == ROUND_NONE)
		return;
	break_off(m);
	snprintf(text, sizeof text, "certificates and keys could not be read: %s", why);
	if (all) {
		m->ops->on_error(m->s, text);
		m->ops->on_prepared(m->s, m->errors + 1);
		return;
	}
	log_warning("%s", text);
	m->need_keys = true;
	retry_later(m);
}

static void log_round(const struct material *m)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, m->round == ROUND_KEYS ? "keys were read" : "certificates and keys were read");
	log_u64(&l, "generation", m->generation);
	log_u64(&l, "files", m->files_n);
	log_u64(&l, "keys", m->keys);
	if (m->round == ROUND_ALL) {
		log_u64(&l, "certificates", m->next.info.certificates);
		log_u64(&l, "names", m->next.info.names);
	}
	log_u64(&l, "errors", m->errors);
	log_ms(&l, "took", (ledger_now_ns() - m->begun_ns) / 1000000);
	log_end(&l);
}

static void commit_keys(struct material *m)
{
	struct msg q = { .type = MSG_KEYS_COMMIT, .keys_commit = { .generation = m->generation } };

	child_send(keeper(m), &q, NULL, 0);
}

static void finish(struct material *m)
{
	bool all = m->round == ROUND_ALL;
	unsigned errors = m->errors;

	log_round(m);
	end_round(m);
	if (all) {
		m->prepared = true;
		m->ops->on_prepared(m->s, errors);
	} else {
		commit_keys(m);
	}
	begin(m);
}

/* --- the flow --- */

static const enum open_kind open_kinds[] = {
	[FILE_CHAIN] = OPEN_FILE, [FILE_KEY] = OPEN_FILE,
	[FILE_MIXED] = OPEN_FILE, [FILE_DIRECTORY] = OPEN_DIRECTORY, [FILE_STORE] = OPEN_DIRECTORY,
};

static void ask(struct material *m, enum file_kind kind, const char *path)
{
	int64_t id = files_add(&m->files, kind, m->next_entry, path);

	if (id < 0)
		give_up(m, "out of memory");
	else
		opener_ask(&m->opener, open_kinds[kind], path, (uint32_t)id);
}

/* The store comes before all certificates: the librarian builds chains as they come. */
static void ask_store(struct material *m)
{
	const struct conf *conf = m->conf;
	struct chain_order order = conf_chain_order(conf);
	struct msg q = { .type = MSG_CHAIN_SETTINGS, .chain_settings = { .sources = { order.at, order.n },
		.timeout_ms = (uint32_t)(conf->aia.timeout * 1000), .size = (uint32_t)conf->aia.size,
		.private_addresses = conf->aia.private_addresses } };

	m->store_asked = true;
	if (m->round == ROUND_KEYS)
		return;
	child_send(librarian(m), &q, NULL, 0);
	if (chain_order_rank(&order, 1u << CHAIN_STORE) >= 0)
		ask(m, FILE_STORE, conf->chains.store ? conf->chains.store : CONF_STORE);
}

/* One question about the next entry of the configuration. */
static void ask_next(struct material *m)
{
	const struct conf_certificate *e = &m->conf->certificates[m->next_entry];
	bool pair = !e->directory && e->key;

	if (pair && !m->next_is_key) {
		m->next_is_key = true;
		if (m->round == ROUND_ALL)
			ask(m, FILE_CHAIN, e->chain);
		return;
	}
	m->next_is_key = false;
	ask(m, e->directory ? FILE_DIRECTORY : pair ? FILE_KEY : FILE_MIXED, e->directory ? e->directory : pair ? e->key : e->chain);
	m->next_entry++;
}

static bool all_asked(const struct material *m)
{
	return m->next_entry == m->conf->certificates_n;
}

static void ask_more(struct material *m)
{
	if (m->round != ROUND_NONE && !m->store_asked && opener_free(&m->opener))
		ask_store(m);
	while (m->round != ROUND_NONE && m->store_asked && !all_asked(m) && opener_free(&m->opener))
		ask_next(m);
	if (m->round != ROUND_NONE && all_asked(m) && m->opener.asked == 0)
		opener_finish(&m->opener);
}

static void to_keeper(struct material *m, uint32_t id, const struct file *file, int fd)
{
	struct msg q = { .type = MSG_KEY_FILE_REQ, .id = id,
		.key_file_req = { .mixed = file->kind != FILE_KEY, .path = file->path } };

	m->at_keeper++;
	child_send(keeper(m), &q, &fd, 1);
}

static void to_librarian(struct material *m, uint32_t id, const struct file *file, int fd)
{
	const char *key = file->kind == FILE_CHAIN ? m->conf->certificates[file->entry].key : "";
	/* No place in the configuration: reports begin with it here. */
	struct msg q = { .type = MSG_CERT_FILE_REQ, .id = id,
		.cert_file_req = { .store = is_of_store(file), .path = file->path, .key_path = key, .where = "" } };

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
	struct msg q = { .type = MSG_KEYS_END, .id = m->generation, .keys_end = { .generation = m->generation } };

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
	if (m->round == ROUND_KEYS)
		return true;
	/* Without a catalog only if there is an error that explains it. */
	return m->certs_ended && m->certs_answered == m->certs_asked && (m->catalog_came || m->errors > 0);
}

static void step(struct material *m)
{
	if (m->round == ROUND_NONE)
		return;
	ask_more(m);
	if (m->round != ROUND_NONE && all_asked(m) && m->opener.asked == 0 && m->at_keeper == 0 && !m->keys_ended)
		end_keys(m);
	if (m->round == ROUND_ALL && m->keys_ready && !m->certs_ended)
		end_certs(m);
	if (m->round == ROUND_NONE)
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

static bool can_begin(struct material *m)
{
	if (m->round != ROUND_NONE || m->stopped || !there(keeper(m)))
		return false;
	if (m->need_keys)
		return !ev_is_active(&m->retry);
	return m->wanted && there(librarian(m));
}

static void begin(struct material *m)
{
	if (!can_begin(m))
		return;
	m->round = m->need_keys ? ROUND_KEYS : ROUND_ALL;
	m->conf = m->need_keys ? m->s->conf : m->wanted;
	if (m->need_keys)
		m->need_keys = false;
	else
		m->wanted = NULL;
	m->generation = ++m->numbers;
	if (m->round == ROUND_ALL)
		m->of_all = m->generation;
	m->begun_ns = ledger_now_ns();
	m->next_entry = 0;
	m->store_asked = m->next_is_key = m->keys_ended = m->keys_ready = m->certs_ended = m->catalog_came = false;
	m->at_keeper = m->files_n = m->certs_asked = m->certs_answered = m->keys = 0;
	m->errors = 0;
	step(m);
}

/* --- the opener --- */

/* A folder of the system's that is not there was not asked for by anybody; one bad file of a store is not a bad store. */
static void not_opened(struct material *m, const struct file *file, const char *path, const char *error)
{
	struct file named = { file->kind, file->entry, (char *)(size_t)path };
	bool folder = is_of_store(file) && strcmp(path, file->path) == 0;

	if (!*error)
		error = "the opener sent no descriptor";
	if (!is_of_store(file) || (folder && m->conf->chains.store))
		report(m, &named, error);
	else if (folder)
		log_info("there is no store of chains: %s %s", path, error);
	else
		warn(m, &named, error);
}

/* A file of a folder, whose own entry moves when another is added. */
static void on_folder_file(struct material *m, struct file folder, const char *path, int fd)
{
	bool store = folder.kind == FILE_STORE;
	int64_t id = files_add(&m->files, store ? FILE_STORE_FILE : FILE_MIXED, folder.entry, path);
	struct file *file = id < 0 ? NULL : files_find(&m->files, (uint32_t)id);

	if (!file)
		give_up(m, "out of memory");
	else if (store)
		to_librarian(m, (uint32_t)id, file, fd);
	else
		to_keeper(m, (uint32_t)id, file, fd);
}

static void on_file(void *data, uint32_t id, const char *path, const char *error, int fd)
{
	struct material *m = data;
	struct file *file = file_by_id(m, id);

	m->files_n += file && !is_of_store(file);
	if (file && fd < 0)
		not_opened(m, file, path, error);
	else if (file && open_kinds[file->kind] == OPEN_DIRECTORY)
		on_folder_file(m, *file, path, fd);
	else if (file && file->kind == FILE_CHAIN)
		to_librarian(m, id, file, fd);
	else if (file)
		to_keeper(m, id, file, fd);
	if (fd >= 0)
		close(fd);
	if (m->round != ROUND_NONE)
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
	char text[256];

	snprintf(text, sizeof text, "the opener ended: %s", why);
	give_up(data, text);
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
	struct file *file = file_by_id(m, msg->id);

	if (!file || m->at_keeper == 0)
		return;
	m->at_keeper--;
	m->keys += a->keys;
	if (*a->error)
		report(m, file, a->error);
	else if (p->nfds == 1 && m->round == ROUND_ALL)
		to_librarian(m, msg->id, file, p->fds[0]);
}

static void on_key_ids(struct material *m, const struct msg *msg)
{
	if (m->round == ROUND_ALL && msg->id == m->generation)
		child_send(librarian(m), msg, NULL, 0);
}

static void on_cert_file_ans(struct material *m, const struct msg *msg)
{
	struct file *file = file_by_id(m, msg->id);

	if (!file)
		return;
	m->certs_answered++;
	if (*msg->cert_file_ans.error)
		report(m, file, msg->cert_file_ans.error);
	else if (*msg->cert_file_ans.warning)
		warn(m, file, msg->cert_file_ans.warning);
}

static void take_catalog(struct catalog_fds *c, uint32_t generation, const struct msg *msg, struct packet *p)
{
	close_catalog(c);
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
static void on_catalog(struct material *m, const struct msg *msg, struct packet *p)
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
	}
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

void material_on_keeper(struct material *m)
{
	begin(m);
}

/* It is ready after its first round. Without one to come, that is an empty one, whose catalog nobody takes. */
void material_on_librarian(struct material *m)
{
	struct msg q = { .type = MSG_CERTS_END };

	if (!m->wanted && m->catalog.fds_n > 0)
		child_send(librarian(m), &q, NULL, 0);
	begin(m);
}

void material_on_keys_ready(struct material *m)
{
	if (m->stale_readies > 0) {
		m->stale_readies--;
		return;
	}
	if (m->round == ROUND_NONE || !m->keys_ended)
		return;
	m->keys_ready = true;
	step(m);
}

void material_on_flushed(struct material *m)
{
	step(m);
}

/* What the librarian made is here already; the keeper's part is gone with it. */
void material_on_down(struct material *m, const struct child *who)
{
	bool lost = m->prepared && who == keeper(m);
	char text[256];

	if (who == keeper(m))
		m->stale_readies = 0;
	snprintf(text, sizeof text, "the %s ended: %s", role_name(who->role), who->last_death);
	give_up(m, text);
	if (who == keeper(m))
		m->stale_readies = 0;
	if (!lost)
		return;
	m->prepared = false;
	tell_discard(m, m->of_all);
	m->ops->on_error(m->s, text);
	m->ops->on_prepared(m->s, 1);
}

/* --- from outside --- */

void material_prepare(struct material *m, const struct conf *conf)
{
	m->wanted = conf;
	begin(m);
}

void material_commit(struct material *m)
{
	if (!m->prepared)
		return;
	m->prepared = false;
	close_catalog(&m->catalog);
	m->catalog = m->next;
	m->next.fds_n = 0;
}

void material_settle(struct material *m)
{
	commit_keys(m);
}

void material_discard(struct material *m)
{
	m->wanted = NULL;
	if (m->round == ROUND_ALL)
		break_off(m);
	else if (m->prepared)
		tell_discard(m, m->of_all);
	m->prepared = false;
	close_catalog(&m->next);
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
	if (m->round != ROUND_NONE)
		end_round(m);
}

void material_free(struct material *m)
{
	if (!m)
		return;
	material_stop(m);
	opener_clear(&m->opener);
	close_catalog(&m->catalog);
	close_catalog(&m->next);
	free(m);
}
