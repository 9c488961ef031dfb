/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/boot/material_inside.h"

/* --- questions --- */

static bool is_of_store(const struct file *file)
{
	return file->kind == FILE_STORE || file->kind == FILE_STORE_FILE;
}

static const enum open_kind open_kinds[] = {
	[FILE_CHAIN] = OPEN_FILE, [FILE_KEY] = OPEN_FILE,
	[FILE_MIXED] = OPEN_FILE, [FILE_DIRECTORY] = OPEN_DIRECTORY, [FILE_STORE] = OPEN_DIRECTORY,
};

static uint32_t known_group(const struct material *m, enum file_kind kind)
{
	return m->known_told && !(kind == FILE_STORE && m->store_anew) ? file_group(kind, m->next_entry) : 0;
}

/* A keeper that has none of before gets the keys of files that have not changed, too. */
static bool with_known(const struct material *m, enum file_kind kind)
{
	return !m->keys_go_on && kind != FILE_CHAIN && kind != FILE_STORE;
}

static void ask(struct material *m, enum file_kind kind, const char *path)
{
	int64_t id = files_add(&m->files, kind, m->next_entry, path);

	if (id < 0)
		material_give_up(m, "out of memory");
	else
		opener_ask_group(&m->opener, open_kinds[kind], known_group(m, kind), with_known(m, kind), path, (uint32_t)id);
}

static bool tell_opener_what_is_known(struct material *m)
{
	m->known_told = m->goes_on || (m->round == ROUND_KEYS && m->read.known);
	int fd = m->known_told ? known_write(m->read.known) : -1;

	if (!m->known_told)
		return true;
	if (fd < 0) {
		material_give_up(m, strerror(-fd));
		return false;
	}
	opener_tell_known(&m->opener, fd);
	close(fd);
	return true;
}

static void begin_at_roles(struct material *m)
{
	struct msg q = { .type = MSG_ROUND_BEGIN };

	q.round_begin.base = m->read.keeper;
	if (m->keys_go_on)
		child_send(material_keeper(m), &q, NULL, 0);
	q.round_begin.base = m->read.librarian;
	if (m->goes_on)
		child_send(material_librarian(m), &q, NULL, 0);
}

static void ask_store(struct material *m)
{
	m->store = STORE_ASKED;
	ask(m, FILE_STORE, m->conf->chains.store ? m->conf->chains.store : CONF_STORE);
}

void material_send_chain_settings(struct material *m, const struct conf *conf)
{
	struct chain_order order = conf_chain_order(conf);
	struct msg q = { .type = MSG_CHAIN_SETTINGS, .chain_settings = { .sources = { order.at, order.n },
		.timeout_ms = (uint32_t)(conf->aia.timeout * 1000), .size = (uint32_t)conf->aia.size,
		.private_addresses = conf->aia.private_addresses,
		.staple = conf->ocsp.staple, .staple_timeout_ms = (uint32_t)(conf->ocsp.timeout * 1000) } };

	child_send(material_librarian(m), &q, NULL, 0);
}

static bool has_store(const struct conf *conf)
{
	struct chain_order order = conf_chain_order(conf);

	return chain_order_rank(&order, 1u << CHAIN_STORE) >= 0;
}

/* The store comes before all certificates: the librarian builds chains as they come. */
static void begin_asking(struct material *m)
{
	m->store = STORE_DONE;
	if (!tell_opener_what_is_known(m) || m->round == ROUND_KEYS)
		return;
	if (m->round == ROUND_ALL) {
		begin_at_roles(m);
		material_send_chain_settings(m, m->conf);
	}
	m->store_anew = !m->goes_on;
	if (has_store(m->conf))
		ask_store(m);
}

/* If one of its files has changed, all are read: chains may have hung on what is gone. */
static void store_is_told(struct material *m)
{
	if ((m->store_changed || m->load_store) && !m->store_anew) {
		m->store_anew = true;
		ask_store(m);
		return;
	}
	m->store = STORE_DONE;
	material_step(m);
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

bool material_all_asked(const struct material *m)
{
	return m->store == STORE_DONE && m->next_entry == m->conf->certificates_n;
}

static bool entries_left(const struct material *m)
{
	return m->store == STORE_DONE && m->next_entry < m->conf->certificates_n;
}

void material_ask_more(struct material *m)
{
	if (m->round != ROUND_NONE && m->store == STORE_NOT_ASKED && opener_free(&m->opener))
		begin_asking(m);
	while (m->round != ROUND_NONE && entries_left(m) && opener_free(&m->opener))
		ask_next(m);
	if (m->round != ROUND_NONE && material_all_asked(m) && m->opener.asked == 0)
		opener_finish(&m->opener);
}

/* --- to keeper and librarian --- */

static void to_keeper(struct material *m, uint32_t id, const struct file *file, int fd)
{
	struct msg q = { .type = MSG_KEY_FILE_REQ, .id = id,
		.key_file_req = { .mixed = file->kind != FILE_KEY, .file = file->number, .path = file->path } };

	m->at_keeper++;
	child_send(material_keeper(m), &q, &fd, 1);
}

static uint8_t store_use(const struct material *m, const struct file *file)
{
	if (!is_of_store(file))
		return STORE_NO;
	if (m->round == ROUND_STORE)
		return STORE_LATE;
	return m->store_changed || !m->goes_on ? STORE_CHANGED : STORE_SAME;
}

void material_to_librarian(struct material *m, uint32_t id, const struct file *file, struct bytes text, int fd)
{
	const char *key = file->kind == FILE_CHAIN ? m->conf->certificates[file->entry].key : "";
	/* No place in the configuration: reports begin with it here. */
	struct msg q = { .type = MSG_CERT_FILE_REQ, .id = id,
		.cert_file_req = { .store = store_use(m, file), .file = file->number, .place = (uint32_t)file->entry, .path = file->path, .key_path = key, .where = "", .text = text } };

	m->certs_asked++;
	child_send(material_librarian(m), &q, &fd, fd >= 0);
}

void material_control_flow(struct material *m)
{
	bool librarian_full = channel_pending(&material_librarian(m)->channel) >= IN_FLIGHT;
	size_t most = m->together ? (SHARES_IN_FLIGHT - 1) * m->share : IN_FLIGHT;
	bool keeper_full = m->at_keeper >= most || channel_pending(&material_keeper(m)->channel) >= IN_FLIGHT;

	child_pause(material_keeper(m), librarian_full);
	opener_pause(&m->opener, librarian_full || keeper_full);
}

/* --- answers --- */

/* A folder of the system's that is not there was not asked for by anybody; one bad file of a store is not a bad store. */
static void not_opened(struct material *m, const struct file *file, const char *path, const char *error)
{
	struct file named = { .kind = file->kind, .entry = file->entry, .path = (char *)(size_t)path };
	bool folder = is_of_store(file) && strcmp(path, file->path) == 0;

	if (!*error)
		error = "the opener sent no descriptor";
	if (!is_of_store(file) || (folder && m->conf->chains.store))
		material_report(m, &named, error);
	else if (folder)
		log_info("there is no store of chains: %s %s", path, error);
	else
		material_warn(m, &named, error);
}

/* Its chain may need the store, of which the librarian knows only that it is the same. */
static bool needs_store(const struct material *m, const struct file *file)
{
	return m->round == ROUND_ALL && m->goes_on && m->late_store && !m->store_anew && has_store(m->conf) &&
		!file->unchanged && file->kind != FILE_KEY && !is_of_store(file);
}

static void pass_on(struct material *m, uint32_t id, struct file *file, uint64_t stamp, int fd)
{
	if (!material_read_file(m, file, stamp))
		return;
	if (needs_store(m, file)) {
		m->load_store = true;
		material_begin_again(m);
		return;
	}
	if (is_of_store(file) || file->kind == FILE_CHAIN)
		material_to_librarian(m, id, file, (struct bytes){ NULL, 0 }, fd);
	else
		to_keeper(m, id, file, fd);
}

/* A file of a folder, whose own entry moves when another is added. */
static void on_folder_file(struct material *m, struct file folder, const char *path, uint64_t stamp, int fd)
{
	bool store = folder.kind == FILE_STORE;
	enum file_kind kind = store ? FILE_STORE_FILE : FILE_FOLDER_FILE;

	if (store && !m->store_anew) {
		m->store_changed = true;
		return;
	}
	int64_t id = files_add(&m->files, kind, folder.entry, path);
	if (id < 0)
		material_give_up(m, "out of memory");
	else
		pass_on(m, (uint32_t)id, files_find(&m->files, (uint32_t)id), stamp, fd);
}

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct material *m = data;
	struct file *file = material_file(m, id);

	m->files_n += file && !is_of_store(file);
	if (file && fd < 0)
		not_opened(m, file, path, error);
	else if (file && open_kinds[file->kind] == OPEN_DIRECTORY)
		on_folder_file(m, *file, path, stamp, fd);
	else if (file)
		pass_on(m, id, file, stamp, fd);
	if (fd >= 0)
		close(fd);
	if (m->round != ROUND_NONE)
		material_control_flow(m);
}

static void ask_for_keys_together(struct material *m, struct bytes numbers, const int *fds, int n)
{
	struct msg q = { .type = MSG_KEY_FILES_REQ, .id = m->generation, .key_files_req = { .numbers = numbers } };

	m->each[(m->first_each + m->together) % KEYS_IN_FLIGHT] = (uint8_t)n;
	m->together++;
	m->at_keeper += (size_t)n;
	child_send(material_keeper(m), &q, fds, n);
}

static void on_known(void *data, uint32_t id, struct bytes numbers, const int *fds, int n)
{
	struct material *m = data;

	if (!material_file(m, id))
		return;
	m->files_n += (size_t)n;
	if (numbers.size != (size_t)n * sizeof(uint32_t) || m->together == KEYS_IN_FLIGHT || !material_read_same(m, numbers)) {
		material_give_up(m, "the opener has sent what is not known");
		return;
	}
	ask_for_keys_together(m, numbers, fds, n);
	material_control_flow(m);
}

static void on_gone(void *data, uint32_t id, struct bytes numbers)
{
	struct material *m = data;
	const struct file *file = material_file(m, id);

	if (!file || m->round != ROUND_ALL)
		return;
	if (file->kind == FILE_STORE && numbers.size > 0)
		m->store_changed = true;
	if (file->kind != FILE_STORE)
		material_read_gone(m, numbers);
}

static void on_end(void *data, uint32_t id)
{
	struct material *m = data;
	const struct file *file = material_file(m, id);

	if (file && file->kind == FILE_STORE)
		store_is_told(m);
}

static void on_free(void *data)
{
	material_step(data);
}

static void on_failed(void *data, const char *why)
{
	char text[256];

	snprintf(text, sizeof text, "the opener ended: %s", why);
	material_give_up(data, text);
}

const struct opener_ops material_opener_ops = {
	.on_file = on_file, .on_known = on_known, .on_gone = on_gone, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};
