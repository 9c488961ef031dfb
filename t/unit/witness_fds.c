/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/witness/fds.c and owners.c: what a descriptor is, and whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/msg.h"
#include "workers/witness/fds.h"
#include "workers/witness/owners.h"

static void a_descriptor_says_its_kind(void **state)
{
	static const struct { const char *text, *kind; uint64_t inode; } rows[] = {
		{ "socket:[4711]", "socket", 4711 }, { "pipe:[12]", "pipe", 0 },
		{ "anon_inode:[eventpoll]", "epoll", 0 }, { "anon_inode:[eventfd]", "eventfd", 0 },
		{ "anon_inode:[something new]", "anonymous", 0 }, { "/memfd:ledger (deleted)", "memfd", 0 },
		{ "/dev/null", "device", 0 }, { "/etc/passwd", "file", 0 }, { "socket:[]", "other", 0 }, { "", "other", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fd_link l = fds_parse_link(rows[i].text);
		assert_string_equal(l.kind, rows[i].kind);
		assert_int_equal(l.inode, rows[i].inode);
	}
}

static void make_ledger(struct ledger *l, uint32_t conns_n)
{
	struct ledger reader;
	int fd;

	assert_int_equal(ledger_new(&reader, &fd, ROLE_WORKER, 1, 1, conns_n, 0), 0);
	assert_int_equal(ledger_attach(l, fd), 0);
	close(fd);
	ledger_clear(&reader);
}

static void make_conn(struct ledger *l, uint32_t slot, uint32_t client_fd, uint32_t backend_fd)
{
	struct ledger_conn *c = &l->conns[slot];

	ledger_conn_begin(c);
	c->phase = PHASE_RELAY;
	c->id = slot + 1;
	c->client_fd = client_fd;
	c->backend_fd = backend_fd;
	snprintf(c->sni, sizeof c->sni, "name%u.example", slot);
	ledger_conn_end(c);
}

static void every_descriptor_has_an_owner_or_nobody(void **state)
{
	struct ledger l;
	struct owners o;
	const struct owner *who;

	(void)state;
	make_ledger(&l, 8);
	make_conn(&l, 5, 20, 21);
	make_conn(&l, 6, 15, 0);
	l.conns[6].phase = PHASE_NONE;	/* free: what it says does not count */
	make_conn(&l, 7, UINT32_MAX, 22);
	ledger_own_fd(&l, 3, true);
	assert_int_equal(owners_init(&o, &l, ledger_now_ns()), 0);
	assert_int_equal(owners_find(&o, 3, &who), OWNER_SELF);
	assert_int_equal(owners_find(&o, 20, &who), OWNER_CONNECTION);
	assert_false(who->backend);
	assert_int_equal(owners_find(&o, 21, &who), OWNER_CONNECTION);
	assert_true(who->backend);
	json_t *v = owners_view(&o, who);
	assert_int_equal(json_integer_value(json_object_get(v, "connection")), 6);
	assert_string_equal(json_string_value(json_object_get(v, "side")), "backend");
	assert_string_equal(json_string_value(json_object_get(v, "sni")), "name5.example");
	json_decref(v);
	assert_int_equal(owners_find(&o, 22, &who), OWNER_CONNECTION);
	assert_int_equal(owners_find(&o, 15, &who), OWNER_NOBODY);
	assert_int_equal(owners_find(&o, 23, &who), OWNER_NOBODY);
	owners_clear(&o);
	ledger_clear(&l);
	make_ledger(&l, 0);		/* a role without connections does not tell all */
	assert_int_equal(owners_init(&o, &l, ledger_now_ns()), 0);
	assert_int_equal(owners_find(&o, 9, &who), OWNER_UNTOLD);
	owners_clear(&o);
	ledger_clear(&l);
}

static const json_t *entry(const json_t *view, int fd)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(view, "list"), i, v)
		if (json_integer_value(json_object_get(v, "fd")) == fd)
			return v;
	fail_msg("descriptor %d is not listed", fd);
	return NULL;
}

static const char *owner_of(const json_t *view, int fd)
{
	return json_string_value(json_object_get(entry(view, fd), "owner"));
}

static void descriptors_of_nobody_come_first(void **state)
{
	struct ledger l;

	(void)state;
	make_ledger(&l, 4);
	ledger_own_open_fds(&l);
	int owned = socket(AF_INET, SOCK_STREAM, 0), listener = socket(AF_INET, SOCK_STREAM, 0), leaked = dup(owned), late = dup(listener);
	assert_int_equal(listen(listener, 3), 0);
	make_conn(&l, 0, (uint32_t)owned, 0);
	json_t *v = fds_view(getpid(), &l);
	assert_string_equal(owner_of(v, 0), "process");
	assert_string_equal(owner_of(v, owned), "connection");
	assert_string_equal(owner_of(v, leaked), "nobody");
	assert_int_equal(json_integer_value(json_object_get(entry(v, leaked), "same_as")), owned);
	assert_string_equal(owner_of(v, listener), "process");
	assert_string_equal(owner_of(v, late), "nobody");
	assert_string_equal(json_string_value(json_object_get(entry(v, owned), "state")), "unconnected");
	assert_string_equal(json_string_value(json_object_get(entry(v, listener), "state")), "listen");
	json_t *first = json_array_get(json_object_get(v, "list"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "owner")), "nobody");
	json_decref(v);
	close(owned);
	close(listener);
	close(leaked);
	close(late);
	ledger_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_says_its_kind),
		cmocka_unit_test(every_descriptor_has_an_owner_or_nobody),
		cmocka_unit_test(descriptors_of_nobody_come_first),
	};
	return cmocka_run_group_tests_name("witness_fds", tests, NULL, NULL);
}
