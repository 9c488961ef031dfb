/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"

#define THUMBPRINT_CHARS 43	/* base64url of a SHA-256 */

/* "TOKEN.THUMBPRINT", and nothing else (RFC 8555 8.1). */
static bool is_authorization(const char *token, const char *authorization)
{
	size_t n = strlen(token);

	return base64url_is(token, CHALLENGE_TOKEN_MAX) && strncmp(authorization, token, n) == 0 &&
		authorization[n] == '.' && base64url_is(authorization + n + 1, THUMBPRINT_CHARS);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t n = strlen(text);

	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, text, n);
	int rc = written == (ssize_t)n ? 0 : written < 0 ? -errno : -ENOSPC;
	close(fd);
	return rc;
}

static int make_folders(const char *webroot, char *path, size_t size)
{
	static const char *const below[] = { "/.well-known", "/.well-known/acme-challenge" };

	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		if (snprintf(path, size, "%s%s", webroot, below[i]) >= (int)size)
			return -ENAMETOOLONG;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int challenge_put(const char *webroot, const char *token, const char *authorization, char path[CHALLENGE_PATH_MAX])
{
	if (!is_authorization(token, authorization))
		return -EBADMSG;
	int rc = make_folders(webroot, path, MSG_PATH_MAX + 1);
	if (rc < 0)
		return rc;
	size_t n = strlen(path);
	snprintf(path + n, CHALLENGE_PATH_MAX - n, "/%s", token);
	rc = write_file(path, authorization);
	if (rc < 0)
		unlink(path);
	return rc;
}
