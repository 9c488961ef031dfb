/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/librarian/words.h"

/* Anything but a regular file might block, or never end. */
static int check(int fd, size_t max, size_t *size, char *error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		words_say(error, "it cannot be read: %s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		words_say(error, "it is a directory; a file with certificates in PEM form is needed");
	else if (!S_ISREG(st.st_mode))
		words_say(error, "it is no regular file; a file with certificates in PEM form is needed");
	else if ((size_t)st.st_size > max)
		words_say(error, "it has %lld bytes; at most %zu are read", (long long)st.st_size, max);
	else {
		*size = (size_t)st.st_size;
		return 0;
	}
	return -EINVAL;
}

ssize_t file_read_up_to(int fd, char *data, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, data + got, size - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int file_read(int fd, size_t max, char **data, size_t *size, char *error)
{
	size_t want = 0;

	if (check(fd, max, &want, error) < 0)
		return -EINVAL;
	*data = malloc(want + 1);
	ssize_t n = *data ? file_read_up_to(fd, *data, want) : -ENOMEM;
	if (n >= 0) {
		*size = (size_t)n;
		return 0;
	}
	words_say(error, "it cannot be read: %s", strerror((int)-n));
	file_forget(*data, want);
	return -EINVAL;
}

void file_forget(char *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
	free(data);
}

int file_write(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_replace(int dir, const char *name, const char *text, size_t size)
{
	char fresh[NAME_MAX + 1];

	if (snprintf(fresh, sizeof fresh, "%s" FILE_NEW, name) >= (int)sizeof fresh)
		return -ENAMETOOLONG;
	int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int rc = file_write(fd, text, size);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	if (rc == 0 && renameat(dir, fresh, dir, name) < 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(dir, fresh, 0);
	return rc;
}
