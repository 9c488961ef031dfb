/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/channel.c and common/fdpass.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/channel.h"

static struct channel a, b;
static int fds_before;

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	int fds[2];

	(void)state;
	fds_before = open_fds();
	assert_int_equal(channel_pair(fds), 0);
	channel_init(&a, fds[0]);
	channel_init(&b, fds[1]);
	return 0;
}

/* No case may leave a descriptor behind. */
static int teardown(void **state)
{
	(void)state;
	channel_clear(&a);
	channel_clear(&b);
	return open_fds() == fds_before ? 0 : -1;
}

static int full_of_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return n;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void packets_arrive_whole_and_in_order(void **state)
{
	struct packet p;

	(void)state;
	assert_int_equal(channel_recv(&b, &p), -EAGAIN);
	assert_int_equal(channel_send(&a, "one", 3, NULL, 0), 0);
	assert_int_equal(channel_send(&a, "three", 5, NULL, 0), 0);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(p.size, 3);
	assert_memory_equal(p.data, "one", 3);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(p.size, 5);
	assert_int_equal(channel_recv_wait(&b, &p, 10), -ETIMEDOUT);
}

static void descriptors_are_lent_and_arrive_close_on_exec(void **state)
{
	struct packet p;
	int pipe_fds[2];
	char c;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(channel_send(&a, "x", 1, pipe_fds, 2), 0);
	close_all(pipe_fds, 2);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(p.nfds, 2);
	assert_true(fcntl(p.fds[0], F_GETFD) & FD_CLOEXEC);
	int writer = packet_take_fd(&p, 1);
	assert_int_equal(write(writer, "y", 1), 1);
	assert_int_equal(read(p.fds[0], &c, 1), 1);
	assert_int_equal(packet_take_fd(&p, 1), -1);
	assert_int_equal(packet_take_fd(&p, 2), -1);
	assert_int_equal(packet_take_fd(&p, -1), -1);
	packet_close_fds(&p);
	close(writer);
}

static void as_many_descriptors_as_promised_fit(void **state)
{
	struct packet p;
	int fds[FDPASS_MAX + 1];

	(void)state;
	full_of_fds(fds, FDPASS_MAX + 1);
	assert_int_equal(channel_send(&a, "x", 1, fds, FDPASS_MAX + 1), -EMSGSIZE);
	assert_int_equal(channel_send(&a, "x", 1, fds, FDPASS_MAX), 0);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(p.nfds, FDPASS_MAX);
	packet_close_fds(&p);
	close_all(fds, FDPASS_MAX + 1);
}

/* What a peer sends that does not keep to our bounds. */
static void send_raw(int sock, size_t size, int nfds)
{
	char *data = calloc(1, size + 1);
	union { char bytes[CMSG_SPACE(2 * FDPASS_MAX * sizeof(int))]; struct cmsghdr align; } control = { .bytes = { 0 } };
	int fds[2 * FDPASS_MAX];
	struct iovec iov = { data, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	full_of_fds(fds, nfds);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	assert_int_equal(sendmsg(sock, &m, 0), (ssize_t)size);
	close_all(fds, nfds);
	free(data);
}

static void surplus_descriptors_are_closed(void **state)
{
	struct packet p;

	(void)state;
	send_raw(a.fd, 1, FDPASS_MAX + 5);
	assert_int_equal(channel_recv(&b, &p), -EMSGSIZE);
	assert_int_equal(p.nfds, 0);
}

static void a_share_is_a_sixteenth_of_the_limit(void **state)
{
	static const struct { rlim_t limit; int share; } cases[] = {
		{ 8, 1 }, { 120, 7 }, { 1024, FDPASS_MAX }, { 4096, FDPASS_MAX },
	};
	struct rlimit before, now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0] && cases[i].limit <= before.rlim_max; i++) {
		now = (struct rlimit){ cases[i].limit, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
		assert_int_equal(fdpass_share(), cases[i].share);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void a_packet_too_large_is_refused_with_its_descriptors(void **state)
{
	struct packet p;

	(void)state;
	send_raw(a.fd, CHANNEL_PACKET_MAX + 1, 3);
	assert_int_equal(channel_recv(&b, &p), -EMSGSIZE);
	assert_int_equal(p.nfds, 0);
}

static void an_empty_packet_is_an_end_and_leaks_nothing(void **state)
{
	struct packet p;

	(void)state;
	send_raw(a.fd, 0, 2);
	assert_int_equal(channel_recv(&b, &p), -EPIPE);
	assert_int_equal(p.nfds, 0);
}

static void sizes_are_bounded(void **state)
{
	static uint8_t data[CHANNEL_PACKET_MAX + 1];
	struct packet p;

	(void)state;
	assert_int_equal(channel_send(&a, data, 0, NULL, 0), -EMSGSIZE);
	assert_int_equal(channel_send(&a, data, sizeof data, NULL, 0), -EMSGSIZE);
	assert_int_equal(channel_send(&a, data, CHANNEL_PACKET_MAX, NULL, 0), 0);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(p.size, CHANNEL_PACKET_MAX);
}

static uint32_t fill_until_queued(void)
{
	uint32_t n = 0;

	while (channel_pending(&a) == 0 && n < 100000) {
		assert_int_equal(channel_send(&a, &n, sizeof n, NULL, 0), 0);
		n++;
	}
	return n;
}

static void what_the_socket_does_not_take_waits_in_order(void **state)
{
	struct packet p;
	int fd = open("/dev/null", O_RDONLY);
	uint32_t n = fill_until_queued(), got;

	(void)state;
	/* A queued packet keeps a duplicate of what was lent. */
	assert_int_equal(channel_send(&a, &n, sizeof n, &fd, 1), 0);
	close(fd);
	n++;
	assert_int_equal(channel_pending(&a), 2);
	assert_int_equal(channel_flush(&a), -EAGAIN);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(channel_recv(&b, &p), 0);
		memcpy(&got, p.data, sizeof got);
		assert_int_equal(got, i);
		assert_int_equal(p.nfds, i == n - 1);
		packet_close_fds(&p);
		channel_flush(&a);
	}
	assert_int_equal(channel_pending(&a), 0);
	assert_int_equal(channel_recv(&b, &p), -EAGAIN);
}

static void the_queue_is_bounded_and_dropped_with_its_descriptors(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	fill_until_queued();
	for (int i = 1; i < CHANNEL_QUEUE_MAX; i++)
		assert_int_equal(channel_send(&a, "x", 1, &fd, 1), 0);
	assert_int_equal(channel_send(&a, "x", 1, &fd, 1), -ENOBUFS);
	assert_int_equal(channel_pending(&a), CHANNEL_QUEUE_MAX);
	close(fd);
	channel_clear(&a);
	assert_int_equal(channel_pending(&a), 0);
}

static void the_end_comes_after_the_last_packet(void **state)
{
	struct packet p;

	(void)state;
	channel_send(&a, "last", 4, NULL, 0);
	channel_clear(&a);
	channel_clear(&a);
	assert_int_equal(channel_recv(&b, &p), 0);
	assert_int_equal(channel_recv(&b, &p), -EPIPE);
	assert_int_equal(channel_recv_wait(&b, &p, -1), -EPIPE);
	assert_int_equal(channel_send(&b, "x", 1, NULL, 0), -EPIPE);
	assert_int_equal(channel_send(&a, "x", 1, NULL, 0), -EPIPE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(packets_arrive_whole_and_in_order),
		CASE(descriptors_are_lent_and_arrive_close_on_exec),
		CASE(as_many_descriptors_as_promised_fit),
		CASE(surplus_descriptors_are_closed),
		CASE(a_share_is_a_sixteenth_of_the_limit),
		CASE(a_packet_too_large_is_refused_with_its_descriptors),
		CASE(an_empty_packet_is_an_end_and_leaks_nothing),
		CASE(sizes_are_bounded),
		CASE(what_the_socket_does_not_take_waits_in_order),
		CASE(the_queue_is_bounded_and_dropped_with_its_descriptors),
		CASE(the_end_comes_after_the_last_packet),
	};
	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
