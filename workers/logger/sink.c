/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/logger/sink.h"

#include <syslog.h>
#include <unistd.h>

int sink_priority(enum log_level level)
{
	static const int priorities[] = {
		[LOG_LEVEL_DEBUG] = LOG_DEBUG, [LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_NOTICE] = LOG_NOTICE, [LOG_LEVEL_WARNING] = LOG_WARNING,
		[LOG_LEVEL_ERROR] = LOG_ERR,
	};

	return priorities[level];
}

int sink_init(struct sink *s, const struct sink_ops *ops, int fd)
{
	*s = (struct sink){ .ops = ops, .fd = fd };
	return ops->open ? ops->open(s) : 0;
}

void sink_clear(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct sink){ .fd = -1 };
}
