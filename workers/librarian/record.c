/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "workers/librarian/pem.h"

#define HEAD "tlsward-cache 1"
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_BYTES 32
#define SUM_BYTES 65		/* SHA-256 in hexadecimal digits, and NUL */

static const struct { const char *word, *label; } kinds[] = {
#define X(id, word, label) [id] = { word, label },
	RECORD_KINDS(X)
#undef X
};

/* ---- reading ---- */

static bool copy_text(const char *value, size_t n, char *to, size_t size)
{
	if (n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (value[i] < ' ' || value[i] >= 0x7f)
			return false;
	memcpy(to, value, n);
	to[n] = '\0';
	return true;
}

static bool copy_time(const char *value, size_t n, int64_t *to)
{
	char text[TIME_BYTES];
	struct tm tm = { 0 };

	if (!copy_text(value, n, text, sizeof text))
		return false;
	const char *end = strptime(text, TIME_FORMAT, &tm);
	*to = timegm(&tm);
	return end && *end == '\0' && *to > 0;
}

static bool copy_number(const char *value, size_t n, uint32_t *to)
{
	char text[12], *end;

	if (n == 0 || !copy_text(value, n, text, sizeof text) || text[0] < '0' || text[0] > '9')
		return false;
	unsigned long v = strtoul(text, &end, 10);
	*to = (uint32_t)v;
	return *end == '\0' && v <= UINT32_MAX;
}

static bool copy_kind(const char *value, size_t n, enum record_kind *to)
{
	unsigned k = 0;

	while (k < RECORD_KIND_COUNT && (strlen(kinds[k].word) != n || memcmp(kinds[k].word, value, n) != 0))
		k++;
	*to = k;
	return k < RECORD_KIND_COUNT;
}

static int make_sum(const struct record *r, char text[SUM_BYTES])
{
	uint8_t hash[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, r->body.data, r->body.size, hash) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static bool is(const char *key, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(key, name, n) == 0;
}

/* A line "key: value"; one of a later version is passed over. */
static bool take(struct record *r, char sum[SUM_BYTES], const char *key, size_t key_n, const char *value, size_t n)
{
	if (is(key, key_n, "sha256"))
		return copy_text(value, n, sum, SUM_BYTES);
	if (is(key, key_n, "kind"))
		return copy_kind(value, n, &r->kind);
	if (is(key, key_n, "id"))
		return copy_text(value, n, r->id, sizeof r->id);
	if (is(key, key_n, "url"))
		return copy_text(value, n, r->url, sizeof r->url);
	if (is(key, key_n, "error"))
		return copy_text(value, n, r->error, sizeof r->error);
	if (is(key, key_n, "fetched"))
		return copy_time(value, n, &r->fetched);
	if (is(key, key_n, "tried"))
		return copy_time(value, n, &r->tried);
	if (is(key, key_n, "next"))
		return copy_time(value, n, &r->next);
	if (is(key, key_n, "failures"))
		return copy_number(value, n, &r->failures);
	return true;
}

static bool take_line(struct record *r, char sum[SUM_BYTES], const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);

	if (n == 0)
		return true;
	if (!colon || colon == line || (size_t)(line + n - colon) < 2 || colon[1] != ' ')
		return false;
	return take(r, sum, line, (size_t)(colon - line), colon + 2, (size_t)(line + n - colon - 2));
}

/* The lines up to the body; returns where that begins, NULL: one of them is bad. */
static const char *take_lines(struct record *r, char sum[SUM_BYTES], const char *at, const char *end)
{
	while (at < end && *at != '-') {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		if (!eol || !take_line(r, sum, at, (size_t)(eol - at)))
			return NULL;
		at = eol + 1;
	}
	return at;
}

static int take_body(struct record *r, const char *at, const char *end)
{
	gnutls_datum_t pem, der = { 0 };
	struct pem_block b;

	if (at == end)
		return 0;
	const char *label = kinds[r->kind].label;
	if (!pem_next(&at, end, &b) || b.cut || b.label_size != strlen(label) || memcmp(b.label, label, b.label_size) != 0)
		return -EINVAL;
	pem = (gnutls_datum_t){ (unsigned char *)(uintptr_t)b.text, (unsigned)b.size };
	if (gnutls_pem_base64_decode2(label, &pem, &der) < 0)
		return -EINVAL;
	int rc = der.size > 0 && der.size <= RECORD_BODY_MAX ? record_set_body(r, der.data, der.size) : -EINVAL;
	gnutls_free(der.data);
	return rc;
}

static bool is_as_written(const struct record *r, const char *sum)
{
	char text[SUM_BYTES];

	return make_sum(r, text) == 0 && strcmp(text, sum) == 0;
}

int record_parse(struct record *r, const char *text, size_t size, const char **why)
{
	const char *end = text + size;
	char sum[SUM_BYTES] = "";

	*r = (struct record){ .kind = RECORD_KIND_COUNT };
	*why = "it is none of ours";
	if (size > RECORD_BYTES_MAX || size <= strlen(HEAD) || memcmp(text, HEAD "\n", strlen(HEAD) + 1) != 0)
		return -EINVAL;
	*why = "one of its lines cannot be read";
	const char *body = take_lines(r, sum, text + strlen(HEAD) + 1, end);
	if (!body)
		return -EINVAL;
	*why = "it does not say what it is";
	if (r->kind == RECORD_KIND_COUNT || !r->id[0] || !r->url[0])
		return -EINVAL;
	*why = "what it holds is damaged";
	int rc = take_body(r, body, end);
	if (rc == 0 && (r->fetched > 0) != (r->body.size > 0))
		rc = -EINVAL;
	r->summed = rc == 0 && r->body.size > 0 && sum[0];
	if (r->summed && !is_as_written(r, sum))
		rc = -EINVAL;
	if (rc < 0)
		record_clear(r);
	return rc;
}

/* ---- writing ---- */

static void put_time(FILE *f, const char *key, int64_t when)
{
	char text[TIME_BYTES];
	time_t t = (time_t)when;
	struct tm tm;

	if (when > 0 && gmtime_r(&t, &tm) && strftime(text, sizeof text, TIME_FORMAT, &tm) > 0)
		fprintf(f, "%s: %s\n", key, text);
}

static int put_body(FILE *f, const struct record *r)
{
	gnutls_datum_t der = { (unsigned char *)(uintptr_t)r->body.data, (unsigned)r->body.size }, pem = { 0 };

	char sum[SUM_BYTES];

	if (r->body.size == 0)
		return 0;
	if (make_sum(r, sum) < 0)
		return -ENOMEM;
	fprintf(f, "sha256: %s\n", sum);
	if (gnutls_pem_base64_encode2(kinds[r->kind].label, &der, &pem) < 0)
		return -ENOMEM;
	fwrite(pem.data, 1, pem.size, f);
	gnutls_free(pem.data);
	return 0;
}

char *record_text(const struct record *r)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, HEAD "\nkind: %s\nid: %s\nurl: %s\n", kinds[r->kind].word, r->id, r->url);
	put_time(f, "fetched", r->fetched);
	put_time(f, "tried", r->tried);
	put_time(f, "next", r->next);
	if (r->failures > 0)
		fprintf(f, "failures: %" PRIu32 "\n", r->failures);
	if (r->error[0])
		fprintf(f, "error: %s\n", r->error);
	int rc = put_body(f, r);
	if (fclose(f) == 0 && rc == 0)
		return text;
	free(text);
	return NULL;
}

int record_set_body(struct record *r, const void *body, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, body, size);
	record_clear(r);
	r->body = (struct bytes){ copy, size };
	return 0;
}

void record_clear(struct record *r)
{
	free((void *)(uintptr_t)r->body.data);
	r->body = (struct bytes){ 0 };
}
