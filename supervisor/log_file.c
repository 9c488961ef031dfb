/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/log_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* fd: the file's, if to is a path. */
static void send_sink(struct child *logger, enum msg_type type, uint32_t id, const char *to, enum conf_log_format format, int fd)
{
	struct msg m = { .type = type, .id = id };
	uint8_t sink = strcmp(to, "syslog") == 0 ? LOG_SINK_SYSLOG : strcmp(to, "journal") == 0 ? LOG_SINK_JOURNAL :
		fd >= 0 ? LOG_SINK_FILE : LOG_SINK_STDERR;
	uint8_t json = format == CONF_LOG_JSON;
	int given = sink == LOG_SINK_STDERR ? STDERR_FILENO : sink == LOG_SINK_FILE ? fd : -1;

	if (type == MSG_LOG_PROBE)
		m.log_probe = (struct msg_log_probe){ .to = sink, .json = json };
	else
		m.log_sink = (struct msg_log_sink){ .to = sink, .json = json };
	child_send(logger, &m, &given, given >= 0);
}

void log_file_send(struct supervisor *s, struct child *logger)
{
	send_sink(logger, MSG_LOG_SINK, 0, s->conf->log.to, s->conf->log.format, s->log_file);
}

static void end(struct log_file *f, const char *error)
{
	f->busy = false;
	f->probe_id = 0;
	if (*error)
		close_fd(&f->fd);
	f->on_tried(f, error);
}

static void probe(struct log_file *f)
{
	if (!child_runs(&f->s->logger) || !f->s->logger.introduced) {
		end(f, "cannot be tried: the logger ended, and the next one is not there yet");
		return;
	}
	f->probe_id = ++f->s->log_ids;
	send_sink(&f->s->logger, MSG_LOG_PROBE, f->probe_id, f->to, f->format, f->fd);
}

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct log_file *f = data;

	(void)id; (void)stamp; (void)path;
	if (!f->busy) {
		close_fd(&fd);
	} else if (fd < 0) {
		opener_abort(&f->opener);
		end(f, error);
	} else {
		f->fd = fd;
	}
}

static void on_end(void *data, uint32_t id)
{
	struct log_file *f = data;

	(void)id;
	opener_finish(&f->opener);
	if (f->busy && f->fd >= 0)
		probe(f);
}

static void ask(struct log_file *f)
{
	if (opener_free(&f->opener))
		opener_ask(&f->opener, OPEN_LOG, f->to, 0);
}

static void on_free(void *data)
{
	struct log_file *f = data;

	if (f->busy && f->fd < 0 && f->opener.asked == 0 && f->probe_id == 0)
		ask(f);
}

static void on_failed(void *data, const char *why)
{
	struct log_file *f = data;
	char text[256];

	snprintf(text, sizeof text, "could not be opened: the opener ended: %s", why);
	if (f->busy)
		end(f, text);
}

static const struct opener_ops opener_ops = {
	.on_file = on_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

void log_file_try(struct log_file *f, const struct conf *conf)
{
	log_file_drop(f);
	f->busy = true;
	f->to = conf->log.to;
	f->format = conf->log.format;
	if (*f->to == '/')
		ask(f);
	else if (strcmp(f->to, "stderr") == 0)
		end(f, "");
	else
		probe(f);
}

void log_file_use(struct log_file *f)
{
	close_fd(&f->s->log_file);
	f->s->log_file = f->fd;
	f->fd = -1;
	if (!child_runs(&f->s->logger) || !f->s->logger.introduced)
		return;		/* the next one is sent it first of all */
	f->sink_id = ++f->s->log_ids;
	send_sink(&f->s->logger, MSG_LOG_SINK, f->sink_id, f->to, f->format, f->s->log_file);
}

bool log_file_is_used(const struct log_file *f)
{
	return f->sink_id == 0;
}

void log_file_drop(struct log_file *f)
{
	f->busy = false;
	f->probe_id = f->sink_id = 0;
	opener_abort(&f->opener);
	close_fd(&f->fd);
}

void log_file_on_answer(struct log_file *f, const struct msg *m)
{
	char text[MSG_TEXT_MAX + 32];

	if (f->sink_id != 0 && m->id == f->sink_id)
		f->sink_id = 0;
	if (f->probe_id == 0 || m->id != f->probe_id)
		return;
	snprintf(text, sizeof text, "cannot be written: %s", m->log_sink_ans.error);
	end(f, *m->log_sink_ans.error ? text : "");
}

void log_file_on_logger_down(struct log_file *f)
{
	f->sink_id = 0;
	if (!f->busy)
		return;
	/* Also while its file is still being opened: whether the next logger is there by then is chance. */
	opener_abort(&f->opener);
	end(f, "cannot be tried: the logger ended");
}

void log_file_init(struct log_file *f, struct supervisor *s, void (*on_tried)(struct log_file *f, const char *error))
{
	*f = (struct log_file){ .s = s, .on_tried = on_tried, .fd = -1 };
	opener_init(&f->opener, s, &opener_ops, f);
}

void log_file_clear(struct log_file *f)
{
	if (!f->s)
		return;
	log_file_drop(f);
	opener_clear(&f->opener);
}
