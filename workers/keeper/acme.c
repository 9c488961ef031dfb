/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/acme.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"

#define LABEL "PRIVATE KEY"
#define END_LINE "-----END "
#define FILE_BYTES_MAX 4096	/* of a key of ours, and of one on P-521 or RSA 4096 that was put in its place */

void acme_init(struct acme *a, struct sign_lib *lib)
{
	*a = (struct acme){ .lib = lib };
}

void acme_clear(struct acme *a)
{
	keystore_free(a->made);
	keystore_free(a->loading);
	sign_key_free(a->challenge);
	*a = (struct acme){ .lib = NULL };
}

/* ---- the store ---- */

static int copy_keys(const struct keystore *from, struct keystore *to)
{
	uint8_t id[KEY_ID_BYTES];
	size_t size;
	int rc = 0;

	for (size_t i = 0; from && rc == 0 && keystore_ids(from, i, 1, id) == 1; i++) {
		const uint8_t *der = keystore_find(from, id, &size);
		if (der)
			rc = keystore_add(to, 0, id, der, size);
	}
	return rc;
}

/* Puts a new store in the place of the one there is, which has been copied into it. */
static int replace(struct acme *a, struct keystore *new, int rc)
{
	if (rc == 0)
		rc = keystore_finish(new);
	if (rc < 0) {
		keystore_free(new);
		return rc;
	}
	keystore_free(a->made);
	a->made = new;
	return 0;
}

static int add(struct acme *a, const struct sign_import *key)
{
	struct keystore *new = a->made && keystore_count(a->made) >= ACME_KEYS_MAX ? NULL : keystore_new();

	if (!new)
		return -ENOMEM;
	int rc = copy_keys(a->made, new);
	if (rc == 0)
		rc = keystore_add(new, 0, key->id, key->der, key->size);
	return replace(a, new, rc);
}

/* ---- the file ---- */

/* Whole on the disk before anything is signed with it: a certificate must not outlive its key. */
static int write_key(int fd, const struct sign_import *key)
{
	char text[FILE_BYTES_MAX];
	size_t n;
	int rc = 0;

	if (PEM_SIZE(key->size) > sizeof text)
		return -EMSGSIZE;
	n = base64_pem(LABEL, key->der, key->size, text);
	ssize_t written = pwrite(fd, text, n, 0);
	if (written < 0)
		rc = -errno;
	else if ((size_t)written < n)
		rc = -ENOSPC;
	if (rc == 0 && (ftruncate(fd, (off_t)n) < 0 || fsync(fd) < 0))
		rc = -errno;
	explicit_bzero(text, sizeof text);
	return rc;
}

/* 1: there is none in it, or one that a crash has cut off. */
static int read_key(struct acme *a, int fd, struct sign_import *key)
{
	char text[FILE_BYTES_MAX + 1];
	ssize_t n = pread(fd, text, FILE_BYTES_MAX, 0);
	int rc = n < 0 ? -errno : 1;

	if (n > 0) {
		text[n] = '\0';
		if (strstr(text, END_LINE))
			rc = sign_import_pem(a->lib, text, (size_t)n, key);
	}
	explicit_bzero(text, sizeof text);
	return rc;
}

static int get_key(struct acme *a, int fd, struct sign_import *key)
{
	int rc = read_key(a, fd, key);

	if (rc != 1)
		return rc;
	rc = sign_generate(a->lib, key);
	return rc < 0 ? rc : write_key(fd, key);
}

/* ---- answers ---- */

static const char *say(struct acme *a, const char *what, int rc)
{
	snprintf(a->error, sizeof a->error, "%s: %s", what, rc == -EBADMSG ? "it cannot be read as a key" : strerror(-rc));
	return a->error;
}

static int sign_request(struct acme *a, const struct sign_import *key, const char *name)
{
	struct sign_key *ready = sign_key_new(a->lib, key->der, key->size);
	int n = !ready ? -EBADMSG : sign_key_kind(ready) != KEY_EC_P256 ? -ENOTSUP : request_make(ready, name, a->der);

	sign_key_free(ready);
	return n;
}

bool acme_request(struct acme *a, int fd, const char *name, struct msg_csr_ans *ans)
{
	struct sign_import key = { .size = 0 };
	bool made = false;

	*ans = (struct msg_csr_ans){ .error = "" };
	int rc = get_key(a, fd, &key), n = 0;
	if (rc < 0)
		ans->error = say(a, "its private key", rc);
	else if ((n = sign_request(a, &key, name)) < 0)
		ans->error = say(a, "the request cannot be signed", n);
	else if ((rc = add(a, &key)) < 0)
		ans->error = say(a, "its private key cannot be kept", rc);
	else
		made = true;
	memcpy(a->key_id, key.id, sizeof a->key_id);
	sign_import_clear(&key);
	if (made) {
		ans->key_id = (struct bytes){ a->key_id, sizeof a->key_id };
		ans->csr = (struct bytes){ a->der, (size_t)n };
	}
	return made;
}

/* One key serves all challenges of this process: it is worth nothing once they are over. */
static int make_challenge_key(struct acme *a)
{
	struct sign_import key;
	int rc = sign_generate(a->lib, &key);

	if (rc == 0)
		rc = add(a, &key);
	if (rc == 0) {
		a->challenge = sign_key_new(a->lib, key.der, key.size);
		rc = a->challenge ? 0 : -ENOMEM;
	}
	sign_import_clear(&key);
	return rc;
}

bool acme_challenge(struct acme *a, const struct msg_challenge_req *q, struct msg_challenge_ans *ans)
{
	bool made = !a->challenge;
	int n = made ? make_challenge_key(a) : 0;

	*ans = (struct msg_challenge_ans){ .error = "" };
	if (n == 0)
		n = q->digest.size != REQUEST_DIGEST_BYTES ? -EINVAL :
			request_challenge(a->challenge, q->name, q->digest.data, time(NULL), a->der);
	if (n < 0)
		ans->error = say(a, "the certificate of the challenge", n);
	else
		ans->certificate = (struct bytes){ a->der, (size_t)n };
	return made && a->challenge;
}

/* ---- keys of runs before ---- */

void acme_load(struct acme *a, int fd, struct msg_own_key_ans *ans)
{
	struct sign_import key = { .size = 0 };
	int rc = a->loading || (a->loading = keystore_new()) ? read_key(a, fd, &key) : -errno;

	if (rc == 0)
		rc = keystore_add(a->loading, 0, key.id, key.der, key.size);
	if (rc == 0) {
		memcpy(a->key_id, key.id, sizeof a->key_id);
		ans->key_id = (struct bytes){ a->key_id, sizeof a->key_id };
	} else {
		ans->error = rc == 1 ? "holds no whole key" : say(a, "its private key", rc);
	}
	sign_import_clear(&key);
}

/* Those that have been made meanwhile stay; of two with the same id one is kept. */
bool acme_load_end(struct acme *a)
{
	struct keystore *new = a->loading;

	a->loading = NULL;
	return new && replace(a, new, copy_keys(a->made, new)) == 0;
}
