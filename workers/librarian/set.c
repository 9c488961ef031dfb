/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hostset_build.h"
#include "workers/librarian/file.h"

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
	ssize_t size = rc == 0 ? file_read_up_to(file, text, (size_t)st.st_size) : rc;
	if (size < 0)
		snprintf(err, err_size, "cannot be read: %s", strerror((int)-size));
	else
		size = hostset_build(text, (size_t)size, &fd, names, err, err_size);
	free(text);
	return size < 0 ? (int)size : fd;
}
