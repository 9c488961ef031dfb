/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/flow.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44	/* Linux 6.15 */
#endif

#define TCP_STATE_CLOSE 7	/* include/net/tcp_states.h of Linux */
#define NS_PER_MS 1000000ull
#define INTERVAL_MIN_NS (50 * NS_PER_MS)
#define NET_EXTRA_MS 5000
#define RTO_MAX_MS_LEAST 1000	/* what the kernel takes */
#define RTO_MAX_MS_MOST 120000

void flow_sent(struct flow *f, uint64_t now_ns)
{
	f->sent_ns = now_ns;
	if (f->waits)
		return;
	f->waits = f->asked = true;
	f->silent_since_ns = f->stuck_since_ns = now_ns;
}

static bool ask(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof *info;

	*info = (struct tcp_info){ 0 };
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/*
 * Silence counts only against a peer that was asked: at a closed window the
 * kernel asks by probes that may be two minutes apart, and an answer to each is
 * all that can be had. Asked is: a probe is out; a retransmission is; or data
 * went out after the last answer. What was in flight at that answer will be
 * retransmitted, and then counts.
 */
static bool owes_answer(const struct tcp_info *i)
{
	return i->tcpi_probes > 0 || i->tcpi_retransmits > 0
		|| (i->tcpi_unacked > 0 && i->tcpi_last_data_sent < i->tcpi_last_ack_recv);
}

static void look_tcp(struct flow *f, const struct tcp_info *i, uint64_t now_ns)
{
	/* A segment with data acknowledges, too, but on its fast path the kernel does not note that. */
	uint64_t answered_ns = now_ns - least(i->tcpi_last_ack_recv, i->tcpi_last_data_recv) * NS_PER_MS;

	bool asked_before = f->asked, taken = i->tcpi_bytes_acked != f->acked;

	f->unsent |= i->tcpi_notsent_bytes > 0;
	f->seen = f->unsent || i->tcpi_unacked > 0;
	f->asked = f->seen && owes_answer(i);
	/* From now, not from an answer or look before: the question may have come later than that. */
	if (!f->asked || !asked_before || taken || answered_ns > f->silent_since_ns)
		f->silent_since_ns = now_ns;
	if (taken) {
		f->taken_ns = now_ns - i->tcpi_last_ack_recv * NS_PER_MS;
		f->stuck_since_ns = now_ns;
	}
	f->acked = i->tcpi_bytes_acked;
	f->closed = i->tcpi_state == TCP_STATE_CLOSE;
}

/*
 * A peer on this machine does not vanish, and bytes and memory are counted
 * differently there: whenever the queue has changed, it moves.
 */
static void look_unix(struct flow *f, int fd, uint64_t now_ns)
{
	int queued = 0;

	if (ioctl(fd, SIOCOUTQ, &queued) < 0)
		queued = 0;
	f->seen = f->unsent = f->unsent || queued > 0;
	f->asked = false;
	f->silent_since_ns = now_ns;
	if ((uint64_t)queued != f->acked)
		f->taken_ns = f->stuck_since_ns = now_ns;
	f->acked = (uint64_t)queued;
}

void flow_look(struct flow *f, int fd, size_t kept, uint64_t now_ns)
{
	struct tcp_info info;

	f->unsent = kept > 0;
	if (ask(fd, &info))
		look_tcp(f, &info, now_ns);
	else
		look_unix(f, fd, now_ns);
	f->waits = f->seen;
	if (f->unsent)
		f->sent_ns = now_ns;
}

/*
 * TCP_USER_TIMEOUT counts from when the waiting began, also if it is set later.
 * While it is set it replaces keep-alive's count of probes. It also ends
 * connections whose peer answers, at a closed window; so it belongs to that
 * deadline. TCP_RTO_MAX_MS makes the kernel ask a peer with a closed window,
 * and one that may come back, twice within `progress`; more often would let the
 * kernel itself give up before it (tcp_rtx_probe0_timed_out). Older kernels
 * know it not, and ask up to two minutes apart.
 */
void flow_net(struct flow *f, int fd, const struct deadlines *d)
{
	uint32_t closed_window = d->ms[DEADLINE_CLOSED_WINDOW], progress = d->ms[DEADLINE_PROGRESS];

	if (f->seen == f->netted)
		return;
	f->netted = f->seen;
	if (closed_window > 0) {
		unsigned ms = f->seen ? closed_window + NET_EXTRA_MS : 0;
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
	}
	if (progress > 0 && f->seen) {
		uint32_t half = progress / 2;
		int ms = (int)(half < RTO_MAX_MS_LEAST ? RTO_MAX_MS_LEAST : least(half, RTO_MAX_MS_MOST));
		setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &ms, sizeof ms);
	}
}

uint64_t flow_interval_ns(const struct deadlines *d)
{
	uint32_t a = d->ms[DEADLINE_PROGRESS], b = d->ms[DEADLINE_CLOSED_WINDOW];
	uint32_t shorter = a == 0 ? b : b == 0 ? a : least(a, b);
	uint64_t tenth = shorter * NS_PER_MS / 10;

	if (shorter == 0)
		return 0;
	return tenth < INTERVAL_MIN_NS ? INTERVAL_MIN_NS : tenth;
}

static enum deadline first_set(const struct deadlines *d, enum deadline a, enum deadline b)
{
	return d->ms[a] ? a : d->ms[b] ? b : DEADLINE_COUNT;
}

enum deadline flow_timed_out(int fd, size_t kept, const struct deadlines *d)
{
	struct tcp_info i;

	/* The dead socket still tells its last state. */
	if (!ask(fd, &i))
		return DEADLINE_COUNT;
	if (i.tcpi_retransmits > 0)
		return first_set(d, DEADLINE_PROGRESS, DEADLINE_CLOSED_WINDOW);
	if (i.tcpi_notsent_bytes > 0 || kept > 0)
		return first_set(d, DEADLINE_CLOSED_WINDOW, DEADLINE_PROGRESS);
	return DEADLINE_COUNT;
}
