/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/logger/logfmt.h"

#include <errno.h>
#include <string.h>

/* From where it reads and to where it writes: a pair never grows by unescaping. */
struct cursor {
	const char *at, *end;
	char *to;
};

static bool is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static bool is_bare_byte(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape stands for, or -1. */
static int unescape(struct cursor *c)
{
	if (c->at == c->end)
		return -1;
	char kind = *c->at++;
	if (kind == '"' || kind == '\\')
		return kind;
	if (kind == 'n')
		return '\n';
	if (kind != 'x' || c->end - c->at < 2)
		return -1;
	int high = hex_digit(c->at[0]), low = hex_digit(c->at[1]);
	c->at += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int quoted_value(struct cursor *c)
{
	while (c->at < c->end) {
		int byte = (unsigned char)*c->at++;
		if (byte == '"')
			return 0;
		if (byte == '\\')
			byte = unescape(c);
		else if (byte < ' ' || byte >= 0x7f)
			byte = -1;
		if (byte < 0)
			return -EINVAL;
		*c->to++ = (char)byte;
	}
	return -EINVAL;
}

static int bare_value(struct cursor *c)
{
	const char *from = c->at;

	while (c->at < c->end && is_bare_byte(*c->at))
		*c->to++ = *c->at++;
	return c->at > from ? 0 : -EINVAL;
}

static int parse_pair(struct cursor *c, struct logfmt_pair *p)
{
	p->key = c->to;
	while (c->at < c->end && is_key_byte(*c->at))
		*c->to++ = *c->at++;
	if (c->to == p->key || c->at == c->end || *c->at++ != '=')
		return -EINVAL;
	*c->to++ = '\0';
	p->value = c->to;
	p->quoted = c->at < c->end && *c->at == '"';
	c->at += p->quoted;
	int rc = p->quoted ? quoted_value(c) : bare_value(c);
	p->size = (size_t)(c->to - p->value);
	*c->to++ = '\0';
	return rc;
}

static int parse_pairs(struct logfmt *f, struct cursor *c)
{
	for (f->n = 0; f->n < LOGFMT_PAIRS_MAX; ) {
		if (parse_pair(c, &f->pairs[f->n++]) < 0)
			return -EINVAL;
		if (c->at == c->end)
			return 0;
		if (*c->at++ != ' ')
			return -EINVAL;
	}
	return -EINVAL;
}

int logfmt_parse(struct logfmt *f, const char *line, size_t size)
{
	struct cursor c = { line, line + size, f->text };

	if (size >= LOG_LINE_MAX || parse_pairs(f, &c) < 0)
		return -EINVAL;
	if (f->n < 2 || strcmp(f->pairs[0].key, "ts") != 0 || strcmp(f->pairs[1].key, "level") != 0)
		return -EINVAL;
	int level = log_level_by_name(f->pairs[1].value);
	if (level < 0)
		return -EINVAL;
	f->level = (enum log_level)level;
	return 0;
}

const char *logfmt_get(const struct logfmt *f, const char *key)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->pairs[i].key, key) == 0)
			return f->pairs[i].value;
	return NULL;
}
