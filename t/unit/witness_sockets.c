/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/witness/sockets.c: what sock_diag answers, also when the answer is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/witness/sockets.h"

struct answer {
	_Alignas(struct nlmsghdr) uint8_t data[4096];
	size_t size;
};

static void add(struct answer *a, uint16_t type, const void *body, size_t size, const void *more, size_t more_size)
{
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(sizeof h + size + more_size), .nlmsg_type = type };

	memcpy(a->data + a->size, &h, sizeof h);
	memcpy(a->data + a->size + sizeof h, body, size);
	if (more_size > 0)
		memcpy(a->data + a->size + sizeof h + size, more, more_size);
	a->size += NLMSG_ALIGN(h.nlmsg_len);
}

static void add_tcp(struct answer *a, uint32_t inode, uint8_t tcp_state)
{
	struct inet_diag_msg m = { .idiag_family = AF_INET, .idiag_state = tcp_state, .idiag_inode = inode,
		.idiag_rqueue = 77, .idiag_wqueue = 88, .id = { .idiag_sport = htons(443), .idiag_dport = htons(50000) } };
	struct __attribute__((packed)) { struct rtattr a; struct tcp_info info; } extra = { .a = { .rta_len = sizeof extra, .rta_type = INET_DIAG_INFO },
		.info = { .tcpi_last_data_recv = 5000, .tcpi_last_data_sent = 1200 } };

	inet_pton(AF_INET, "192.0.2.1", m.id.idiag_src);
	inet_pton(AF_INET, "192.0.2.2", m.id.idiag_dst);
	add(a, SOCK_DIAG_BY_FAMILY, &m, sizeof m, &extra, sizeof extra);
}

static struct sockets wanted(void)
{
	struct sockets s;

	sockets_init(&s);
	for (uint64_t i = 10; i > 0; i--)
		assert_int_equal(sockets_want(&s, i * 100), 0);
	sockets_seal(&s);
	return s;
}

static void sockets_are_told_by_inode(void **state)
{
	struct answer a = { .size = 0 };
	struct sockets s = wanted();

	(void)state;
	add_tcp(&a, 300, 8);
	add_tcp(&a, 12345, 1);		/* somebody else's */
	assert_int_equal(sockets_parse(&s, a.data, a.size), 1);
	struct socket_info *i = sockets_find(&s, 300);
	assert_true(i->found);
	assert_string_equal(i->kind, "tcp");
	assert_string_equal(i->state, "close_wait");
	assert_int_equal(i->recv_queue, 77);
	assert_int_equal(i->send_queue, 88);
	assert_true(i->has_idle);
	assert_int_equal(i->idle_ms, 1200);
	assert_string_equal(i->local, "192.0.2.1:443");
	assert_string_equal(i->peer, "192.0.2.2:50000");
	assert_false(sockets_find(&s, 400)->found);
	assert_null(sockets_find(&s, 12345));
	a.size = 0;
	add(&a, NLMSG_DONE, &(int32_t){ 0 }, 4, NULL, 0);
	assert_int_equal(sockets_parse(&s, a.data, a.size), 0);
	a.size = 0;
	add(&a, NLMSG_ERROR, &(int32_t){ -EPERM }, 4, NULL, 0);
	assert_int_equal(sockets_parse(&s, a.data, a.size), -EPERM);
	sockets_clear(&s);
}

static void unix_sockets_are_told_too(void **state)
{
	struct unix_diag_msg m = { .udiag_family = AF_UNIX, .udiag_type = SOCK_STREAM, .udiag_state = 1, .udiag_ino = 500 };
	struct { struct rtattr a; char name[12]; } name = { { 4 + 9, UNIX_DIAG_NAME }, "/run/x.sk" };
	struct answer a = { .size = 0 };
	struct sockets s = wanted();

	(void)state;
	add(&a, SOCK_DIAG_BY_FAMILY, &m, sizeof m, &name, sizeof name);
	assert_int_equal(sockets_parse(&s, a.data, a.size), 1);
	assert_string_equal(sockets_find(&s, 500)->kind, "unix");
	assert_string_equal(sockets_find(&s, 500)->local, "unix:/run/x.sk");
	sockets_clear(&s);
}

/* Cut at each byte, and with every length field a lie: it ends, and reads nothing beyond. */
static void a_broken_answer_is_survived(void **state)
{
	struct answer a = { .size = 0 };

	(void)state;
	add_tcp(&a, 300, 1);
	add_tcp(&a, 400, 1);
	for (size_t size = 0; size < a.size; size++) {
		struct sockets s = wanted();
		void *exact = malloc(size ? size : 1);
		memcpy(exact, a.data, size);
		sockets_parse(&s, exact, size);
		free(exact);
		sockets_clear(&s);
	}
	for (size_t at = 0; at + 4 <= a.size; at += 2) {
		static const uint32_t lies[] = { 0, 1, 3, 15, 16, 0x7fffffff, 0xffffffff };
		for (size_t k = 0; k < sizeof lies / sizeof lies[0]; k++) {
			struct sockets s = wanted();
			void *exact = malloc(a.size);
			memcpy(exact, a.data, a.size);
			memcpy((char *)exact + at, &lies[k], 4);
			sockets_parse(&s, exact, a.size);
			free(exact);
			sockets_clear(&s);
		}
	}
}

static void the_kernel_answers(void **state)
{
	struct sockets s;
	struct stat st;
	int pair[2], tcp = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(listen(tcp, 7), 0);
	assert_int_equal(send(pair[0], "12345", 5, 0), 5);
	sockets_init(&s);
	fstat(tcp, &st);
	sockets_want(&s, st.st_ino);
	fstat(pair[1], &st);
	ino_t local = st.st_ino;
	sockets_want(&s, local);
	sockets_seal(&s);
	assert_int_equal(sockets_ask(&s), 0);
	fstat(tcp, &st);
	assert_string_equal(sockets_find(&s, st.st_ino)->state, "listen");
	assert_string_equal(sockets_find(&s, local)->state, "established");
	sockets_clear(&s);
	close(tcp);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_told_by_inode),
		cmocka_unit_test(unix_sockets_are_told_too),
		cmocka_unit_test(a_broken_answer_is_survived),
		cmocka_unit_test(the_kernel_answers),
	};
	return cmocka_run_group_tests_name("witness_sockets", tests, NULL, NULL);
}
