/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/boot/material_inside.h"

#define RETRY_S 5.

struct child *material_keeper(struct material *m) { return &m->s->keeper; }
struct child *material_librarian(struct material *m) { return &m->s->librarian; }

void material_report(struct material *m, const struct file *file, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	file_sentence(m->conf, file, what, text, sizeof text);
	m->errors++;
	m->ops->on_error(m->s, text);
}

void material_report_known(struct material *m, uint32_t number, const char *what)
{
	const struct known_file *known = m->read.known ? known_find_number(m->read.known, number) : NULL;
	struct file file = { .kind = FILE_MIXED };

	if (!known || !*what || known->group == FILE_GROUP_STORE)
		return;
	file.entry = (int)((known->group - 1) / 4);
	file.path = (char *)(size_t)known->path;
	material_report(m, &file, what);
}

void material_warn(struct material *m, const struct file *file, const char *what)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	file_sentence(m->conf, file, what, text, sizeof text);
	m->ops->on_warning(m->s, text);
}

struct file *material_file(struct material *m, uint32_t id)
{
	return m->round != ROUND_NONE ? files_find(&m->files, id) : NULL;
}

/* --- the end of a round --- */

static void end_round(struct material *m)
{
	m->round = ROUND_NONE;
	child_pause(material_keeper(m), false);
	opener_pause(&m->opener, false);
	opener_abort(&m->opener);
	files_clear(&m->files);
}

/* Keeper and librarian would take what they were sent for part of the next round. */
static void tell_discard(struct material *m, uint32_t generation)
{
	struct msg q = { .type = MSG_DISCARD, .discard = { .generation = generation } };

	child_send(material_keeper(m), &q, NULL, 0);
	child_send(material_librarian(m), &q, NULL, 0);
}

/* What has come of it is all there is. */
static void end_store(struct material *m)
{
	struct msg q = { .type = MSG_STORE_END };

	m->late_store = false;
	child_send(material_librarian(m), &q, NULL, 0);
}

static void break_off(struct material *m)
{
	enum round round = m->round;

	if (round == ROUND_NONE)
		return;
	if (m->keys_ended && !m->keys_ready)
		m->stale_readies++;
	end_round(m);
	if (round == ROUND_STORE)
		end_store(m);
	else
		tell_discard(m, m->generation);
}

void material_begin_again(struct material *m)
{
	m->wanted = m->conf;
	break_off(m);
	material_begin(m);
}

static void retry_in(struct material *m, double seconds)
{
	ev_timer_stop(m->s->loop, &m->retry);
	ev_timer_set(&m->retry, seconds, 0.);
	ev_timer_start(m->s->loop, &m->retry);
}

/*
 * Without keys no handshake succeeds, so these are tried again; the round of all
 * is asked for again. That of the store is over: nothing waits for it.
 */
void material_give_up(struct material *m, const char *why)
{
	char text[512];
	enum round round = m->round;

	if (round == ROUND_NONE)
		return;
	break_off(m);
	snprintf(text, sizeof text, "certificates and keys could not be read: %s", why);
	if (round == ROUND_ALL) {
		m->ops->on_error(m->s, text);
		m->ops->on_prepared(m->s, m->errors + 1);
		return;
	}
	log_warning("%s", text);
	m->need_keys = m->need_keys || round == ROUND_KEYS;
	retry_in(m, round == ROUND_KEYS ? RETRY_S : 0.);
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

	child_send(material_keeper(m), &q, NULL, 0);
}

static void finish(struct material *m)
{
	bool all = m->round == ROUND_ALL;
	unsigned errors = m->errors;

	log_round(m);
	if (all && material_read_keep(m) < 0) {
		material_give_up(m, "out of memory");
		return;
	}
	end_round(m);
	if (all) {
		m->librarian_has = m->generation;
		m->load_store = false;
		m->prepared = true;
		m->ops->on_prepared(m->s, errors);
	} else {
		commit_keys(m);
		m->read.keeper = m->generation;
	}
	material_begin(m);
}

/* --- the flow --- */

static void end_keys(struct material *m)
{
	struct msg q = { .type = MSG_KEYS_END, .id = m->generation, .keys_end = { .generation = m->generation } };

	m->keys_ended = true;
	material_read_all_seen(m);
	if (m->round == ROUND_NONE)
		return;
	if (m->keys_go_on)
		material_tell_gone(m, material_keeper(m));
	child_send(material_keeper(m), &q, NULL, 0);
}

static void end_certs(struct material *m)
{
	struct msg q = { .type = MSG_CERTS_END, .certs_end = { .generation = m->generation } };

	m->certs_ended = true;
	if (m->goes_on)
		material_tell_gone(m, material_librarian(m));
	child_send(material_librarian(m), &q, NULL, 0);
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

static void step_store(struct material *m)
{
	material_control_flow(m);
	if (!material_all_asked(m) || m->opener.asked > 0)
		return;
	end_round(m);
	end_store(m);
	material_begin(m);
}

void material_step(struct material *m)
{
	if (m->round == ROUND_NONE)
		return;
	material_ask_more(m);
	if (m->round == ROUND_STORE) {
		step_store(m);
		return;
	}
	if (m->round != ROUND_NONE && material_all_asked(m) && m->opener.asked == 0 && m->at_keeper == 0 && !m->keys_ended)
		end_keys(m);
	if (m->round == ROUND_ALL && m->keys_ready && !m->certs_ended)
		end_certs(m);
	if (m->round == ROUND_NONE)
		return;
	material_control_flow(m);
	child_progress(material_keeper(m));
	child_progress(material_librarian(m));
	if (complete(m))
		finish(m);
}

static bool there(const struct child *c)
{
	return child_runs(c) && c->introduced && (c->state == CHILD_STARTING || c->state == CHILD_READY);
}

static bool can_begin(struct material *m)
{
	if (m->round != ROUND_NONE || m->stopped || !there(material_keeper(m)))
		return false;
	if (m->need_keys)
		return !ev_is_active(&m->retry);
	if (!there(material_librarian(m)))
		return false;
	/* The store is not waited for: reading it must not keep workers from getting ready. */
	return m->wanted ? !m->awaits_saved : m->late_store && m->s->ready && !m->prepared && m->catalog.fds_n > 0;
}

void material_begin(struct material *m)
{
	if (!can_begin(m))
		return;
	m->round = m->need_keys ? ROUND_KEYS : m->wanted ? ROUND_ALL : ROUND_STORE;
	m->conf = m->round == ROUND_ALL ? m->wanted : m->s->conf;
	if (m->need_keys)
		m->need_keys = false;
	else
		m->wanted = NULL;
	m->generation = ++m->numbers;
	if (m->round == ROUND_ALL)
		m->of_all = m->generation;
	m->begun_ns = ledger_now_ns();
	m->next_entry = m->round == ROUND_STORE ? m->conf->certificates_n : 0;
	m->store = STORE_NOT_ASKED;
	m->store_changed = m->store_anew = m->next_is_key = m->keys_ended = m->keys_ready = m->certs_ended = m->catalog_came = false;
	m->known_told = false;
	m->together = 0;
	m->at_keeper = m->files_n = m->certs_asked = m->certs_answered = m->keys = 0;
	m->errors = 0;
	material_read_begin(m);
	material_step(m);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	material_begin(w->data);
}

/* --- keeper and librarian --- */

static void on_key_file_ans(struct material *m, const struct msg *msg, struct packet *p)
{
	const struct msg_key_file_ans *a = &msg->key_file_ans;
	struct file *file = material_file(m, msg->id);

	if (!file || m->at_keeper == 0)
		return;
	m->at_keeper--;
	m->keys += a->keys;
	if (*a->error)
		material_report(m, file, a->error);
	else if ((p->nfds == 1 || a->text.size > 0) && m->round == ROUND_ALL && !file->unchanged)
		material_to_librarian(m, msg->id, file, a->text, p->nfds == 1 ? p->fds[0] : -1);
}

static void on_key_ids(struct material *m, const struct msg *msg)
{
	if (m->round == ROUND_ALL && msg->id == m->generation)
		child_send(material_librarian(m), msg, NULL, 0);
}

/* The oldest question about several is answered. */
static void on_key_files_ans(struct material *m, const struct msg *msg)
{
	const struct msg_key_files_ans *a = &msg->key_files_ans;

	if (m->round == ROUND_NONE || msg->id != m->generation || m->together == 0)
		return;
	m->at_keeper -= m->each[m->first_each];
	m->first_each = (m->first_each + 1) % KEYS_IN_FLIGHT;
	m->together--;
	m->keys += a->keys;
	if (*a->error)
		material_report_known(m, a->file, a->error);
}

static void on_cert_file_ans(struct material *m, const struct msg *msg)
{
	const struct msg_cert_file_ans *a = &msg->cert_file_ans;
	struct file *file = material_file(m, msg->id);

	if (m->round == ROUND_ALL && msg->id == 0)
		material_report_known(m, a->file, a->error);
	if (!file)
		return;
	m->certs_answered++;
	if (file->kind != FILE_STORE_FILE) {
		file->until = a->until < INT64_MAX ? (int64_t)a->until : INT64_MAX;
		file->warned = *a->warning;
	}
	if (*a->error)
		material_report(m, file, a->error);
	else if (*a->warning)
		material_warn(m, file, a->warning);
}

void material_on_message(struct material *m, const struct msg *msg, struct packet *p)
{
	switch (msg->type) {
	case MSG_KEY_FILE_ANS: on_key_file_ans(m, msg, p); break;
	case MSG_KEY_FILES_ANS: on_key_files_ans(m, msg); break;
	case MSG_KEY_IDS: on_key_ids(m, msg); break;
	case MSG_CERT_FILE_ANS: on_cert_file_ans(m, msg); break;
	case MSG_CATALOG: material_on_catalog(m, msg, p); break;
	case MSG_SAVED: material_on_saved(m, msg, p); break;
	default: break;
	}
	material_step(m);
}

void material_on_keeper(struct material *m)
{
	material_begin(m);
}

/* It is ready after its first round, or when it has taken over what is in force. */
void material_on_librarian(struct material *m, bool with_cache)
{
	m->awaits_saved = with_cache;
	if (m->catalog.fds_n > 0)
		material_send_stock(m);
	material_begin(m);
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
	material_step(m);
}

void material_on_flushed(struct material *m)
{
	material_step(m);
}

/* What the librarian made is here already; the keeper's part is gone with it. */
void material_on_down(struct material *m, const struct child *who)
{
	bool lost = m->prepared && who == material_keeper(m);
	char text[256];

	if (who == material_keeper(m))
		m->stale_readies = 0;
	*(who == material_keeper(m) ? &m->read.keeper : &m->read.librarian) = 0;
	if (who == material_librarian(m))
		m->awaits_saved = false;
	snprintf(text, sizeof text, "the %s ended: %s", role_name(who->role), who->last_death);
	if (m->round != ROUND_STORE || who == material_librarian(m))
		material_give_up(m, text);
	if (who == material_keeper(m)) {
		m->stale_readies = 0;
		ev_timer_stop(m->s->loop, &m->retry);	/* the next one needs them at once */
	}
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
	material_begin(m);
}

void material_commit(struct material *m)
{
	if (!m->prepared)
		return;
	m->prepared = false;
	material_close_catalog(&m->catalog);
	m->catalog = m->next;
	m->next.fds_n = 0;
	material_read_commit(m);
	if (m->librarian_has != m->catalog.base)
		material_send_stock(m);		/* another one than that which made it */
	material_save_soon(m);
	material_begin(m);
}

void material_started(struct material *m)
{
	material_begin(m);
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
	material_read_drop(m);
	material_close_catalog(&m->next);
}

void material_need_keys(struct material *m)
{
	m->need_keys = true;
	material_begin(m);
}

struct material *material_new(struct supervisor *s, const struct material_ops *ops)
{
	struct material *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->s = s;
	m->ops = ops;
	m->ordered.fd = -1;
	m->share = (size_t)fdpass_share();
	m->files.first_id = 1;		/* 0 is none of them */
	opener_init(&m->opener, s, &material_opener_ops, m);
	ev_init(&m->retry, on_retry);
	m->retry.data = m;
	material_save_init(m);
	return m;
}

void material_stop(struct material *m)
{
	m->stopped = true;
	ev_timer_stop(m->s->loop, &m->retry);
	/* While workers drain the librarian has the time. */
	if (ev_is_active(&m->save))
		material_save_now(m);
	ev_timer_stop(m->s->loop, &m->save);
	if (m->round != ROUND_NONE)
		end_round(m);
}

void material_free(struct material *m)
{
	if (!m)
		return;
	material_stop(m);
	opener_clear(&m->opener);
	material_close_catalog(&m->catalog);
	material_close_catalog(&m->next);
	if (m->ordered.fd >= 0)
		close(m->ordered.fd);
	material_read_clear(m);
	free(m);
}
