/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/headcount.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/headcount.h"
#include "common/memfd.h"

#define COLUMNS 3

struct table {
	struct headcount_shape shape;
	int fds[2];
	struct headcount of[COLUMNS];	/* as each worker has it */
};

static const struct sockaddr *ip(const char *text)
{
	static struct addr a[8];
	static unsigned at;
	struct addr *to = &a[at++ % 8];

	assert_int_equal(addr_from_ip(to, text, 4711), 0);
	return (const struct sockaddr *)&to->ss;
}

static void make(struct table *t, uint32_t places)
{
	assert_int_equal(headcount_make(&t->shape, t->fds, COLUMNS, places), 0);
	for (uint32_t i = 0; i < COLUMNS; i++)
		assert_int_equal(headcount_map(&t->of[i], &t->shape, t->fds, i), 0);
}

static void clear(struct table *t)
{
	for (int i = 0; i < COLUMNS; i++)
		headcount_unmap(&t->of[i]);
	close(t->fds[0]);
	close(t->fds[1]);
}

static void all_workers_see_the_sum(void **state)
{
	struct table t;

	(void)state;
	make(&t, 100);
	for (int i = 0; i < COLUMNS; i++) {
		headcount_enter(&t.of[i], ip("192.0.2.1"));
		headcount_enter(&t.of[i], ip("192.0.2.1"));
		headcount_enter(&t.of[i], ip("192.0.2.2"));
		headcount_handshake_begins(&t.of[i]);
	}
	for (int i = 0; i < COLUMNS; i++) {
		assert_int_equal(headcount_of(&t.of[i], ip("192.0.2.1")), 2 * COLUMNS);
		assert_int_equal(headcount_of(&t.of[i], ip("192.0.2.2")), COLUMNS);
		assert_int_equal(headcount_of(&t.of[i], ip("192.0.2.3")), 0);
		assert_int_equal(headcount_handshakes(&t.of[i]), COLUMNS);
	}
	headcount_leave(&t.of[1], ip("192.0.2.1"));
	headcount_handshake_ends(&t.of[1]);
	assert_int_equal(headcount_of(&t.of[0], ip("192.0.2.1")), 2 * COLUMNS - 1);
	assert_int_equal(headcount_handshakes(&t.of[2]), COLUMNS - 1);
	clear(&t);
}

static void ipv6_is_counted_by_64_and_ipv4_by_address(void **state)
{
	struct sockaddr none = { .sa_family = AF_UNIX };
	struct table t;

	(void)state;
	make(&t, 100);
	headcount_enter(&t.of[0], ip("2001:db8:0:1::1"));
	headcount_enter(&t.of[1], ip("2001:db8:0:1:ffff::2"));
	headcount_enter(&t.of[0], ip("2001:db8:0:2::1"));
	headcount_enter(&t.of[0], ip("::1"));
	headcount_enter(&t.of[0], ip("::ffff:192.0.2.1"));
	headcount_enter(&t.of[0], &none);
	assert_int_equal(headcount_of(&t.of[0], ip("2001:db8:0:1::3")), 2);
	assert_int_equal(headcount_of(&t.of[0], ip("2001:db8:0:2::3")), 1);
	assert_int_equal(headcount_of(&t.of[0], ip("::1")), 1);
	assert_int_equal(headcount_of(&t.of[0], ip("192.0.2.1")), 1);
	assert_int_equal(headcount_of(&t.of[0], ip("192.0.2.0")), 0);
	assert_int_equal(headcount_of(&t.of[0], &none), 0);
	clear(&t);
}

static void a_worker_that_is_gone_holds_nothing(void **state)
{
	struct table t;

	(void)state;
	make(&t, 100);
	for (int i = 0; i < COLUMNS; i++) {
		headcount_enter(&t.of[i], ip("192.0.2.1"));
		headcount_handshake_begins(&t.of[i]);
	}
	assert_int_equal(headcount_forget(&t.shape, t.fds[0], 1), 0);
	assert_int_equal(headcount_of(&t.of[0], ip("192.0.2.1")), COLUMNS - 1);
	assert_int_equal(headcount_handshakes(&t.of[0]), COLUMNS - 1);
	headcount_enter(&t.of[1], ip("192.0.2.1"));	/* its successor */
	assert_int_equal(headcount_of(&t.of[2], ip("192.0.2.1")), COLUMNS);
	assert_int_equal(headcount_forget(&t.shape, t.fds[0], COLUMNS), -EINVAL);
	clear(&t);
}

/* Every place taken from another address, and some have left again. */
static void full_of_strangers_it_counts_each(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct table t;

	(void)state;
	make(&t, 5000);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			a.sin_addr.s_addr = htonl(0x0a000000 + round * 1000 + i);
			if (round == 0 || i >= 4000)
				headcount_enter(&t.of[0], (struct sockaddr *)&a);
		}
		for (uint32_t i = 0; i < 5000; i++) {
			a.sin_addr.s_addr = htonl(0x0a000000 + round * 1000 + i);
			assert_int_equal(headcount_of(&t.of[1], (struct sockaddr *)&a), 1);
			if (i < 1000)
				headcount_leave(&t.of[0], (struct sockaddr *)&a);
		}
	}
	clear(&t);
}

static void only_the_own_column_can_be_written(void **state)
{
	struct table t;
	struct stat st;

	(void)state;
	make(&t, 100);
	assert_int_equal(fstat(t.fds[1], &st), 0);
	assert_ptr_equal(mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, t.fds[1], 0), MAP_FAILED);
	assert_int_equal(mprotect((void *)(uintptr_t)t.of[0].all, (size_t)st.st_size, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(ftruncate(t.fds[0], 0), -1);
	clear(&t);
}

static void another_s_mad_numbers_take_nothing_away(void **state)
{
	struct table t;

	(void)state;
	make(&t, 100);
	headcount_enter(&t.of[0], ip("192.0.2.1"));
	headcount_enter(&t.of[1], ip("192.0.2.1"));
	headcount_enter(&t.of[1], ip("192.0.2.2"));
	headcount_handshake_begins(&t.of[0]);
	headcount_handshake_ends(&t.of[1]);	/* that it had not begun */
	/* Each number of the other's becomes what would make the sum 0. */
	uint64_t *p = (uint64_t *)(void *)t.of[1].own;
	for (uint32_t i = 0; i < 2 + 2 * t.shape.slots; i++)
		p[i] = p[i] == 1 ? UINT64_MAX : p[i];
	assert_true(headcount_of(&t.of[0], ip("192.0.2.1")) > 1);
	assert_true(headcount_handshakes(&t.of[0]) > 1);
	clear(&t);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct headcount h;
	struct headcount_shape bad;
	struct table t;
	int small = memfd_new("small", 4096), other[2];

	(void)state;
	make(&t, 100);
	other[0] = other[1] = small;
	assert_int_equal(headcount_map(&h, &t.shape, t.fds, COLUMNS), -EINVAL);
	assert_int_equal(headcount_map(&h, &t.shape, other, 0), -EINVAL);
	bad = t.shape;
	bad.slots = 0;
	assert_int_equal(headcount_map(&h, &bad, t.fds, 0), -EINVAL);
	bad.slots = t.shape.slots - 1;
	assert_int_equal(headcount_map(&h, &bad, t.fds, 0), -EINVAL);
	bad.slots = UINT32_MAX;
	assert_int_equal(headcount_map(&h, &bad, t.fds, 0), -EINVAL);
	/* Without memory there are no limits, and no harm. */
	h = (struct headcount){ 0 };
	headcount_enter(&h, ip("192.0.2.1"));
	headcount_handshake_begins(&h);
	assert_int_equal(headcount_of(&h, ip("192.0.2.1")), 0);
	assert_int_equal(headcount_handshakes(&h), 0);
	headcount_handshake_ends(&h);
	headcount_leave(&h, ip("192.0.2.1"));
	headcount_unmap(&h);
	close(small);
	clear(&t);
}

enum { LIMIT = 2, TURNS = 200000 };

/* Lets in and out, and returns whether ever too many were in. */
static int play(struct headcount *h, int *in)
{
	const struct sockaddr *peer = ip("192.0.2.1");
	int most = 0;

	for (int i = 0; i < TURNS; i++) {
		headcount_enter(h, peer);
		if (headcount_of(h, peer) <= LIMIT) {
			int now = __atomic_add_fetch(in, 1, __ATOMIC_SEQ_CST);
			most = now > most ? now : most;
			__atomic_sub_fetch(in, 1, __ATOMIC_SEQ_CST);
		}
		headcount_leave(h, peer);
	}
	return most > LIMIT;
}

static void workers_at_the_same_time_let_in_none_too_many(void **state)
{
	struct table t;
	int *in = mmap(NULL, sizeof *in, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;

	(void)state;
	make(&t, 100);
	for (int i = 0; i < COLUMNS; i++)
		if (fork() == 0)
			_exit(play(&t.of[i], in));
	for (int i = 0; i < COLUMNS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(headcount_of(&t.of[0], ip("192.0.2.1")), 0);
	munmap(in, sizeof *in);
	clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_workers_see_the_sum),
		cmocka_unit_test(ipv6_is_counted_by_64_and_ipv4_by_address),
		cmocka_unit_test(a_worker_that_is_gone_holds_nothing),
		cmocka_unit_test(full_of_strangers_it_counts_each),
		cmocka_unit_test(only_the_own_column_can_be_written),
		cmocka_unit_test(another_s_mad_numbers_take_nothing_away),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(workers_at_the_same_time_let_in_none_too_many),
	};
	return cmocka_run_group_tests_name("headcount", tests, NULL, NULL);
}
