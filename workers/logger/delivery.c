/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/logger/delivery.h"

#include <errno.h>
#include <string.h>

#include "workers/logger/json_line.h"

/* So much of foreign text goes into one line of ours, whatever must be escaped. */
#define FOREIGN_BYTES ((LOG_LINE_MAX - 256) / 4)

_Static_assert(JSON_LINE_MAX + 2 <= SINK_KEPT_BYTES, "a line and two newlines");

void delivery_init(struct delivery *d, struct ledger *ledger)
{
	*d = (struct delivery){ .sink.fd = -1, .ledger = ledger };
}

void delivery_clear(struct delivery *d)
{
	sink_clear(&d->sink);
}

/* The part of a line after ts: syslog and journal note the time themselves. */
static void cut_ts(struct sink_line *l)
{
	const char *space = memchr(l->text, ' ', l->size);

	if (space) {
		l->size -= (size_t)(space + 1 - l->text);
		l->text = space + 1;
	}
}

static int write_parsed(struct delivery *d, const struct logfmt *parsed, const char *line, size_t size)
{
	struct sink_line l = { .parsed = parsed, .text = line, .size = size };
	char json[JSON_LINE_MAX];

	if (d->json) {
		l.text = json;
		l.size = json_line(parsed, json);
	} else if (!d->sink.ops->needs_ts) {
		cut_ts(&l);
	}
	ledger_doing(d->ledger, DOING_WRITE, UINT32_MAX);
	int rc = d->sink.ops->write(&d->sink, &l);
	if (rc == -ENOBUFS) {
		delivery_flush(d);
		rc = d->sink.ops->write(&d->sink, &l);
	}
	ledger_doing(d->ledger, DOING_NOTHING, UINT32_MAX);
	ledger_heartbeat(d->ledger, ledger_now_ns());
	d->untold += rc == 0;
	return rc;
}

static int flush(struct delivery *d, unsigned *lost)
{
	int rc = 0;

	*lost = 0;
	if (d->untold == 0)
		return 0;
	ledger_doing(d->ledger, DOING_WRITE, UINT32_MAX);
	if (d->sink.ops->flush)
		rc = d->sink.ops->flush(&d->sink, lost);
	ledger_doing(d->ledger, DOING_NOTHING, UINT32_MAX);
	ledger_heartbeat(d->ledger, ledger_now_ns());
	ledger_add(&d->ledger->head->counters[COUNT_LOG_LINES], d->untold - *lost);
	d->untold = 0;
	return rc;
}

void delivery_flush(struct delivery *d)
{
	unsigned lost;

	flush(d, &lost);
	d->lost += lost;
	ledger_add(&d->ledger->head->counters[COUNT_LOG_DROPPED], lost);
}

/* At once. */
static int write_own(struct delivery *d, const struct log_line *l)
{
	struct logfmt parsed;
	unsigned lost;

	if (!l->wanted || logfmt_parse(&parsed, l->text, l->size) < 0)
		return 0;
	int rc = write_parsed(d, &parsed, l->text, l->size);
	return rc < 0 ? rc : flush(d, &lost);
}

void delivery_retry(struct delivery *d)
{
	struct log_line l;

	if (d->lost == 0 || !d->sink.ops)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "log lines were lost because they could not be written");
	log_str(&l, "sink", d->sink.ops->name);
	log_u64(&l, "lost", d->lost);
	if (write_own(d, &l) == 0)
		d->lost = 0;
}

static void count_lost(struct delivery *d)
{
	d->lost++;
	ledger_count(d->ledger, COUNT_LOG_DROPPED);
}

static void deliver(struct delivery *d, const struct logfmt *parsed, const char *line, size_t size)
{
	delivery_retry(d);
	/* Not past a notice that failed: what follows it would hide the gap. */
	if (d->lost > 0 || write_parsed(d, parsed, line, size) < 0)
		count_lost(d);
}

/* Text that is no line of ours: a library's, a sanitizer's, a dying program's. */
static void deliver_foreign(struct delivery *d, const char *text, size_t size)
{
	struct logfmt parsed;
	struct log_line l;

	for (size_t part; size > 0; text += part, size -= part) {
		part = size < FOREIGN_BYTES ? size : FOREIGN_BYTES;
		log_begin_foreign(&l);
		log_bytes(&l, "msg", text, part);
		if (logfmt_parse(&parsed, l.text, l.size) == 0)
			deliver(d, &parsed, l.text, l.size);
	}
}

void delivery_line(struct delivery *d, const char *line, size_t size)
{
	struct logfmt parsed;

	if (!d->sink.ops)
		count_lost(d);
	else if (logfmt_parse(&parsed, line, size) < 0)
		deliver_foreign(d, line, size);
	else
		deliver(d, &parsed, line, size);
}

void delivery_own(struct delivery *d, const struct log_line *l)
{
	if (!l->wanted)
		return;
	delivery_line(d, l->text, l->size);
	delivery_flush(d);
}

void delivery_set_sink(struct delivery *d, const struct sink_ops *ops, int fd, bool json)
{
	struct log_line l;

	delivery_flush(d);
	sink_clear(&d->sink);
	d->json = json;
	int rc = sink_init(&d->sink, ops, fd);
	if (rc == 0)
		return;
	log_begin(&l, LOG_LEVEL_ERROR, "the log cannot be written");
	log_str(&l, "sink", ops->name);
	log_str(&l, "error", strerror(-rc));
	delivery_own(d, &l);
}

int delivery_probe(struct delivery *d, const struct sink_ops *ops, int fd, bool json, const struct log_line *l)
{
	sink_clear(&d->sink);
	d->json = json;
	int rc = sink_init(&d->sink, ops, fd);

	return rc < 0 ? rc : write_own(d, l);
}
