/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "common/log.h"
#include "workers/librarian/file.h"

#define NAME_BYTES_MAX 64	/* "aia-" and 32 hexadecimal digits of its id's hash, and ".pem" */
#define ASIDE ".damaged"

struct cache {
	int dir;
	unsigned files;
	bool told;		/* that it cannot be written */
};

struct cache *cache_new(int dir)
{
	struct cache *c = calloc(1, sizeof *c);

	if (c)
		c->dir = dir;
	else
		close(dir);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	close(c->dir);
	free(c);
}

/* An id may be a URL: its hash is what makes a name of a file. */
static int name_of(enum record_kind kind, const char *id, char name[NAME_BYTES_MAX])
{
	static const char *const words[] = {
#define X(id_, word, label) word,
		RECORD_KINDS(X)
#undef X
	};
	uint8_t hash[32];
	int n = snprintf(name, NAME_BYTES_MAX, "%s-", words[kind]);

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, id, strlen(id), hash) < 0)
		return -EINVAL;
	for (int i = 0; i < 16; i++)
		n += snprintf(name + n, NAME_BYTES_MAX - (size_t)n, "%02x", hash[i]);
	snprintf(name + n, NAME_BYTES_MAX - (size_t)n, ".pem");
	return 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static void set_aside(struct cache *c, const char *name, const char *why)
{
	char aside[NAME_MAX + sizeof ASIDE];
	struct log_line l;

	snprintf(aside, sizeof aside, "%s" ASIDE, name);
	int rc = renameat(c->dir, name, c->dir, aside);
	log_begin(&l, LOG_LEVEL_WARNING, rc == 0 ? "a file of the cache is set aside" : "a file of the cache cannot be set aside");
	log_str(&l, "file", name);
	log_str(&l, "why", why);
	log_end(&l);
}

/* Of a name that is not its record's another hand has made it. */
static int read_record(const char *name, int fd, struct record *r, const char **why)
{
	char error[MSG_TEXT_MAX] = "", expected[NAME_BYTES_MAX], *text;
	size_t size;

	*why = "it cannot be read";
	if (file_read(fd, RECORD_BYTES_MAX, &text, &size, error) < 0)
		return -EINVAL;
	int rc = record_parse(r, text, size, why);
	file_forget(text, size);
	if (rc < 0)
		return rc;
	if (name_of(r->kind, r->id, expected) == 0 && strcmp(expected, name) == 0)
		return 0;
	*why = "its name is not that of what it holds";
	record_clear(r);
	return -EINVAL;
}

static void load_one(struct cache *c, const char *name, void (*on_record)(void *, const struct record *), void *data)
{
	int fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *why = fd < 0 ? strerror(errno) : "";
	struct record r;

	int rc = fd < 0 ? -errno : read_record(name, fd, &r, &why);
	if (fd >= 0)
		close(fd);
	if (rc < 0) {
		set_aside(c, name, why);
		return;
	}
	c->files++;
	on_record(data, &r);
	record_clear(&r);
}

int cache_load(struct cache *c, void (*on_record)(void *data, const struct record *r), void *data)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) != NULL && c->files < CACHE_FILES_MAX) {
		if (ends_with(e->d_name, FILE_NEW))	/* a write that a crash has broken off */
			unlinkat(c->dir, e->d_name, 0);
		else if (ends_with(e->d_name, ".pem"))
			load_one(c, e->d_name, on_record, data);
	}
	closedir(dir);
	return 0;
}

int cache_put(struct cache *c, const struct record *r)
{
	char name[NAME_BYTES_MAX];
	int rc = name_of(r->kind, r->id, name);

	if (rc < 0)
		return rc;
	bool is_new = faccessat(c->dir, name, F_OK, 0) < 0;
	if (is_new && c->files >= CACHE_FILES_MAX)
		return -ENOSPC;
	char *text = record_text(r);
	if (!text)
		return -ENOMEM;
	rc = file_replace(c->dir, name, text, strlen(text));
	free(text);
	c->files += rc == 0 && is_new;
	return rc;
}

void cache_keep(struct cache *c, const struct record *r)
{
	struct log_line l;
	int rc = c ? cache_put(c, r) : 0;

	if (rc < 0 && !c->told) {
		log_begin(&l, LOG_LEVEL_WARNING, "the cache cannot be written; what was fetched is fetched again after a restart");
		log_str(&l, "url", r->url);
		log_str(&l, "why", strerror(-rc));
		log_end(&l);
	}
	if (c)
		c->told = rc < 0;
}

int cache_remove(struct cache *c, enum record_kind kind, const char *id)
{
	char name[NAME_BYTES_MAX];
	int rc = name_of(kind, id, name);

	if (rc == 0 && unlinkat(c->dir, name, 0) < 0)
		rc = -errno;
	if (rc == 0 && c->files > 0)
		c->files--;
	return rc;
}
