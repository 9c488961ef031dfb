/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/boot/material_inside.h"

/* ---- which files there are at all ---- */

static uint64_t add_text(uint64_t h, const char *text)
{
	for (const char *at = text ? text : ""; ; at++) {
		h = (h ^ (uint8_t)*at) * 0x100000001b3ull;
		if (!*at)
			return h;
	}
}

uint64_t material_conf_print(const struct conf *conf)
{
	struct chain_order order = conf_chain_order(conf);
	uint64_t h = 0xcbf29ce484222325ull;

	for (int i = 0; i < conf->certificates_n; i++) {
		const struct conf_certificate *e = &conf->certificates[i];
		h = add_text(add_text(add_text(h, e->directory), e->chain), e->key);
	}
	for (int i = 0; i < order.n; i++)
		h = (h ^ order.at[i]) * 0x100000001b3ull;
	return add_text(h, conf->chains.store);
}

void material_read_begin(struct material *m)
{
	struct read_files *r = &m->read;

	m->goes_on = m->keys_go_on = false;
	if (m->round == ROUND_ALL) {
		m->fresh_conf = material_conf_print(m->conf);
		m->goes_on = r->known && r->librarian > 0 && r->conf == m->fresh_conf;
		m->keys_go_on = m->goes_on && r->keeper > 0;
		numbers_clear(&m->gone);
	}
	for (size_t i = 0; r->known && i < known_places(r->known); i++)
		if (known_at(r->known, i))
			known_at(r->known, i)->seen = false;
}

/* ---- one after the other ---- */

/* A new keeper gets the keys that are in force, and no others. */
static bool for_new_keeper(struct material *m, struct file *file, const struct known_file *old)
{
	if (!old && m->read.known)
		return false;
	file->number = old ? old->number : ++m->file_numbers;
	return true;
}

bool material_read_file(struct material *m, struct file *file, uint64_t stamp)
{
	if (m->round == ROUND_STORE)
		return true;
	struct known_file *old = m->read.known ? known_find(m->read.known, file_group(file->kind, file->entry), file->path) : NULL;

	if (m->round == ROUND_KEYS)
		return for_new_keeper(m, file, old);
	file->stamp = stamp;
	if (old && m->goes_on) {
		old->seen = true;
		file->unchanged = file->kind != FILE_STORE_FILE && stamp != 0 && old->stamp == stamp && time(NULL) < old->until;
		if (!file->unchanged && numbers_add(&m->gone, old->number) < 0)
			return false;
	}
	file->number = file->unchanged ? old->number : ++m->file_numbers;
	return true;
}

bool material_read_same(struct material *m, struct bytes numbers)
{
	for (size_t i = 0; i < numbers.size / sizeof(uint32_t); i++) {
		uint32_t number;
		memcpy(&number, numbers.data + i * sizeof number, sizeof number);
		struct known_file *f = known_find_number(m->read.known, number);
		if (!f)
			return false;
		f->seen = true;
	}
	return true;
}

void material_read_gone(struct material *m, struct bytes numbers)
{
	if (numbers_add_bytes(&m->gone, numbers) < 0)
		material_give_up(m, "out of memory");
}

/* Where all of the store is opened, because it has changed, the opener does not tell what has gone. */
void material_read_all_seen(struct material *m)
{
	for (size_t i = 0; m->goes_on && m->store_anew && i < known_places(m->read.known); i++) {
		const struct known_file *f = known_at(m->read.known, i);
		if (f && !f->seen && f->group == FILE_GROUP_STORE && numbers_add(&m->gone, f->number) < 0)
			material_give_up(m, "out of memory");
	}
}

void material_tell_gone(struct material *m, struct child *who)
{
	struct msg q = { .type = MSG_FILES_GONE };

	for (size_t at = 0; at < m->gone.n; at += MSG_NUMBERS_MAX) {
		q.files_gone.numbers = numbers_bytes(&m->gone, at, MSG_NUMBERS_MAX);
		child_send(who, &q, NULL, 0);
	}
}

/* ---- the end of it ---- */

static int keep_one(struct material *m, const struct file *f)
{
	struct known_file k = { .group = file_group(f->kind, f->entry), .number = f->number,
		.stamp = f->warned ? 0 : f->stamp, .until = f->until, .path = f->path };

	return f->number == 0 || f->unchanged ? 0 : known_put(m->fresh, &k);
}

int material_read_keep(struct material *m)
{
	int rc;

	known_free(m->fresh);
	m->fresh = known_new();
	rc = m->fresh ? 0 : -ENOMEM;
	for (size_t i = 0; i < m->files.n && rc == 0; i++)
		rc = keep_one(m, &m->files.list[i]);
	m->went_on = m->goes_on;
	return rc;
}

void material_read_resume(struct material *m, struct known *k, uint64_t conf, uint32_t generation)
{
	known_free(m->read.known);
	m->read = (struct read_files){ .known = k, .conf = conf, .librarian = generation };
	m->file_numbers = known_last(k);
}

static void merge(struct material *m)
{
	for (size_t i = 0; i < m->gone.n; i++)
		known_drop(m->read.known, m->gone.list[i]);
	for (size_t i = 0; i < known_places(m->fresh); i++) {
		const struct known_file *f = known_at(m->fresh, i);
		if (f && known_put(m->read.known, f) < 0) {
			/* What is not known is read anew. */
			known_free(m->read.known);
			m->read.known = NULL;
			return;
		}
	}
}

void material_read_commit(struct material *m)
{
	if (m->went_on && m->read.known) {
		merge(m);
	} else {
		known_free(m->read.known);
		m->read.known = m->fresh;
		m->fresh = NULL;
	}
	m->read.conf = m->fresh_conf;
	m->read.librarian = m->read.keeper = m->of_all;
	material_read_drop(m);
}

void material_read_drop(struct material *m)
{
	known_free(m->fresh);
	m->fresh = NULL;
	numbers_clear(&m->gone);
}

void material_read_clear(struct material *m)
{
	material_read_drop(m);
	known_free(m->read.known);
	m->read.known = NULL;
}
