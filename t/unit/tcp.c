/* SPDX-License-Identifier: BSD-2-Clause */
/* That the kernel passes a listening socket's options on to what it accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tcp.h"

static int value(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof v;

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void assert_set_up(int fd)
{
	assert_int_not_equal(value(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_not_equal(value(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

static int listen_on(const struct sockaddr *a, socklen_t len)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* As with the service manager's sockets: it listened before. */
static void accepted_has_them(const struct sockaddr *any, socklen_t len)
{
	struct sockaddr_storage to;
	int listening = listen_on(any, len);

	assert_int_equal(tcp_set_up(listening), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&to, &len), 0);
	int client = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
	int accepted = accept(listening, NULL, NULL);
	assert_set_up(accepted);
	assert_int_equal(value(client, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(accepted);
	close(client);
	close(listening);
}

static void accepted_sockets_have_them(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	accepted_has_them((struct sockaddr *)&v4, sizeof v4);
}

static void in_ipv6_too(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	(void)state;
	accepted_has_them((struct sockaddr *)&v6, sizeof v6);
}

static void other_sockets_say_so(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(tcp_set_up(fd), -EOPNOTSUPP);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_sockets_have_them),
		cmocka_unit_test(in_ipv6_too),
		cmocka_unit_test(other_sockets_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
