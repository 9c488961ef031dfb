/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/librarian/file.h"
#include "workers/librarian/remarks.h"
#include "workers/librarian/restaple.h"
#include "workers/librarian/round_inside.h"
#include "workers/librarian/storefile.h"

#define PATH_SHOWN 700	/* the end of a longer path; the cause must fit behind it */

struct round *round_new(struct pool *fetched, struct pool *brought, struct staples *staples)
{
	struct round *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->change = change_new(NULL);
	r->sources.store = pool_new();
	r->sources.fetched = fetched;
	r->brought = brought;
	r->staples = staples;
	chain_order_add(&r->order, CHAIN_FILE);
	if (r->change && r->sources.store)
		return r;
	round_free(r);
	return NULL;
}

static void file_clear(struct file *f)
{
	free(f->subject);
	free(f->key_path);
	free(f->error);
	free(f->warning);
}

/* What only a round that runs needs. */
static void forget_files(struct round *r)
{
	for (size_t i = 0; i < r->n; i++)
		file_clear(&r->files[i]);
	free(r->files);
	free(r->key_ids);
	numbers_clear(&r->gone);
	r->files = NULL;
	r->key_ids = NULL;
	r->n = r->cap = r->answered = r->key_ids_n = 0;
}

void round_free(struct round *r)
{
	if (!r)
		return;
	forget_files(r);
	change_free(r->change);
	stock_unref(r->stock);
	pool_unref(r->sources.store);
	links_clear(&r->missing);
	free(r);
}

void round_go_on(struct round *r, const struct round *current)
{
	r->goes_on = true;
	r->order = current->order;
	r->limits = current->limits;
	pool_unref(r->sources.store);
	r->sources.store = pool_ref(current->sources.store);
}

void round_resume(struct round *r, struct stock *stock, uint32_t generation)
{
	change_free(r->change);
	r->change = NULL;
	r->stock = stock;
	r->generation = generation;
}

int round_store_file(struct round *r, int fd)
{
	char warning[MSG_TEXT_MAX] = "";

	return storefile_read(r->sources.store, fd, warning);
}

int round_gone(struct round *r, struct bytes numbers)
{
	return numbers_add_bytes(&r->gone, numbers);
}

bool round_fetches(const struct round *r)
{
	return chain_order_rank(&r->order, 1u << CHAIN_AIA) >= 0;
}

static struct file *new_file(struct round *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct file *files = reallocarray(r->files, cap, sizeof *files);
		if (!files)
			return NULL;
		r->files = files;
		r->cap = cap;
	}
	r->files[r->n] = (struct file){ .number = -1 };
	return &r->files[r->n++];
}

static const char *tail(const char *path)
{
	size_t n = strlen(path);

	return n > PATH_SHOWN ? path + n - PATH_SHOWN : path;
}

static char *make_subject(const char *path, const char *where)
{
	char *text = NULL;
	int n = where[0] ? asprintf(&text, "%s (%s)", tail(path), tail(where)) : asprintf(&text, "%s", tail(path));

	return n < 0 ? NULL : text;
}

/* "SUBJECT: text", short enough for a message. */
static char *make_text(const struct file *f, const char *text)
{
	char *line = NULL;
	int n = asprintf(&line, "%s: %s", f->subject, text);

	if (n < 0)
		return NULL;
	if (n >= MSG_TEXT_MAX)
		line[MSG_TEXT_MAX - 1] = '\0';
	return line;
}

static int set_text(char **to, const struct file *f, const char *text)
{
	if (!text[0])
		return 0;
	free(*to);
	*to = make_text(f, text);
	return *to ? 0 : -ENOMEM;
}

/* A CA's certificate among the files of a directory is nobody's mistake. */
static int refuse(struct file *f, const struct certs *c)
{
	char text[MSG_TEXT_MAX + 16];

	if (!c->only_cas || f->key_path[0])
		return set_text(&f->error, f, c->error);
	snprintf(text, sizeof text, "%s; skipped", c->error);
	return set_text(&f->warning, f, text);
}

void round_build(const struct round *r, const struct certs *c, int64_t now, struct built *out)
{
	struct chain_use uses[SOURCES_MAX + 1];
	struct build b = { .cert = c->cert, .file = c->others, .file_n = c->others_n,
		.uses = uses, .order = &r->order, .mismatched = c->names_from_cn };

	sources_use(&r->sources, &r->order, uses);
	build_chains(&b, now, out);
}

/* What many files have is kept once. */
static struct held *hold(const struct round *r, const struct file *f, const struct certs *c)
{
	struct chain_cert *others[CERTS_FILE_MAX];

	for (int i = 0; i < c->others_n; i++) {
		struct chain_cert *same = NULL;
		pool_add(r->brought, c->others[i]);
		while ((same = pool_next(r->brought, c->others[i]->subject, same)) != NULL && !chain_cert_same(same, c->others[i]))
			;
		others[i] = same ? same : c->others[i];
	}
	return held_new(f->number_given, f->place, c->names, c->names_n, others, c->others_n);
}

/* When its own time, or its chain's, will begin or be over. */
static int64_t first_end(const struct certs *c, const struct built *b, int64_t now)
{
	int64_t end = c->not_after < b->chains[0].not_after ? c->not_after : b->chains[0].not_after;

	return now < c->not_before ? c->not_before : end;
}

bool round_look_at_staple(const struct round *r, const struct certs *c, const struct built *b, int64_t now, struct segment_staple *out)
{
	return staples_look(r->staples, c->cert, b->issuer, c->names[0], r->staple, now, out);
}

static int take(struct round *r, struct file *f, struct certs *c, const char *path, int64_t now)
{
	struct built built;
	struct held *held = hold(r, f, c);

	if (!held)
		return -ENOMEM;
	struct segment_staple staple;

	round_build(r, c, now, &built);
	bool stapled = round_look_at_staple(r, c, &built, now, &staple);
	f->number = change_add(r->change, held, c, &built, stapled ? &staple : NULL, path);
	int rc = f->number < 0 ? (int)f->number : round_fetches(r) ? links_add(&r->missing, c->cert, &built, now) : 0;
	if (rc < 0)
		return rc;
	f->names = (uint16_t)c->names_n;
	f->until = first_end(c, &built, now);
	remarks_on_chain(c, &built, now);
	return set_text(&f->warning, f, c->warning);
}

static int read_text(struct round *r, struct file *f, struct certs *c, const char *path, const char *text, size_t size, int64_t now)
{
	if (certs_parse(c, text, size, now) < 0)
		return refuse(f, c);
	return take(r, f, c, path, now);
}

static int read_certs(struct round *r, struct file *f, int fd, const char *path, int64_t now)
{
	struct certs c = { .names_n = 0 };
	size_t size;
	char *text;

	if (file_read(fd, CERTS_FILE_BYTES_MAX, &text, &size, c.error) < 0)
		return refuse(f, &c);
	int rc = read_text(r, f, &c, path, text, size, now);
	file_forget(text, size);
	certs_clear(&c);
	return rc;
}

static int read_given(struct round *r, struct file *f, const struct msg_cert_file_req *req, int64_t now)
{
	struct certs c = { .names_n = 0 };
	int rc = read_text(r, f, &c, req->path, (const char *)req->text.data, req->text.size, now);

	certs_clear(&c);
	return rc;
}

/* The store of before goes with the first file of another. */
static int begin_store(struct round *r)
{
	bool needed = r->goes_on && !r->store_came;
	struct pool *store = needed ? pool_new() : NULL;

	if (!needed)
		return 0;
	if (!store)
		return -ENOMEM;
	pool_unref(r->sources.store);
	r->sources.store = store;
	r->store_came = true;
	return 0;
}

static int read_store(struct round *r, struct file *f, int fd, enum store_use use)
{
	char warning[MSG_TEXT_MAX] = "";

	r->new_store = r->new_store || use == STORE_CHANGED;
	if (begin_store(r) < 0)
		return -ENOMEM;
	int rc = storefile_read(r->sources.store, fd, warning);

	return rc < 0 ? rc : set_text(&f->warning, f, warning);
}

void round_settings(struct round *r, const struct msg_chain_settings *s)
{
	r->order = chain_order_from_bytes(s->sources);
	r->limits = (struct fetch_limits){ s->timeout_ms, s->size, s->private_addresses };
	r->staple = s->staple;
	r->staple_timeout_ms = s->staple_timeout_ms;
}

int round_file(struct round *r, uint32_t id, int fd, const struct msg_cert_file_req *req, int64_t now)
{
	struct file *f = new_file(r);

	if (!f)
		return -ENOMEM;
	f->id = id;
	f->number_given = req->file;
	f->place = req->place;
	f->subject = make_subject(req->path, req->where);
	f->key_path = strdup(req->key_path);
	if (!f->subject || !f->key_path)
		return -ENOMEM;
	if (req->store)
		return read_store(r, f, fd, req->store);
	return req->text.size > 0 ? read_given(r, f, req, now) : read_certs(r, f, fd, req->path, now);
}

int round_key_ids(struct round *r, struct bytes ids)
{
	if (ids.size % KEY_ID_BYTES != 0)
		return -EBADMSG;
	size_t n = ids.size / KEY_ID_BYTES;
	uint8_t *all = reallocarray(r->key_ids, r->key_ids_n + n + 1, KEY_ID_BYTES);
	if (!all)
		return -ENOMEM;
	if (n > 0)
		memcpy(all + r->key_ids_n * KEY_ID_BYTES, ids.data, ids.size);
	r->key_ids = all;
	r->key_ids_n += n;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, KEY_ID_BYTES);
}

static int refuse_without_key(struct file *f)
{
	char text[PATH_SHOWN + 80];

	f->names = 0;
	if (!f->key_path[0])
		return set_text(&f->error, f, "no private key for this certificate was found");
	snprintf(text, sizeof text, "the private key in %s does not belong to this certificate", tail(f->key_path));
	return set_text(&f->error, f, text);
}

static bool has_key(const struct round *r, const uint8_t *id)
{
	return r->key_ids_n > 0 && bsearch(id, r->key_ids, r->key_ids_n, KEY_ID_BYTES, compare_ids) != NULL;
}

static int decide(struct round *r, struct file *f)
{
	if (f->number < 0)
		return 0;
	if (!has_key(r, change_key_id(r->change, f->number)))
		return refuse_without_key(f);
	change_serve(r->change, f->number);
	return 0;
}

/* c's outcome is what is served. */
static int use(struct round *r, struct change *c, int64_t now)
{
	struct stock *next = change_make(c, r->generation, now);

	if (!next)
		return -errno;
	stock_unref(r->stock);
	r->stock = next;
	return 0;
}

/* One that stays has been answered for in a round before: only what is new is told. */
static int lose_key(struct round *r, const struct stocked *s)
{
	struct file *f = new_file(r);

	if (!f)
		return -ENOMEM;
	f->number_given = s->held->file;
	f->subject = make_subject(catalog_source(s->segment, s->entry), "");
	return f->subject ? set_text(&f->error, f, "no private key for this certificate was found any more") : -ENOMEM;
}

static int stay(struct round *r, const struct stocked *s, size_t i, int64_t now)
{
	if (numbers_has(&r->gone, s->held->file)) {
		change_drop(r->change, i);
		return 0;
	}
	if (!has_key(r, s->entry->key_id))
		return lose_key(r, s);
	return r->new_store || (round_fetches(r) && round_may_be_fetched(s, now)) ? round_build_again(r, r->change, s, i, now) : 0;
}

static int go_on(struct round *r, struct stock *base, int64_t now)
{
	int rc = change_rebase(r->change, base);

	numbers_sort(&r->gone);
	for (size_t i = 0; i < base->n && rc == 0; i++)
		rc = stay(r, &base->list[i], i, now);
	return rc;
}

int round_end(struct round *r, const struct round *current, uint32_t generation, int64_t now)
{
	int rc = 0;

	if (r->key_ids_n > 0)
		qsort(r->key_ids, r->key_ids_n, KEY_ID_BYTES, compare_ids);
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = decide(r, &r->files[i]);
	if (rc == 0 && r->goes_on)
		rc = current ? go_on(r, current->stock, now) : -EINVAL;
	if (rc < 0)
		return rc;
	r->generation = generation;
	rc = restaple(r->change, r->staples, r->staple, now);
	if (rc == 0)
		rc = use(r, r->change, now);
	change_free(r->change);
	r->change = NULL;
	return rc;
}

static int answer_file(const struct file *f, struct channel *ch)
{
	struct msg m = { .type = MSG_CERT_FILE_ANS, .id = f->id,
		.cert_file_ans = { .file = f->number_given, .until = f->until > 0 ? (uint64_t)f->until : 0, .names = f->names, .error = f->error, .warning = f->warning } };

	return msg_send(ch, &m, NULL, 0);
}

int round_answer(struct round *r, struct channel *ch, int limit)
{
	while (r->answered < r->n) {
		if (channel_pending(ch) >= limit)
			return 0;
		int rc = answer_file(&r->files[r->answered], ch);
		if (rc < 0)
			return rc;
		r->answered++;
	}
	if (channel_pending(ch) >= limit)
		return 0;
	int rc = stock_send(r->stock, r->generation, ch);
	forget_files(r);
	return rc < 0 ? rc : 1;
}

const struct fetch_limits *round_limits(const struct round *r)
{
	return &r->limits;
}

const struct links *round_missing(const struct round *r)
{
	return &r->missing;
}

uint32_t round_generation(const struct round *r)
{
	return r->generation;
}

const struct sources *round_sources(const struct round *r)
{
	return &r->sources;
}

const struct chain_order *round_order(const struct round *r)
{
	return &r->order;
}

struct stock *round_stock(const struct round *r)
{
	return r->stock;
}

int round_apply(struct round *r, struct change *c, struct channel *ch, int64_t now)
{
	if (change_is_empty(c))
		return 0;
	int rc = use(r, c, now);
	return rc < 0 ? rc : stock_send(r->stock, r->generation, ch);
}
