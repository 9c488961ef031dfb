/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/saved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"
#include "workers/librarian/file.h"

#define LIST "catalog.list"
#define HEAD "tlsward-catalog 1\n"
#define LIST_BYTES_MAX 8192
#define PART_NAME_BYTES 64	/* "catalog-", 32 hexadecimal digits of its hash, its ending, ".new" */
#define HASH_BYTES 65		/* of SHA-256 as text */
#define CHUNK ((size_t)256 << 10)

static const char *ending_of(int part)
{
	return part == 0 ? "files" : "segment";
}

static void name_of(const char *hash, int part, char name[PART_NAME_BYTES])
{
	snprintf(name, PART_NAME_BYTES, "catalog-%.32s.%s", hash, ending_of(part));
}

/* ---- copying, and hashing what is copied ---- */

static void hash_text(gnutls_hash_hd_t hash, char text[HASH_BYTES])
{
	uint8_t out[32];

	gnutls_hash_deinit(hash, out);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", out[i]);
}

/* to: -1 only hashes. *size gets how much there was. */
static int copy(int from, int to, size_t *size, char hash[HASH_BYTES])
{
	gnutls_hash_hd_t h = NULL;
	char *chunk = malloc(CHUNK);
	ssize_t n = 0;
	int rc = chunk && gnutls_hash_init(&h, GNUTLS_DIG_SHA256) >= 0 ? 0 : -ENOMEM;

	*size = 0;
	while (rc == 0 && (n = pread(from, chunk, CHUNK, (off_t)*size)) > 0) {
		gnutls_hash(h, chunk, (size_t)n);
		rc = to < 0 ? 0 : file_write(to, chunk, (size_t)n);
		*size += (size_t)n;
	}
	if (n < 0)
		rc = -errno;
	if (h)
		hash_text(h, hash);
	free(chunk);
	return rc;
}

/* ---- writing ---- */

static int hash_of(int fd, struct saved_seen *seen, char hash[HASH_BYTES])
{
	struct stat st;
	size_t size;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (int i = 0; i < 2 * CATALOG_SEGMENTS_MAX; i++)
		if (seen->list[i].hash[0] && seen->list[i].dev == st.st_dev && seen->list[i].ino == st.st_ino) {
			memcpy(hash, seen->list[i].hash, HASH_BYTES);
			return 0;
		}
	int rc = copy(fd, -1, &size, hash);
	if (rc < 0)
		return rc;
	seen->list[seen->next].dev = st.st_dev;
	seen->list[seen->next].ino = st.st_ino;
	memcpy(seen->list[seen->next].hash, hash, HASH_BYTES);
	seen->next = (seen->next + 1) % (2 * CATALOG_SEGMENTS_MAX);
	return 0;
}

/* Beside, then renamed. from: a descriptor, or -1 for the text. */
static int put(int dir, const char *name, int from, const char *text)
{
	char fresh[PART_NAME_BYTES + 8], hash[HASH_BYTES];
	size_t size;

	snprintf(fresh, sizeof fresh, "%s" FILE_NEW, name);
	int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int rc = from >= 0 ? copy(from, fd, &size, hash) : file_write(fd, text, strlen(text));
	/* Else a full disk might be found out behind the rename. */
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(dir, fresh, dir, name) < 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(dir, fresh, 0);
	return rc;
}

/* One whose name, which is its hash, and size are there already need not be written. */
static int put_part(int dir, int part, int from, struct saved_seen *seen, char *list, size_t room)
{
	char hash[HASH_BYTES], name[PART_NAME_BYTES];
	struct stat st, there;

	int rc = fstat(from, &st) < 0 ? -errno : hash_of(from, seen, hash);
	if (rc < 0)
		return rc;
	name_of(hash, part, name);
	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || there.st_size != st.st_size)
		rc = put(dir, name, from, NULL);
	size_t used = strlen(list);
	int n = snprintf(list + used, room - used, "%s: %lld %s\n", ending_of(part), (long long)st.st_size, hash);
	return rc < 0 ? rc : (size_t)n < room - used ? 0 : -EFBIG;
}

static bool is_ours(const char *name)
{
	return strncmp(name, "catalog-", 8) == 0;
}

/* What the list does not name any more. */
static void sweep(int dir, const char *list)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char hash[33] = "";
		if (is_ours(e->d_name) && (sscanf(e->d_name, "catalog-%32[0-9a-f].", hash) != 1 || !strstr(list, hash)))
			unlinkat(dir, e->d_name, 0);
	}
	if (d)
		closedir(d);
}

int saved_write(int dir, const struct saved *s, struct saved_seen *seen)
{
	char list[LIST_BYTES_MAX];
	int rc = 0;

	snprintf(list, sizeof list, HEAD "configuration: %016" PRIx64 "\nnames: %" PRIu32 "\ncertificates: %" PRIu32 "\n",
		s->conf, s->names, s->certificates);
	for (int i = 0; i < s->n && rc == 0; i++)
		rc = put_part(dir, i, s->fds[i], seen, list, sizeof list);
	if (rc == 0)
		rc = put(dir, LIST, -1, list);
	if (rc == 0)
		sweep(dir, list);
	return rc;
}

/* ---- reading ---- */

static int read_list(int dir, char list[LIST_BYTES_MAX])
{
	int fd = openat(dir, LIST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = pread(fd, list, LIST_BYTES_MAX - 1, 0);
	close(fd);
	if (n < 0)
		return -errno;
	list[n] = '\0';
	return 0;
}

/* fd: gets a sealed memfd of what the file holds. */
static int read_part(int dir, int part, long long size, const char *hash, int *fd)
{
	char name[PART_NAME_BYTES], found[HASH_BYTES];
	size_t copied = 0;
	struct stat st;

	name_of(hash, part, name);
	int from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return -errno;
	int rc = fstat(from, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size ? 0 : -EINVAL;
	*fd = rc == 0 ? memfd_new(part == 0 ? "files" : "catalog", 0) : rc;
	rc = *fd < 0 ? *fd : copy(from, *fd, &copied, found);
	if (rc == 0 && ((long long)copied != size || strcmp(found, hash) != 0))
		rc = -EINVAL;
	if (rc == 0)
		rc = memfd_seal_all(*fd);
	close(from);
	if (rc < 0 && *fd >= 0)
		close(*fd);
	return rc;
}

static const char *take_parts(int dir, const char *at, struct saved *s)
{
	char kind[9], hash[HASH_BYTES];
	long long size;
	int used;

	while (*at) {
		if (s->n == CATALOG_SEGMENTS_MAX || sscanf(at, "%8[a-z]: %lld %64[0-9a-f]%n", kind, &size, hash, &used) != 3 ||
		    at[used] != '\n' || strlen(hash) != HASH_BYTES - 1 || strcmp(kind, ending_of(s->n)) != 0)
			return "its list cannot be read";
		if (size <= 0 || (unsigned long long)size > CATALOG_SEGMENT_BYTES_MAX || read_part(dir, s->n, size, hash, &s->fds[s->n]) < 0)
			return "one of its files is missing or damaged";
		s->n++;
		at += used + 1;
	}
	return s->n < 2 ? "its list is cut off" : NULL;
}

int saved_read(int dir, struct saved *s, const char **why)
{
	char list[LIST_BYTES_MAX];
	int used = 0;

	*s = (struct saved){ .n = 0 };
	int rc = read_list(dir, list);
	if (rc < 0) {
		*why = "its list cannot be opened";
		return rc == -ENOENT ? 0 : -EINVAL;
	}
	*why = "it is of another version";
	if (strncmp(list, HEAD, strlen(HEAD)) != 0)
		return -EINVAL;
	*why = "its list cannot be read";
	if (sscanf(list + strlen(HEAD), "configuration: %16" SCNx64 "\nnames: %" SCNu32 "\ncertificates: %" SCNu32 "%n",
		&s->conf, &s->names, &s->certificates, &used) != 3 || list[strlen(HEAD) + (size_t)used] != '\n')
		return -EINVAL;
	*why = take_parts(dir, list + strlen(HEAD) + used + 1, s);
	if (!*why)
		return 0;
	saved_close(s);
	return -EINVAL;
}

void saved_close(struct saved *s)
{
	for (int i = 0; i < s->n; i++)
		close(s->fds[i]);
	s->n = 0;
}
