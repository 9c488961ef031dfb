/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ALL_STATES 0xffffffffu
#define TYPE_SEQPACKET 5

/* By number, as the kernel counts them (tcp_states.h). */
static const char *const states[] = {
	"", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
	"close_wait", "last_ack", "listen", "closing", "syn_recv",
};

static const char *state_name(unsigned state)
{
	return state < sizeof states / sizeof states[0] ? states[state] : "unknown";
}

void sockets_init(struct sockets *s)
{
	*s = (struct sockets){ .list = NULL };
}

void sockets_clear(struct sockets *s)
{
	free(s->list);
	sockets_init(s);
}

int sockets_want(struct sockets *s, uint64_t inode)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		void *list = realloc(s->list, cap * sizeof *s->list);
		if (!list)
			return -ENOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = (struct socket_info){ .inode = inode, .first_fd = -1, .kind = "socket", .state = "" };
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	uint64_t x = ((const struct socket_info *)a)->inode, y = ((const struct socket_info *)b)->inode;

	return x < y ? -1 : x > y;
}

void sockets_seal(struct sockets *s)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, by_inode);
}

struct socket_info *sockets_find(const struct sockets *s, uint64_t inode)
{
	struct socket_info key = { .inode = inode };

	return s->n > 0 ? bsearch(&key, s->list, s->n, sizeof key, by_inode) : NULL;
}

static void put_address(char *text, size_t size, unsigned family, const void *ip, unsigned port)
{
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop((int)family, ip, host, sizeof host);
	snprintf(text, size, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
}

/* Calls take for each attribute that lies within its bounds. */
static void attributes(const void *at, size_t left, void (*take)(struct socket_info *, const struct rtattr *, size_t), struct socket_info *i)
{
	const uint8_t *p = at;

	while (left >= sizeof(struct rtattr)) {
		struct rtattr a;
		memcpy(&a, p, sizeof a);
		if (a.rta_len < sizeof a || a.rta_len > left)
			return;
		take(i, (const struct rtattr *)(const void *)p, a.rta_len - sizeof a);
		size_t step = RTA_ALIGN(a.rta_len);
		if (step > left)
			return;
		p += step;
		left -= step;
	}
}

static void take_inet(struct socket_info *i, const struct rtattr *a, size_t size)
{
	struct tcp_info info = { 0 };

	if (a->rta_type != INET_DIAG_INFO || strcmp(i->state, "listen") == 0)
		return;
	memcpy(&info, RTA_DATA(a), size < sizeof info ? size : sizeof info);
	i->has_idle = true;
	i->idle_ms = info.tcpi_last_data_recv < info.tcpi_last_data_sent ? info.tcpi_last_data_recv : info.tcpi_last_data_sent;
}

static void on_inet(struct sockets *s, const uint8_t *data, size_t size)
{
	struct inet_diag_msg m;

	if (size < sizeof m)
		return;
	memcpy(&m, data, sizeof m);
	struct socket_info *i = m.idiag_inode ? sockets_find(s, m.idiag_inode) : NULL;
	if (!i)
		return;
	i->found = true;
	i->kind = "tcp";
	i->state = state_name(m.idiag_state);
	i->recv_queue = m.idiag_rqueue;
	i->send_queue = m.idiag_wqueue;
	put_address(i->local, sizeof i->local, m.idiag_family, m.id.idiag_src, ntohs(m.id.idiag_sport));
	if (m.id.idiag_dport)
		put_address(i->peer, sizeof i->peer, m.idiag_family, m.id.idiag_dst, ntohs(m.id.idiag_dport));
	attributes(data + NLMSG_ALIGN(sizeof m), size > NLMSG_ALIGN(sizeof m) ? size - NLMSG_ALIGN(sizeof m) : 0, take_inet, i);
}

static void take_unix(struct socket_info *i, const struct rtattr *a, size_t size)
{
	struct unix_diag_rqlen q;

	if (a->rta_type == UNIX_DIAG_NAME && size > 0 && size < sizeof i->local - 8) {
		const char *name = RTA_DATA(a);
		bool abstract = name[0] == '\0';
		snprintf(i->local, sizeof i->local, "unix:%s%.*s", abstract ? "@" : "", (int)(size - abstract), name + abstract);
	} else if (a->rta_type == UNIX_DIAG_PEER && size >= sizeof(uint32_t)) {
		uint32_t peer;
		memcpy(&peer, RTA_DATA(a), sizeof peer);
		snprintf(i->peer, sizeof i->peer, "unix inode %u", peer);
	} else if (a->rta_type == UNIX_DIAG_RQLEN && size >= sizeof q) {
		memcpy(&q, RTA_DATA(a), sizeof q);
		i->recv_queue = q.udiag_rqueue;
		i->send_queue = q.udiag_wqueue;
	}
}

static void on_unix(struct sockets *s, const uint8_t *data, size_t size)
{
	struct unix_diag_msg m;

	if (size < sizeof m)
		return;
	memcpy(&m, data, sizeof m);
	struct socket_info *i = sockets_find(s, m.udiag_ino);
	if (!i)
		return;
	i->found = true;
	i->kind = m.udiag_type == TYPE_SEQPACKET ? "unix packets" : m.udiag_type == SOCK_DGRAM ? "unix datagrams" : "unix";
	i->state = state_name(m.udiag_state);
	attributes(data + NLMSG_ALIGN(sizeof m), size > NLMSG_ALIGN(sizeof m) ? size - NLMSG_ALIGN(sizeof m) : 0, take_unix, i);
}

static void on_message(struct sockets *s, const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == AF_UNIX)
		on_unix(s, data, size);
	else if (size > 0 && (data[0] == AF_INET || data[0] == AF_INET6))
		on_inet(s, data, size);
}

int sockets_parse(struct sockets *s, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		memcpy(&h, p, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > size)
			return -EBADMSG;
		size_t body = h.nlmsg_len - sizeof h;
		if (h.nlmsg_type == NLMSG_DONE)
			return 0;
		if (h.nlmsg_type == NLMSG_ERROR) {
			int32_t error = -EBADMSG;
			if (body >= sizeof error)
				memcpy(&error, p + sizeof h, sizeof error);
			return error < 0 ? error : -EBADMSG;
		}
		if (h.nlmsg_type == SOCK_DIAG_BY_FAMILY)
			on_message(s, p + sizeof h, body);
		size_t step = NLMSG_ALIGN(h.nlmsg_len);
		if (step >= size)
			break;
		p += step;
		size -= step;
	}
	return 1;
}

static int ask_and_read(struct sockets *s, int fd, const void *request, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_Alignas(struct nlmsghdr) static uint8_t answer[1 << 16];
	int rc = 1;

	if (sendto(fd, request, size, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
		return -errno;
	while (rc > 0) {
		struct iovec part = { answer, sizeof answer };
		struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &m, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		rc = m.msg_flags & MSG_TRUNC ? -EMSGSIZE : sockets_parse(s, answer, (size_t)n);
	}
	return rc;
}

static int ask_inet(struct sockets *s, int fd, uint8_t family)
{
	struct { struct nlmsghdr h; struct inet_diag_req_v2 q; } r = {
		.h = { .nlmsg_len = sizeof r, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.q = { .sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ALL_STATES,
			.idiag_ext = 1 << (INET_DIAG_INFO - 1) },
	};

	return ask_and_read(s, fd, &r, sizeof r);
}

static int ask_unix(struct sockets *s, int fd)
{
	struct { struct nlmsghdr h; struct unix_diag_req q; } r = {
		.h = { .nlmsg_len = sizeof r, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.q = { .sdiag_family = AF_UNIX, .udiag_states = ALL_STATES,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN },
	};

	return ask_and_read(s, fd, &r, sizeof r);
}

int sockets_ask(struct sockets *s)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	int inet = ask_inet(s, fd, AF_INET);
	int inet6 = inet == 0 ? ask_inet(s, fd, AF_INET6) : inet;
	int local = inet6 == 0 || inet6 == -ENOENT ? ask_unix(s, fd) : inet6;
	close(fd);
	return local;
}
