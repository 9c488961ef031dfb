/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/advisor/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/memfd.h"
#include "lua/ticks.h"
#include "plugins/policy/lua.h"

/* Up to one byte more than may be. */
static ssize_t read_all(int file, char *text)
{
	size_t size = 0;

	while (size <= SCRIPT_BYTES_MAX) {
		ssize_t n = pread(file, text + size, SCRIPT_BYTES_MAX + 1 - size, (off_t)size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		size += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)size;
}

static int seal(const char *text, size_t size)
{
	int fd = memfd_new("script", size);

	if (fd < 0)
		return fd;
	int rc = memfd_write(fd, 0, text, size);
	if (rc == 0)
		rc = memfd_seal_all(fd);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static size_t list_sets(const struct lua_policy *p, uint8_t sets[CHECK_SETS_BYTES])
{
	const char *name;
	size_t size = 0;

	for (int i = 0; (name = lua_policy_set_name(p, i)) && size + strlen(name) + 1 <= CHECK_SETS_BYTES; i++) {
		memcpy(sets + size, name, strlen(name) + 1);
		size += strlen(name) + 1;
	}
	return size;
}

/* A complaint that has no room any more is left out; the others are enough to refuse. */
static size_t list_wrong(const struct lua_policy *p, uint8_t wrong[MSG_WRONG_MAX])
{
	const char *text;
	unsigned index;
	struct buf b;
	size_t size = 0;

	buf_init(&b, wrong, MSG_WRONG_MAX);
	for (int i = 0; (text = lua_policy_wrong_setting(p, i, &index)); i++) {
		buf_put_u16(&b, (uint16_t)index);
		buf_put_u16(&b, (uint16_t)strlen(text));
		buf_put_bytes(&b, text, strlen(text));
		size = b.failed ? size : b.size;
	}
	return size;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

static void check_text(const struct msg_script_req *q, const char *text, size_t size, struct msg_script_ans *a, int *fd,
	struct check_memory *m)
{
	struct lua_limits limits = { .budget_us = q->budget_us, .memory = q->memory };
	struct lua_script script = { .path = q->path, .text = text, .size = size,
		.settings = q->settings.data, .settings_size = q->settings.size };
	int rc = ticks_start();		/* loading an empty policy has stopped it */

	if (rc < 0) {
		snprintf(m->error, sizeof m->error, "%s: no timer for its budget: %s", base_name(q->path), strerror(-rc));
		return;
	}
	struct lua_policy *policy = lua_policy_new(&script, &limits, NULL, NULL, m->error, sizeof m->error);

	if (!policy)
		return;
	a->sets = (struct bytes){ m->sets, list_sets(policy, m->sets) };
	a->wrong = (struct bytes){ m->wrong, list_wrong(policy, m->wrong) };
	lua_policy_free(policy);
	if (a->wrong.size > 0)
		return;
	*fd = seal(text, size);
	if (*fd < 0)
		snprintf(m->error, sizeof m->error, "%s: %s", base_name(q->path), strerror(-*fd));
}

void check_script(const struct msg_script_req *q, int file, struct msg_script_ans *a, int *fd, struct check_memory *m)
{
	char *text = malloc(SCRIPT_BYTES_MAX + 1);
	ssize_t size = text ? read_all(file, text) : -ENOMEM;

	*fd = -1;
	m->error[0] = '\0';
	*a = (struct msg_script_ans){ .error = m->error };
	if (size < 0)
		snprintf(m->error, sizeof m->error, "%s: cannot be read: %s", base_name(q->path), strerror((int)-size));
	else if ((size_t)size > SCRIPT_BYTES_MAX)
		snprintf(m->error, sizeof m->error, "%s: is larger than 256 KB", base_name(q->path));
	else
		check_text(q, text, (size_t)size, a, fd, m);
	free(text);
}
