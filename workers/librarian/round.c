/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/round.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/librarian/certs.h"
#include "workers/librarian/file.h"
#include "workers/librarian/pem.h"
#include "workers/librarian/remarks.h"
#include "workers/librarian/segment.h"
#include "workers/librarian/sources.h"
#include "workers/librarian/storefile.h"

#define PATH_SHOWN 700	/* the end of a longer path; the cause must fit behind it */

struct file {
	uint32_t id;
	uint16_t names;
	int64_t number;			/* in the segment; -1: not there */
	char *subject;			/* "PATH (WHERE)" */
	char *key_path;			/* "" if none was named */
	char *error, *warning;		/* NULL: none */
	/* To make it anew. */
	char *path, *pem;		/* its certificates, and no key; NULL: is not kept */
	size_t pem_size;
};

struct round {
	struct segment *segment;
	struct chain_order order;
	struct sources sources;
	struct file *files;
	size_t n, cap;
	uint8_t *key_ids;
	size_t key_ids_n;
	struct fetch_limits limits;
	struct links missing;
	/* Answering. */
	size_t answered;
	int catalog;			/* the segment; -1: none yet, or sent */
	struct msg_catalog counts;
};

struct round *round_new(struct pool *fetched)
{
	struct round *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->catalog = -1;
	r->segment = segment_new();
	r->sources.store = pool_new();
	r->sources.fetched = fetched;
	chain_order_add(&r->order, CHAIN_FILE);
	if (r->segment && r->sources.store)
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
	free(f->path);
	free(f->pem);
}

void round_free(struct round *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		file_clear(&r->files[i]);
	free(r->files);
	free(r->key_ids);
	segment_free(r->segment);
	pool_free(r->sources.store);
	links_clear(&r->missing);
	if (r->catalog >= 0)
		close(r->catalog);
	free(r);
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

static void build(const struct round *r, const struct certs *c, int64_t now, struct built *out)
{
	struct chain_use uses[SOURCES_MAX + 1];
	struct build b = { .cert = c->cert, .file = c->others, .file_n = c->others_n,
		.uses = uses, .order = &r->order, .mismatched = c->names_from_cn };

	sources_use(&r->sources, &r->order, uses);
	build_chains(&b, now, out);
}

/* Adds it with its chains to the segment, and what they lack to the missing links. */
static int add(struct round *r, struct file *f, const struct certs *c, const char *path, int64_t now, struct built *built)
{
	build(r, c, now, built);
	f->number = segment_add(r->segment, c, built, NULL, path);
	if (f->number < 0)
		return (int)f->number;
	return round_fetches(r) ? links_add(&r->missing, c->cert, built, now) : 0;
}

static int take(struct round *r, struct file *f, struct certs *c, const char *path, int64_t now)
{
	struct built built;
	int rc = add(r, f, c, path, now, &built);

	if (rc < 0)
		return rc;
	f->names = (uint16_t)c->names_n;
	remarks_on_chain(c, &built, now);
	return set_text(&f->warning, f, c->warning);
}

/* Its certificates alone: an operator may have put a key beside them. */
static int keep(struct file *f, const char *path, const char *text, size_t size)
{
	const char *at = text, *end = text + size;
	struct pem_block b;

	f->path = strdup(path);
	f->pem = malloc(size + CERTS_FILE_MAX);
	if (!f->path || !f->pem)
		return -ENOMEM;
	while (pem_next(&at, end, &b)) {
		if (!pem_is_certificate(&b))
			continue;
		memcpy(f->pem + f->pem_size, b.text, b.size);
		f->pem_size += b.size;
		f->pem[f->pem_size++] = '\n';
	}
	char *less = realloc(f->pem, f->pem_size);
	f->pem = less ? less : f->pem;
	return 0;
}

static int read_text(struct round *r, struct file *f, struct certs *c, const char *path, const char *text, size_t size, int64_t now)
{
	if (certs_parse(c, text, size, now) < 0)
		return refuse(f, c);
	int rc = take(r, f, c, path, now);
	return rc == 0 && round_fetches(r) ? keep(f, path, text, size) : rc;
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

static int read_store(struct round *r, struct file *f, int fd)
{
	char warning[MSG_TEXT_MAX] = "";
	int rc = storefile_read(r->sources.store, fd, warning);

	return rc < 0 ? rc : set_text(&f->warning, f, warning);
}

void round_settings(struct round *r, const struct msg_chain_settings *s)
{
	r->order = chain_order_from_bytes(s->sources);
	r->limits = (struct fetch_limits){ s->timeout_ms, s->size, s->private_addresses };
}

int round_file(struct round *r, uint32_t id, int fd, const struct msg_cert_file_req *req, int64_t now)
{
	struct file *f = new_file(r);

	if (!f)
		return -ENOMEM;
	f->id = id;
	f->subject = make_subject(req->path, req->where);
	f->key_path = strdup(req->key_path);
	if (!f->subject || !f->key_path)
		return -ENOMEM;
	return req->store ? read_store(r, f, fd) : read_certs(r, f, fd, req->path, now);
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
	free(f->pem);
	f->pem = NULL;
	if (!f->key_path[0])
		return set_text(&f->error, f, "no private key for this certificate was found");
	snprintf(text, sizeof text, "the private key in %s does not belong to this certificate", tail(f->key_path));
	return set_text(&f->error, f, text);
}

static int decide(struct round *r, struct file *f)
{
	if (f->number < 0)
		return 0;
	const uint8_t *id = segment_key_id(r->segment, f->number);
	if (r->key_ids_n == 0 || !bsearch(id, r->key_ids, r->key_ids_n, KEY_ID_BYTES, compare_ids))
		return refuse_without_key(f);
	segment_serve(r->segment, f->number);
	return 0;
}

static int finish(struct round *r, int64_t now)
{
	r->catalog = segment_finish(r->segment, r->counts.generation, now, &r->counts.names, &r->counts.certificates);
	segment_free(r->segment);
	r->segment = NULL;
	return r->catalog < 0 ? r->catalog : 0;
}

int round_end(struct round *r, uint32_t generation, int64_t now)
{
	int rc = 0;

	if (r->key_ids_n > 0)
		qsort(r->key_ids, r->key_ids_n, KEY_ID_BYTES, compare_ids);
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = decide(r, &r->files[i]);
	if (rc < 0)
		return rc;
	r->counts.generation = generation;
	return finish(r, now);
}

static int answer_file(const struct file *f, struct channel *ch)
{
	struct msg m = { .type = MSG_CERT_FILE_ANS, .id = f->id,
		.cert_file_ans = { .names = f->names, .error = f->error, .warning = f->warning } };

	return msg_send(ch, &m, NULL, 0);
}

static int answer_catalog(struct round *r, struct channel *ch)
{
	struct msg m = { .type = MSG_CATALOG, .catalog = r->counts };
	int rc = msg_send(ch, &m, &r->catalog, 1);

	if (rc == 0) {
		close(r->catalog);
		r->catalog = -1;
	}
	return rc;
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
	int rc = answer_catalog(r, ch);
	return rc < 0 ? rc : 1;
}

bool round_fetches(const struct round *r)
{
	return chain_order_rank(&r->order, 1u << CHAIN_AIA) >= 0;
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
	return r->counts.generation;
}

static int add_again(struct round *r, struct file *f, int64_t now)
{
	struct built built;
	struct certs c;
	int rc = certs_parse(&c, f->pem, f->pem_size, now);

	if (rc == 0)
		rc = add(r, f, &c, f->path, now, &built);
	if (rc == 0)
		segment_serve(r->segment, f->number);
	certs_clear(&c);
	return rc;
}

int round_rebuild(struct round *r, struct channel *ch, int64_t now)
{
	int rc = 0;

	links_clear(&r->missing);
	r->segment = segment_new();
	if (!r->segment)
		return -ENOMEM;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = r->files[i].pem ? add_again(r, &r->files[i], now) : 0;
	if (rc == 0)
		rc = finish(r, now);
	segment_free(r->segment);
	r->segment = NULL;
	return rc < 0 ? rc : answer_catalog(r, ch);
}
