/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/msg.c: every row of its table, filled by walking the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"

#define FROM_SUPERVISOR (1u << ROLE_SUPERVISOR)
#define TO_SUPERVISOR (1u << ROLE_SUPERVISOR)
#define TO_CHILD (~(1u << ROLE_SUPERVISOR | 1u << ROLE_SIGNER))
#define FROM_CHILD TO_CHILD

enum kind { K_U8, K_U16, K_U32, K_U64, K_STR, K_BYTES, K_DEADLINES };
struct field { enum kind kind; size_t offset, max; };

#define F(S, kind, name, max) { K_##kind, offsetof(struct S, name), max },
#define M(id, name, from, to, fds_min, fds_max) \
	static const struct field fields_##name[] = { MSG_FIELDS_##name(F, msg_##name) };
MESSAGES(M)
#undef M
#undef F

static const struct row {
	unsigned from, to;
	int fds_min, fds_max;
	const struct field *fields;
	size_t n;
} rows[MSG_COUNT] = {
#define M(id, name, from, to, fds_min, fds_max) \
	[id] = { from, to, fds_min, fds_max, fields_##name, sizeof fields_##name / sizeof fields_##name[0] },
	MESSAGES(M)
#undef M
};

static const char *why;
static uint8_t filler[70000];

static enum role first_role(unsigned mask)
{
	return (enum role)__builtin_ctz(mask);
}

static void *at(struct msg *m, const struct field *f) { return (char *)m + offsetof(struct msg, intro) + f->offset; }

/* Each field gets something of its own; strings and bytes their whole bound where asked. */
static void fill(struct msg *m, enum msg_type type, size_t want)
{
	*m = (struct msg){ .type = type, .id = 0xfeedbeef };
	for (size_t i = 0; i < rows[type].n; i++) {
		const struct field *f = &rows[type].fields[i];
		size_t size = want < f->max ? want : f->max;
		char *s;

		switch (f->kind) {
		case K_U8: *(uint8_t *)at(m, f) = (uint8_t)(0xf0 + i); break;
		case K_U16: *(uint16_t *)at(m, f) = (uint16_t)(0xabc0 + i); break;
		case K_U32: *(uint32_t *)at(m, f) = (uint32_t)(0xabcdef00 + i); break;
		case K_U64: *(uint64_t *)at(m, f) = 0x123456789abcdef0 + i; break;
		case K_STR:
			s = test_calloc(1, size + 1);
			memset(s, 'a' + (int)i, size);
			*(const char **)at(m, f) = s;
			break;
		case K_BYTES: *(struct bytes *)at(m, f) = (struct bytes){ filler + i, size }; break;
		case K_DEADLINES:
			for (int d = 0; d < DEADLINE_COUNT; d++)
				((struct deadlines *)at(m, f))->ms[d] = (uint32_t)(1000 * i) + (uint32_t)d;
			break;
		}
	}
}

static void empty(struct msg *m)
{
	for (size_t i = 0; i < rows[m->type].n; i++)
		if (rows[m->type].fields[i].kind == K_STR)
			test_free(*(char **)at(m, &rows[m->type].fields[i]));
}

static void assert_same(struct msg *x, struct msg *y)
{
	assert_int_equal(x->type, y->type);
	assert_int_equal(x->id, y->id);
	for (size_t i = 0; i < rows[x->type].n; i++) {
		const struct field *f = &rows[x->type].fields[i];
		struct bytes *b = at(x, f), *c = at(y, f);

		switch (f->kind) {
		case K_U8: assert_memory_equal(b, c, 1); break;
		case K_U16: assert_memory_equal(b, c, 2); break;
		case K_U32: assert_memory_equal(b, c, 4); break;
		case K_U64: assert_memory_equal(b, c, 8); break;
		case K_STR: assert_string_equal(*(char **)at(x, f), *(char **)at(y, f)); break;
		case K_BYTES:
			assert_int_equal(b->size, c->size);
			if (b->size)
				assert_memory_equal(b->data, c->data, b->size);
			break;
		case K_DEADLINES: assert_memory_equal(b, c, sizeof(struct deadlines)); break;
		}
	}
}

/* Through a real channel into *p; the result of msg_send(). */
static int carry(const struct msg *m, int nfds, struct packet *p)
{
	struct channel a, b;
	int fds[2], lent[FDPASS_MAX];

	assert_int_equal(channel_pair(fds), 0);
	channel_init(&a, fds[0]);
	channel_init(&b, fds[1]);
	for (int i = 0; i < nfds; i++)
		lent[i] = STDERR_FILENO;
	int rc = msg_send(&a, m, lent, nfds);
	if (rc == 0)
		assert_int_equal(channel_recv(&b, p), 0);
	channel_clear(&a);
	channel_clear(&b);
	return rc;
}

static int decode(const struct packet *p, enum msg_type type, struct msg *m)
{
	why = NULL;
	int rc = msg_decode(p, first_role(rows[type].from), first_role(rows[type].to), m, &why);
	if (rc < 0)
		assert_non_null(why);
	return rc;
}

static void round_trip(enum msg_type type, size_t want)
{
	struct msg in, out;
	struct packet p;

	fill(&in, type, want);
	assert_int_equal(carry(&in, rows[type].fds_min, &p), 0);
	assert_int_equal(decode(&p, type, &out), 0);
	assert_same(&in, &out);
	packet_close_fds(&p);
	empty(&in);
}

static void every_message_comes_back_as_it_was_sent(void **state)
{
	(void)state;
	for (enum msg_type t = MSG_NONE + 1; t < MSG_COUNT; t++) {
		round_trip(t, 0);
		round_trip(t, 20);
	}
}

static void every_message_fits_with_its_fields_at_their_bounds(void **state)
{
	(void)state;
	for (enum msg_type t = MSG_NONE + 1; t < MSG_COUNT; t++)
		round_trip(t, SIZE_MAX);
}

static void what_is_over_its_bound_is_not_sent(void **state)
{
	static char text[70000];
	struct packet p;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (size_t n = MSG_NAME_MAX + 1; n < sizeof text; n = n * 3 + 1) {
		text[n] = '\0';
		struct msg m = { .type = MSG_RESOLVE_REQ, .resolve_req.host = text };
		assert_int_equal(carry(&m, 0, &p), -EMSGSIZE);
		text[n] = 'x';
		m = (struct msg){ .type = MSG_TICKET_SEED, .ticket_seed.seed = { filler, n } };
		assert_int_equal(carry(&m, 0, &p), -EMSGSIZE);
	}
}

static void what_is_over_its_bound_is_not_taken(void **state)
{
	struct packet p = { .size = 2 + 4 + 2 + MSG_NAME_MAX + 1 + 1 };
	struct msg m;

	(void)state;
	p.data[1] = MSG_RESOLVE_REQ;
	p.data[6] = (MSG_NAME_MAX + 1) >> 8;
	p.data[7] = (MSG_NAME_MAX + 1) & 255;
	memset(p.data + 8, 'x', MSG_NAME_MAX + 1);
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &m), -EBADMSG);
	p.data[6] = MSG_NAME_MAX >> 8;
	p.data[7] = MSG_NAME_MAX & 255;
	p.data[8 + MSG_NAME_MAX] = '\0';
	p.size--;
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &m), 0);
	assert_int_equal(strlen(m.resolve_req.host), MSG_NAME_MAX);
}

/* The packet ends where its memory does, so that a sanitizer sees a read past it. */
static int decode_exact(const struct packet *p, size_t size, enum msg_type type)
{
	size_t head = offsetof(struct packet, data);
	char *mem = malloc(head + size);
	struct msg m;

	memcpy(mem, p, head + size);
	((struct packet *)(void *)mem)->size = size;
	int rc = decode((struct packet *)(void *)mem, type, &m);
	free(mem);
	return rc;
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	struct msg in;
	struct packet p;

	(void)state;
	for (enum msg_type t = MSG_NONE + 1; t < MSG_COUNT; t++) {
		fill(&in, t, 20);
		assert_int_equal(carry(&in, rows[t].fds_min, &p), 0);
		size_t whole = p.size;
		for (size_t size = 1; size < whole; size++)
			assert_int_equal(decode_exact(&p, size, t), -EBADMSG);
		assert_int_equal(decode_exact(&p, whole, t), 0);
		p.data[whole] = 0;
		assert_int_equal(decode_exact(&p, whole + 1, t), -EBADMSG);
		packet_close_fds(&p);
		empty(&in);
	}
}

static void only_the_right_roles_may_send_and_receive(void **state)
{
	struct msg in, out;
	struct packet p;

	(void)state;
	for (enum msg_type t = MSG_NONE + 1; t < MSG_COUNT; t++) {
		fill(&in, t, 1);
		assert_int_equal(carry(&in, rows[t].fds_min, &p), 0);
		for (enum role from = 0; from < ROLE_COUNT; from++)
			for (enum role to = 0; to < ROLE_COUNT; to++) {
				bool may = rows[t].from & 1u << from && rows[t].to & 1u << to;
				assert_int_equal(msg_decode(&p, from, to, &out, &why), may ? 0 : -EBADMSG);
			}
		packet_close_fds(&p);
		empty(&in);
	}
}

static void no_child_is_taken_for_the_supervisor(void **state)
{
	struct packet p;
	struct msg m = { .type = MSG_START }, out;

	(void)state;
	assert_int_equal(carry(&m, 0, &p), 0);
	assert_int_equal(msg_decode(&p, ROLE_KEEPER, ROLE_WORKER, &out, &why), -EBADMSG);
	assert_int_equal(msg_decode(&p, ROLE_SUPERVISOR, ROLE_SIGNER, &out, &why), -EBADMSG);
}

static void the_number_of_descriptors_is_checked(void **state)
{
	struct msg in, out;
	struct packet p;

	(void)state;
	for (enum msg_type t = MSG_NONE + 1; t < MSG_COUNT; t++) {
		fill(&in, t, 1);
		for (int n = 0; n <= FDPASS_MAX; n++) {
			bool right = n >= rows[t].fds_min && n <= rows[t].fds_max;
			assert_int_equal(carry(&in, n, &p), 0);
			assert_int_equal(decode(&p, t, &out), right ? 0 : -EBADMSG);
			packet_close_fds(&p);
		}
		empty(&in);
	}
}

static void a_string_with_a_nul_within_or_without_one_at_its_end_is_refused(void **state)
{
	struct msg m = { .type = MSG_RESOLVE_REQ, .resolve_req.host = "host" }, out;
	struct packet p;

	(void)state;
	assert_int_equal(carry(&m, 0, &p), 0);
	p.data[8 + 1] = '\0';
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &out), -EBADMSG);
	p.data[8 + 1] = 'o';
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &out), 0);
	p.data[8 + 4] = 'x';
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &out), -EBADMSG);
}

static void no_string_is_an_empty_one(void **state)
{
	struct msg m = { .type = MSG_RESOLVE_REQ }, out;
	struct packet p;

	(void)state;
	assert_int_equal(carry(&m, 0, &p), 0);
	assert_int_equal(decode(&p, MSG_RESOLVE_REQ, &out), 0);
	assert_string_equal(out.resolve_req.host, "");
}

static void unknown_types_are_refused(void **state)
{
	struct packet p = { .size = 7 };
	struct msg m;

	(void)state;
	for (unsigned type = 0; type < 65536; type += type == 0 ? MSG_COUNT : 977) {
		p.data[0] = (uint8_t)(type >> 8);
		p.data[1] = (uint8_t)type;
		assert_int_equal(msg_decode(&p, ROLE_SUPERVISOR, ROLE_WORKER, &m, &why), -EBADMSG);
	}
	assert_string_equal(msg_name(MSG_NONE), "unknown");
	assert_string_equal(msg_name(MSG_COUNT), "unknown");
	assert_string_equal(msg_name(MSG_LOG_SINK), "log_sink");
	assert_string_equal(role_name(ROLE_COUNT), "unknown");
	assert_string_equal(role_name(ROLE_LOGGER), "logger");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_as_it_was_sent),
		cmocka_unit_test(every_message_fits_with_its_fields_at_their_bounds),
		cmocka_unit_test(what_is_over_its_bound_is_not_sent),
		cmocka_unit_test(what_is_over_its_bound_is_not_taken),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(only_the_right_roles_may_send_and_receive),
		cmocka_unit_test(no_child_is_taken_for_the_supervisor),
		cmocka_unit_test(the_number_of_descriptors_is_checked),
		cmocka_unit_test(a_string_with_a_nul_within_or_without_one_at_its_end_is_refused),
		cmocka_unit_test(no_string_is_an_empty_one),
		cmocka_unit_test(unknown_types_are_refused),
	};
	for (size_t i = 0; i < sizeof filler; i++)
		filler[i] = (uint8_t)(i * 7);
	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
