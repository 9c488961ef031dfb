/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hostset_build.h"

/* Up to size bytes; it may have become shorter in the meantime. */
static ssize_t read_up_to(int file, char *text, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(file, text + got, size - got, (off_t)got);
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

int set_make(int file, uint32_t *names, char *err, size_t err_size)
{
	struct stat st;
	char *text = NULL;
	int fd = -1;

	*names = 0;
	int rc = fstat(file, &st) < 0 ? -errno : st.st_size > (off_t)HOSTSET_TEXT_MAX ? -EFBIG : 0;
	if (rc == 0)
		text = malloc((size_t)st.st_size + 1);
	if (rc == 0 && !text)
		rc = -ENOMEM;
	ssize_t size = rc == 0 ? read_up_to(file, text, (size_t)st.st_size) : rc;
	if (size < 0)
		snprintf(err, err_size, "cannot be read: %s", strerror((int)-size));
	else
		size = hostset_build(text, (size_t)size, &fd, names, err, err_size);
	free(text);
	return size < 0 ? (int)size : fd;
}
