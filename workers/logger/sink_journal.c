/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for systemd's journal: the line as MESSAGE, and each key as a field
 * TLSWARD_KEY, so that journalctl can select by it.
 */
#include "workers/logger/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-journal.h>

#include "common/buf.h"

#define FIXED_FIELDS 4
#define FIELDS_BYTES (4 * LOG_LINE_MAX)	/* message and values, a prefix for each key */

struct fields {
	struct buf text;
	int n;
	struct iovec v[FIXED_FIELDS + LOGFMT_PAIRS_MAX];
};

/*
 * sd_journal_sendv() says nothing of a journal that is not there, or not any
 * more: a socket of our own is connected for each line, which costs a
 * microsecond and sends nothing.
 */
static int journal_open(struct sink *s)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };

	if (s->fd < 0)
		s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	return connect(s->fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

static void put_name(struct buf *b, const char *key)
{
	buf_put_bytes(b, "TLSWARD_", 8);
	for (; *key; key++)
		buf_put_u8(b, (uint8_t)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key == '.' || *key == '-' ? '_' : *key));
}

static void end_field(struct fields *f, size_t start)
{
	if (f->text.failed)
		return;		/* a line of hundreds of tiny pairs: the message has them all */
	f->v[f->n].iov_base = f->text.data + start;
	f->v[f->n++].iov_len = f->text.size - start;
}

static void add(struct fields *f, const char *name, const char *value, size_t size)
{
	size_t start = f->text.size;

	buf_put_bytes(&f->text, name, strlen(name));
	buf_put_u8(&f->text, '=');
	buf_put_bytes(&f->text, value, size);
	end_field(f, start);
}

static void add_pair(struct fields *f, const struct logfmt_pair *p)
{
	size_t start = f->text.size;

	put_name(&f->text, p->key);
	buf_put_u8(&f->text, '=');
	buf_put_bytes(&f->text, p->value, p->size);
	end_field(f, start);
}

static int journal_write(struct sink *s, const struct sink_line *l)
{
	uint8_t mem[FIELDS_BYTES];
	struct fields f = { .n = 0 };
	char priority[2] = { (char)('0' + sink_priority(l->parsed->level)), '\0' };
	const char *pid = logfmt_get(l->parsed, "pid");

	int rc = journal_open(s);
	if (rc < 0)
		return rc;
	buf_init(&f.text, mem, sizeof mem);
	add(&f, "MESSAGE", l->text, l->size);
	add(&f, "PRIORITY", priority, 1);
	add(&f, "SYSLOG_IDENTIFIER", "tlsward", 7);
	if (pid)
		add(&f, "SYSLOG_PID", pid, strlen(pid));
	for (int i = 2; i < l->parsed->n; i++)	/* the journal has its own for ts and level */
		add_pair(&f, &l->parsed->pairs[i]);
	return sd_journal_sendv(f.v, f.n);
}

const struct sink_ops sink_journal = {
	.name = "journal", .open = journal_open, .write = journal_write,
};
