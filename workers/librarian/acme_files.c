/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <gnutls/crypto.h>

#include "common/base64.h"
#include "common/log.h"
#include "common/names.h"
#include "workers/librarian/certs.h"
#include "workers/librarian/file.h"

#define ENDING ".pem"
#define ASIDE ".damaged"
#define CERTIFICATES_MAX 20000	/* files that are read */
#define REGISTERED "registered"	/* a file beside the account's key: the CA knows it */

static int open_below(int dir, const char *name, mode_t mode)
{
	if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int acme_files_open(struct acme_files *f, int cache)
{
	*f = (struct acme_files){ .dir = cache < 0 ? -ENOENT : open_below(cache, "acme", 0755), .certs = -1, .work = -1 };
	if (f->dir < 0)
		return f->dir;
	f->certs = open_below(f->dir, "certs", 0755);
	f->work = open_below(f->dir, "work", 0700);
	int accounts = open_below(f->dir, "accounts", 0700), orders = open_below(f->dir, "orders", 0755);
	if (accounts >= 0)
		close(accounts);
	f->orders = orders < 0 ? NULL : cache_new(orders);
	return f->certs < 0 ? f->certs : f->work < 0 ? f->work : accounts < 0 ? accounts : !f->orders ? -EIO : 0;
}

void acme_files_clear(struct acme_files *f)
{
	int *fds[] = { &f->dir, &f->certs, &f->work };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	cache_free(f->orders);
	f->orders = NULL;
}

/* ---- certificates ---- */

/* "NAME.pem", and nothing else: the name comes from a folder that others may have written to. */
static bool name_of(const char *file, char name[NAME_BYTES])
{
	size_t n = strlen(file), ending = strlen(ENDING);

	return n > ending && strcmp(file + n - ending, ENDING) == 0 &&
		name_normalize(file, n - ending, false, name) && strncmp(name, file, n - ending) == 0;
}

void acme_files_set_aside(struct acme_files *f, const char *name, const char *why)
{
	char file[NAME_BYTES + sizeof ENDING], aside[sizeof file + sizeof ASIDE];
	struct log_line l;

	snprintf(file, sizeof file, "%s" ENDING, name);
	snprintf(aside, sizeof aside, "%s" ASIDE, file);
	int rc = renameat(f->certs, file, f->certs, aside);
	log_begin(&l, LOG_LEVEL_WARNING, rc == 0 ? "a certificate that was ordered is set aside" : "a certificate that was ordered cannot be set aside");
	log_str(&l, "file", file);
	log_str(&l, "why", why);
	log_end(&l);
}

static void load_one(struct acme_files *f, const char *file, const char *name, const struct acme_files_ops *ops, void *data)
{
	char error[MSG_TEXT_MAX] = "", *text;
	size_t size;
	int fd = openat(f->certs, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	int rc = fd < 0 ? -EINVAL : file_read(fd, CERTS_FILE_BYTES_MAX, &text, &size, error);
	if (rc == 0) {
		ops->on_certificate(data, name, text, size);
		file_forget(text, size);
	} else {
		acme_files_set_aside(f, name, fd < 0 ? strerror(errno) : error);
	}
	if (fd >= 0)
		close(fd);
}

static void load_certificates(struct acme_files *f, const struct acme_files_ops *ops, void *data)
{
	int fd = openat(f->certs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_BYTES];
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL && n < CERTIFICATES_MAX) {
		size_t size = strlen(e->d_name), ending = strlen(FILE_NEW);
		if (size > ending && strcmp(e->d_name + size - ending, FILE_NEW) == 0)
			unlinkat(f->certs, e->d_name, 0);	/* a crash has broken it off */
		else if (name_of(e->d_name, name) && ++n)
			load_one(f, e->d_name, name, ops, data);
	}
	if (dir)
		closedir(dir);
	else
		log_warning("certificates that were ordered cannot be read: %s", strerror(errno));
}

void acme_files_load(struct acme_files *f, const struct acme_files_ops *ops, void *data)
{
	load_certificates(f, ops, data);
	if (f->orders)
		cache_load(f->orders, ops->on_record, data);
}

int acme_files_put_certificate(struct acme_files *f, const char *name, const char *text, size_t size)
{
	char file[NAME_BYTES + sizeof ENDING];

	snprintf(file, sizeof file, "%s" ENDING, name);
	return file_replace(f->certs, file, text, size);
}

/* ---- uacme's ---- */

int acme_files_put_request(struct acme_files *f, int slot, const void *der, size_t size, char path[ACME_PATH_MAX])
{
	char text[PEM_SIZE(2048)], name[32];

	if (size > 2048)
		return -EMSGSIZE;
	snprintf(name, sizeof name, "%d-cert.pem", slot);
	if (unlinkat(f->work, name, 0) < 0 && errno != ENOENT)
		return -errno;
	snprintf(name, sizeof name, "%d.csr", slot);
	snprintf(path, ACME_PATH_MAX, "work/%s", name);
	return file_replace(f->work, name, text, base64_pem("CERTIFICATE REQUEST", der, size, text));
}

int acme_files_take_answer(struct acme_files *f, int slot, char **text, size_t *size, char *error)
{
	char name[32];

	snprintf(name, sizeof name, "%d-cert.pem", slot);
	int fd = openat(f->work, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		snprintf(error, MSG_TEXT_MAX, "uacme has left no certificate: %s", strerror(errno));
		return -EINVAL;
	}
	int rc = file_read(fd, CERTS_FILE_BYTES_MAX, text, size, error);
	close(fd);
	return rc;
}

static void account_path(const char *directory, char path[ACME_PATH_MAX])
{
	uint8_t hash[32] = { 0 };
	int n = snprintf(path, ACME_PATH_MAX, "accounts/");

	gnutls_hash_fast(GNUTLS_DIG_SHA256, directory, strlen(directory), hash);
	for (int i = 0; i < 8; i++)
		n += snprintf(path + n, ACME_PATH_MAX - (size_t)n, "%02x", hash[i]);
}

static void registered_path(const char *directory, char path[ACME_PATH_MAX])
{
	account_path(directory, path);
	strcat(path, "/" REGISTERED);
}

bool acme_files_account(struct acme_files *f, const char *directory, char path[ACME_PATH_MAX])
{
	char registered[ACME_PATH_MAX];

	account_path(directory, path);
	if (mkdirat(f->dir, path, 0700) < 0 && errno != EEXIST)
		log_warning("the folder of the ACME account cannot be made: %s", strerror(errno));
	registered_path(directory, registered);
	return faccessat(f->dir, registered, F_OK, 0) == 0;
}

void acme_files_note_account(struct acme_files *f, const char *directory, bool made)
{
	char path[ACME_PATH_MAX];

	registered_path(directory, path);
	if (!made) {
		unlinkat(f->dir, path, 0);
		return;
	}
	int fd = openat(f->dir, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, directory, strlen(directory)) < 0)
		log_notice("what CA the account is with could not be written down: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}
