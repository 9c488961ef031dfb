/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/msg.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"

enum kind { K_U8, K_U16, K_U32, K_U64, K_STR, K_BYTES, K_DEADLINES };

struct field {
	enum kind kind;
	size_t offset;		/* in the message's struct */
	size_t max;		/* of strings and bytes */
};

struct row {
	const char *name;
	unsigned from, to;	/* a bit for each enum role */
	int fds_min, fds_max;
	const struct field *fields;
	size_t fields_n;
};

#define FROM_SUPERVISOR (1u << ROLE_SUPERVISOR)
#define TO_SUPERVISOR (1u << ROLE_SUPERVISOR)
#define TO_CHILD (~(1u << ROLE_SUPERVISOR | 1u << ROLE_SIGNER))
#define FROM_CHILD TO_CHILD

#define F(S, kind, name, max) { K_##kind, offsetof(struct S, name), max },
#define M(id, name, from, to, fds_min, fds_max) \
	static const struct field fields_##name[] = { MSG_FIELDS_##name(F, msg_##name) };
MESSAGES(M)
#undef M
#undef F

static const struct row rows[MSG_COUNT] = {
#define M(id, name, from, to, fds_min, fds_max) \
	[id] = { #name, from, to, fds_min, fds_max, fields_##name, sizeof fields_##name / sizeof fields_##name[0] },
	MESSAGES(M)
#undef M
};

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = "supervisor", [ROLE_WORKER] = "worker",
	[ROLE_KEEPER] = "keeper", [ROLE_SIGNER] = "signer",
	[ROLE_LIBRARIAN] = "librarian", [ROLE_LOGGER] = "logger",
	[ROLE_OPENER] = "opener", [ROLE_ADVISOR] = "advisor",
	[ROLE_WITNESS] = "witness",
};

const char *role_name(enum role r)
{
	return r < ROLE_COUNT ? role_names[r] : "unknown";
}

const char *msg_name(enum msg_type t)
{
	return t > MSG_NONE && t < MSG_COUNT ? rows[t].name : "unknown";
}

static void put_field(struct buf *b, const struct field *f, const void *at)
{
	switch (f->kind) {
	case K_U8: buf_put_u8(b, *(const uint8_t *)at); break;
	case K_U16: buf_put_u16(b, *(const uint16_t *)at); break;
	case K_U32: buf_put_u32(b, *(const uint32_t *)at); break;
	case K_U64: buf_put_u64(b, *(const uint64_t *)at); break;
	case K_STR: {
		const char *s = *(const char *const *)at;
		size_t n = s ? strlen(s) : 0;
		b->failed |= n > f->max;
		buf_put_u16(b, (uint16_t)n);
		buf_put_bytes(b, s, n);
		buf_put_u8(b, 0);
		break;
	}
	case K_BYTES: {
		const struct bytes *v = at;
		b->failed |= v->size > f->max;
		buf_put_u16(b, (uint16_t)v->size);
		buf_put_bytes(b, v->data, v->size);
		break;
	}
	case K_DEADLINES:
		for (int i = 0; i < DEADLINE_COUNT; i++)
			buf_put_u32(b, ((const struct deadlines *)at)->ms[i]);
		break;
	}
}

int msg_send(struct channel *ch, const struct msg *m, const int *fds, int nfds)
{
	const struct row *row = &rows[m->type];
	uint8_t packet[CHANNEL_PACKET_MAX];
	struct buf b;

	buf_init(&b, packet, sizeof packet);
	buf_put_u16(&b, (uint16_t)m->type);
	buf_put_u32(&b, m->id);
	for (size_t i = 0; i < row->fields_n; i++)
		put_field(&b, &row->fields[i], (const uint8_t *)&m->intro + row->fields[i].offset);
	if (b.failed)
		return -EMSGSIZE;
	return channel_send(ch, packet, b.size, fds, nfds);
}

static void get_str(struct buf *b, size_t max, const char **s)
{
	size_t n = buf_get_u16(b);
	const uint8_t *at = buf_get_bytes(b, n + 1);

	if (!at || n > max || memchr(at, 0, n + 1) != at + n)
		b->failed = true;
	else
		*s = (const char *)at;
}

static void get_field(struct buf *b, const struct field *f, void *at)
{
	switch (f->kind) {
	case K_U8: *(uint8_t *)at = buf_get_u8(b); break;
	case K_U16: *(uint16_t *)at = buf_get_u16(b); break;
	case K_U32: *(uint32_t *)at = buf_get_u32(b); break;
	case K_U64: *(uint64_t *)at = buf_get_u64(b); break;
	case K_STR: get_str(b, f->max, at); break;
	case K_BYTES: {
		struct bytes *v = at;
		v->size = buf_get_u16(b);
		v->data = buf_get_bytes(b, v->size);
		b->failed |= v->size > f->max;
		break;
	}
	case K_DEADLINES:
		for (int i = 0; i < DEADLINE_COUNT; i++)
			((struct deadlines *)at)->ms[i] = buf_get_u32(b);
		break;
	}
}

int msg_decode(const struct packet *p, enum role from, enum role to, struct msg *m, const char **why)
{
	struct buf b;

	memset(m, 0, sizeof *m);
	buf_init_read(&b, p->data, p->size);
	unsigned type = buf_get_u16(&b);
	m->id = buf_get_u32(&b);
	if (b.failed || type <= MSG_NONE || type >= MSG_COUNT) {
		*why = "unknown type of message";
		return -EBADMSG;
	}
	m->type = type;
	const struct row *row = &rows[type];
	if (!(row->from & 1u << from) || !(row->to & 1u << to)) {
		*why = "message in the wrong direction";
		return -EBADMSG;
	}
	if (p->nfds < row->fds_min || p->nfds > row->fds_max) {
		*why = "wrong number of descriptors";
		return -EBADMSG;
	}
	for (size_t i = 0; i < row->fields_n; i++)
		get_field(&b, &row->fields[i], (uint8_t *)&m->intro + row->fields[i].offset);
	if (b.failed || buf_left(&b) != 0) {
		*why = "field out of bounds or surplus bytes";
		return -EBADMSG;
	}
	return 0;
}
