/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_NOTICE] = "notice", [LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};
#define LEVELS (int)(sizeof level_names / sizeof level_names[0])

static struct {
	int fd;
	enum log_level level;
	char who[32];
	uint64_t dropped;
	uint64_t dropped_told;
	void (*tap)(void *data, enum log_level level, const char *text);
	void *tap_data;
	time_t second;		/* of second_text, which the next line may have, too */
	size_t second_size;
	char second_text[40];
} out = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .who = "tlsward" };

const char *log_level_name(enum log_level level) { return level_names[level]; }

int log_level_by_name(const char *name)
{
	for (int i = 0; i < LEVELS; i++)
		if (strcmp(level_names[i], name) == 0)
			return i;
	return -1;
}

void log_init(int fd, const char *who, enum log_level level)
{
	out.fd = fd;
	out.level = level;
	snprintf(out.who, sizeof out.who, "%s", who);
}

void log_set_tap(void (*tap)(void *data, enum log_level level, const char *text), void *data)
{
	out.tap = tap;
	out.tap_data = data;
}

void log_set_level(enum log_level level) { out.level = level; }
bool log_wants(enum log_level level) { return level >= out.level; }
uint64_t log_dropped(void) { return out.dropped; }

static void put(struct log_line *l, const char *s, size_t n)
{
	size_t room = sizeof l->text - 1 - l->size;	/* 1 for the newline */

	if (n > room)
		n = room;
	memcpy(l->text + l->size, s, n);
	l->size += n;
}

static void put_key(struct log_line *l, const char *key)
{
	if (l->size > 0)
		put(l, " ", 1);
	put(l, key, strlen(key));
	put(l, "=", 1);
}

static bool is_bare(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '=' || s[i] == '\\')
			return false;
	return n > 0;
}

/* Such a string is quoted: who reads the log must find one type under one key. */
static bool looks_like_number(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((s[i] < '0' || s[i] > '9') && s[i] != '.' && s[i] != '-')
			return false;
	return true;
}

/* False if there is no room: a cut escape or a missing closing quote would damage the next field. */
static bool put_escaped(struct log_line *l, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = { '\\' };
	size_t n = 2;

	if (c == '"' || c == '\\' || c == '\n') {
		text[1] = c == '\n' ? 'n' : (char)c;
	} else if (c >= ' ' && c < 0x7f) {
		text[0] = (char)c;
		n = 1;
	} else {
		text[1] = 'x';
		text[2] = hex[c >> 4];
		text[3] = hex[c & 15];
		n = 4;
	}
	if (sizeof l->text - 2 - l->size < n)
		return false;
	put(l, text, n);
	return true;
}

static void put_value(struct log_line *l, const unsigned char *s, size_t n, bool number)
{
	if ((number || (is_bare(s, n) && !looks_like_number(s, n))) && n < sizeof l->text - 2 - l->size) {
		put(l, (const char *)s, n);
		return;
	}
	if (sizeof l->text - 2 - l->size < 2)
		return;
	put(l, "\"", 1);
	for (size_t i = 0; i < n && put_escaped(l, s[i]); i++)
		;
	put(l, "\"", 1);
}

static void put_time(struct log_line *l)
{
	static const char ending[] = ".000Z";
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != out.second || out.second_size == 0) {
		gmtime_r(&now.tv_sec, &tm);
		out.second_size = strftime(out.second_text, sizeof out.second_text - sizeof ending, "%Y-%m-%dT%H:%M:%S", &tm);
		out.second = now.tv_sec;
	}
	char *at = out.second_text + out.second_size;
	memcpy(at, ending, sizeof ending);
	text_decimal(at + 1, (uint64_t)now.tv_nsec / 1000000, 3);
	log_str(l, "ts", out.second_text);
}

static void begin(struct log_line *l, enum log_level level, const char *who)
{
	l->level = level;
	l->wanted = true;
	l->untapped = false;
	l->size = 0;
	put_time(l);
	log_str(l, "level", level_names[level]);
	log_str(l, "who", who);
}

void log_begin(struct log_line *l, enum log_level level, const char *msg)
{
	if (!log_wants(level)) {
		l->wanted = false;
		return;
	}
	log_begin_always(l, level, msg);
}

void log_begin_always(struct log_line *l, enum log_level level, const char *msg)
{
	begin(l, level, out.who);
	log_u64(l, "pid", (uint64_t)getpid());
	log_str(l, "msg", msg);
}

void log_begin_foreign(struct log_line *l)
{
	begin(l, LOG_LEVEL_ERROR, "?");
}

static void add(struct log_line *l, const char *key, const void *value, size_t size, bool number)
{
	if (!l->wanted || sizeof l->text - l->size < strlen(key) + 8)
		return;
	put_key(l, key);
	put_value(l, value, size, number);
}

void log_bytes(struct log_line *l, const char *key, const void *value, size_t size)
{
	add(l, key, value, size, false);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
	if (value)
		log_bytes(l, key, value, strlen(value));
}

void log_u64(struct log_line *l, const char *key, uint64_t value)
{
	char text[24];

	add(l, key, text, text_decimal(text, value, 1), true);
}

void log_i64(struct log_line *l, const char *key, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)value);

	add(l, key, text, (size_t)n, true);
}

void log_ms(struct log_line *l, const char *key, uint64_t ms)
{
	char text[32];
	size_t n = text_decimal(text, ms / 1000, 1);

	text[n++] = '.';
	n += text_decimal(text + n, ms % 1000, 3);
	add(l, key, text, n, true);
}

static void write_line(struct log_line *l)
{
	ssize_t n;

	l->text[l->size++] = '\n';
	do
		n = write(out.fd, l->text, l->size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		out.dropped++;
}

/* The first line that gets through after a gap says how many did not. */
static void tell_dropped(void)
{
	struct log_line l;
	uint64_t now = out.dropped, lost = now - out.dropped_told;

	log_begin(&l, LOG_LEVEL_WARNING, "log lines were dropped because the log could not be written");
	log_u64(&l, "dropped", lost);
	if (!l.wanted)
		return;
	write_line(&l);
	if (out.dropped == now)
		out.dropped_told = now;
	else
		out.dropped = now;	/* this notice itself was no line lost */
}

static void tell_tap(struct log_line *l)
{
	if (!out.tap || l->untapped || l->level < LOG_LEVEL_WARNING)
		return;
	l->text[l->size - 1] = '\0';	/* for the newline */
	const char *msg = strstr(l->text, " msg=");
	out.tap(out.tap_data, l->level, msg ? msg + 1 : l->text);
}

void log_end(struct log_line *l)
{
	if (!l->wanted)
		return;
	if (out.dropped != out.dropped_told)
		tell_dropped();
	write_line(l);
	tell_tap(l);
}

void log_msg(enum log_level level, const char *format, ...)
{
	struct log_line l;
	char text[2048];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	log_begin(&l, level, text);
	log_end(&l);
}
