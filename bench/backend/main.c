/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-backend: answers what bench-load asks for, as cheaply as the
 * kernel allows, so that it is never what limits. It prints one line of JSON
 * when it listens and one with its counts when its standard input ends.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/backend/serve.h"
#include "bench/common/address.h"

#define EVENTS 256
#define LISTENERS_MAX 8

struct listener {
	int fd;
	bool tcp;
};

static int listen_at(const char *text)
{
	struct sockaddr_storage a;
	socklen_t size;
	int on = 1;

	if (!address_parse(text, &a, &size)) {
		errno = EINVAL;
		return -1;
	}
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, size) < 0 || listen(fd, 4096) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void say_ports(const struct listener *l, int n)
{
	printf("{\"ports\":[");
	for (int i = 0; i < n; i++) {
		struct sockaddr_in in = { 0 };
		socklen_t size = sizeof in;
		getsockname(l[i].fd, (struct sockaddr *)&in, &size);
		printf("%s%u", i ? "," : "", l[i].tcp ? ntohs(in.sin_port) : 0u);
	}
	printf("]}\n");
	fflush(stdout);
}

static void accept_all(struct server *s, const struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (l->tcp)
			address_nodelay(fd);
		serve_new(s, fd);
	}
}

static bool stdin_ended(void)
{
	char c[64];

	return read(STDIN_FILENO, c, sizeof c) <= 0;
}

/* The data of a listener's events points into l, that of a peer's elsewhere, that of stdin's nowhere. */
static void run(struct server *s, struct listener *l, int n)
{
	struct epoll_event e[EVENTS];

	for (;;) {
		int got = epoll_wait(s->epoll, e, EVENTS, -1);
		for (int i = 0; i < got; i++) {
			struct listener *which = e[i].data.ptr;
			if (!which && stdin_ended())
				return;
			else if (which >= l && which < l + n)
				accept_all(s, which);
			else if (which)
				serve_event(s, e[i].data.ptr, e[i].events);
		}
	}
}

static void watch(struct server *s, int fd, void *data)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = data };

	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

int main(int argc, char **argv)
{
	struct listener l[LISTENERS_MAX];
	static struct server s;
	int n = argc - 1;

	if (n < 1 || n > LISTENERS_MAX || argv[1][0] == '-') {
		fprintf(stderr, "usage: bench-backend ADDRESS:PORT|unix:PATH ... (port 0: any; ends with its standard input)\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (serve_init(&s) < 0) {
		perror("bench-backend");
		return 1;
	}
	for (int i = 0; i < n; i++) {
		l[i] = (struct listener){ listen_at(argv[i + 1]), strncmp(argv[i + 1], "unix:", 5) != 0 };
		if (l[i].fd < 0) {
			fprintf(stderr, "bench-backend: %s: %s\n", argv[i + 1], strerror(errno));
			return 1;
		}
		watch(&s, l[i].fd, &l[i]);
	}
	watch(&s, STDIN_FILENO, NULL);
	say_ports(l, n);
	run(&s, l, n);
	printf("{\"connections\":%llu,\"requests\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,\"bad\":%llu,\"open\":%llu}\n",
		s.connections, s.requests, s.bytes_in, s.bytes_out, s.bad, s.open);
	return 0;
}
