/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/keyfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"
#include "workers/keeper/pemsplit.h"

int keyfile_reader_init(struct keyfile_reader *r, struct sign_lib *lib)
{
	void *text = mmap(NULL, KEYFILE_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (text == MAP_FAILED)
		return -errno;
	madvise(text, KEYFILE_BYTES_MAX, MADV_DONTDUMP);
	madvise(text, KEYFILE_BYTES_MAX, MADV_DONTFORK);
	*r = (struct keyfile_reader){ lib, text, mlock(text, KEYFILE_BYTES_MAX) == 0 };
	return 0;
}

void keyfile_reader_clear(struct keyfile_reader *r)
{
	if (r->text)
		munmap(r->text, KEYFILE_BYTES_MAX);
	*r = (struct keyfile_reader){ 0 };
}

/* Its text need not be cleared. */
void keyfile_init(struct keyfile *f, uint32_t number)
{
	f->certificates_fd = -1;
	f->number = number;
	f->keys = f->certificates = 0;
	f->text_size = 0;
	f->error[0] = '\0';
}

static int __attribute__((format(printf, 2, 3))) fail(struct keyfile *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->error, sizeof f->error, format, args);
	va_end(args);
	return -EINVAL;
}

static int check(struct keyfile *f, int fd, size_t *expected)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(f, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(f, "is not a regular file");
	if (st.st_size == 0)
		return fail(f, "is empty");
	if (st.st_size > (off_t)KEYFILE_BYTES_MAX)
		return fail(f, "is larger than 1 MB");
	*expected = (size_t)st.st_size;
	return 0;
}

/* The size that stat told may be out of date by now: read what there is. If more was asked for and that came, it is all. */
static int read_text(struct keyfile *f, int fd, size_t expected, char *text, size_t *size)
{
	while (*size < KEYFILE_BYTES_MAX) {
		ssize_t n = pread(fd, text + *size, KEYFILE_BYTES_MAX - *size, (off_t)*size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(f, "cannot be read: %s", strerror(errno));
		if (n == 0)
			break;
		*size += (size_t)n;
		if (*size == expected)
			break;
	}
	return *size > 0 ? 0 : fail(f, "is empty");
}

static int add_key(struct keyfile_reader *r, const struct pem_block *b, struct keystore *into, struct keyfile *f)
{
	struct sign_import key;
	int rc = sign_import_pem(r->lib, b->text, b->size, &key);

	if (rc == -ENOTSUP)
		fail(f, "has a private key of a kind that is not supported (supported: %s)", SIGN_SUPPORTED);
	else if (rc < 0)
		fail(f, "has a private key that cannot be decoded");
	if (rc == 0) {
		rc = keystore_add(into, f->number, key.id, key.der, key.size);
		if (rc < 0)
			fail(f, "cannot be kept in memory: %s", strerror(-rc));
	}
	sign_import_clear(&key);
	f->keys += rc == 0;
	return rc;
}

/* What was kept beside goes into the memfd first. */
static int write_certificate(const struct pem_block *b, bool newline, size_t used, struct keyfile *f)
{
	int rc = 0;

	if (f->certificates_fd < 0) {
		f->certificates_fd = memfd_new("certificates", 0);
		rc = f->certificates_fd < 0 ? f->certificates_fd : memfd_write(f->certificates_fd, 0, f->text, f->text_size);
		f->text_size = 0;
	}
	if (rc == 0)
		rc = memfd_write(f->certificates_fd, used, b->text, b->size);
	if (rc == 0 && newline)
		rc = memfd_write(f->certificates_fd, used + b->size, "\n", 1);
	return rc;
}

static int add_certificate(const struct pem_block *b, size_t *used, struct keyfile *f)
{
	bool newline = b->text[b->size - 1] != '\n';
	size_t size = b->size + newline;

	if (f->certificates_fd < 0 && *used + size <= sizeof f->text) {
		memcpy(f->text + *used, b->text, b->size);
		if (newline)
			f->text[*used + b->size] = '\n';
		f->text_size = *used + size;
	} else {
		int rc = write_certificate(b, newline, *used, f);
		if (rc < 0)
			return fail(f, "cannot be passed on: %s", strerror(-rc));
	}
	*used += size;
	f->certificates++;
	return 0;
}

static int add_block(struct keyfile_reader *r, const struct pem_block *b, enum keyfile_kind kind,
	struct keystore *into, struct keyfile *f, size_t *certificate_bytes)
{
	switch (b->kind) {
	case PEM_KEY: return add_key(r, b, into, f);
	case PEM_KEY_ENCRYPTED: return fail(f, "is encrypted; tlsward needs it without a passphrase");
	case PEM_CERTIFICATE: return kind == KEYFILE_MIXED ? add_certificate(b, certificate_bytes, f) : 0;
	case PEM_OTHER: break;
	}
	return 0;
}

static int add_blocks(struct keyfile_reader *r, size_t size, enum keyfile_kind kind, struct keystore *into, struct keyfile *f)
{
	const char *at = r->text, *end = r->text + size;
	struct pem_block block;
	enum pem_next next = PEM_END;
	size_t certificate_bytes = 0;
	int rc = 0;

	while (rc == 0 && (next = pem_next(&at, end, &block)) == PEM_BLOCK)
		rc = add_block(r, &block, kind, into, f, &certificate_bytes);
	if (rc < 0)
		return rc;
	if (next == PEM_BROKEN)
		return fail(f, "has a PEM block without its END line");
	if (f->keys == 0 && f->certificates == 0 && kind != KEYFILE_KEYS)
		return fail(f, kind == KEYFILE_MIXED ? "has neither a private key nor a certificate (PEM)" : "has no private key (PEM)");
	if (f->certificates_fd >= 0 && memfd_seal_all(f->certificates_fd) < 0)
		return fail(f, "cannot be passed on: %s", strerror(errno));
	return 0;
}

void keyfile_read(struct keyfile_reader *r, int fd, uint32_t number, enum keyfile_kind kind, struct keystore *into, struct keyfile *f)
{
	size_t before = keystore_count(into), expected = 0, size = 0;

	keyfile_init(f, number);
	int rc = check(f, fd, &expected);
	if (rc == 0)
		rc = read_text(f, fd, expected, r->text, &size);
	if (rc == 0)
		rc = add_blocks(r, size, kind, into, f);
	explicit_bzero(r->text, size);
	if (rc == 0)
		return;
	keystore_truncate(into, before);
	keyfile_clear(f);
	f->keys = f->certificates = 0;
	f->text_size = 0;
}

void keyfile_clear(struct keyfile *f)
{
	if (f->certificates_fd >= 0)
		close(f->certificates_fd);
	f->certificates_fd = -1;
}
