/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The logger: reads the lines of all processes from one pipe and writes them
 * to stderr, a file, syslog or the journal. It alone may block there. How it
 * ends, and what happens to the pipe when it dies, stands in pipe.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/landlock.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox.h"
#include "workers/logger/delivery.h"
#include "workers/logger/lines.h"
#include "workers/logger/pipe.h"

#define TICK_MS 1000	/* heartbeat; a sink that failed is tried again */
#define REST_MS 20

struct logger {
	struct role_self self;
	struct delivery delivery;
	struct lines lines;
	bool supervised;	/* the channel has not ended */
};

static const struct sink_ops *const sinks[] = {
	[LOG_SINK_STDERR] = &sink_stderr, [LOG_SINK_FILE] = &sink_file,
	[LOG_SINK_SYSLOG] = &sink_syslog, [LOG_SINK_JOURNAL] = &sink_journal,
};
#define SINKS (sizeof sinks / sizeof sinks[0])

/* The end comes by the end of the pipe, so that no line is lost (pipe.h). */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
}

static void protect(struct logger *lg)
{
	char missing[128] = "";

	if (lg->self.sandbox) {
		/* Its sinks are sockets and descriptors that it is handed. */
		snprintf(missing, sizeof missing, "%s", landlock_enter_all());
		int rc = sandbox_enter(SANDBOX_SYSLOG);
		if (rc < 0)
			snprintf(missing, sizeof missing, "seccomp: %s", strerror(-rc));
	}
	role_introduce(&lg->self, missing);
}

static void say(struct logger *lg, enum log_level level, const char *msg)
{
	struct log_line l;

	log_begin(&l, level, msg);
	delivery_own(&lg->delivery, &l);
}

static bool sink_can_be(const struct msg_log_sink *m, const struct packet *p)
{
	return m->to < SINKS && sinks[m->to]->needs_fd == (p->nfds == 1);
}

static void answer(struct logger *lg, uint32_t id, const char *error)
{
	struct msg m = { .type = MSG_LOG_SINK_ANS, .id = id, .log_sink_ans = { .error = error } };

	if (id != 0)
		msg_send(&lg->self.channel, &m, NULL, 0);
}

static void on_log_sink(struct logger *lg, uint32_t id, const struct msg_log_sink *m, struct packet *p)
{
	bool can_be = sink_can_be(m, p);

	if (can_be)
		delivery_set_sink(&lg->delivery, sinks[m->to], packet_take_fd(p, 0), m->json);
	else
		say(lg, LOG_LEVEL_ERROR, "the supervisor named a sink for the log that cannot be; the one before stays");
	answer(lg, id, can_be ? "" : "there is no such sink");
}

/* What is written there is a line, so that only a sink that takes one passes. */
static void on_log_probe(struct logger *lg, uint32_t id, const struct msg_log_probe *m, struct packet *p)
{
	struct msg_log_sink as_sink = { .to = m->to, .json = m->json };
	struct delivery probe;
	struct log_line l;

	if (!sink_can_be(&as_sink, p)) {
		answer(lg, id, "there is no such sink");
		return;
	}
	delivery_init(&probe, &lg->self.ledger);
	log_begin_always(&l, LOG_LEVEL_INFO, "the log can be written here");
	int rc = delivery_probe(&probe, sinks[m->to], packet_take_fd(p, 0), m->json, &l);
	delivery_clear(&probe);
	answer(lg, id, rc < 0 ? strerror(-rc) : "");
}

static void on_message(struct logger *lg)
{
	struct packet p;
	struct msg m;
	int rc = role_recv(&lg->self, &p, &m);

	if (rc == -EAGAIN)
		return;
	if (rc == -EPIPE || rc == -ECONNRESET) {
		lg->supervised = false;
		close(STDERR_FILENO);	/* the last writer may be this process */
		return;
	}
	if (rc < 0)
		exit(EXIT_FAILURE);	/* the next logger reads on where this one stops */
	if (m.type == MSG_LOG_SINK)
		on_log_sink(lg, m.id, &m.log_sink, &p);
	else if (m.type == MSG_LOG_PROBE)
		on_log_probe(lg, m.id, &m.log_probe, &p);
	else if (m.type == MSG_LOG_LEVEL)
		log_set_level(m.log_level.log_level);
	packet_close_fds(&p);
}

/* Until it is known where lines go, they wait in the pipe. */
static void wait_for_sink(struct logger *lg)
{
	struct pollfd p = { .fd = lg->self.channel.fd, .events = POLLIN };

	while (lg->supervised && !lg->delivery.sink.ops) {
		poll(&p, 1, TICK_MS);
		ledger_heartbeat(&lg->self.ledger, ledger_now_ns());
		on_message(lg);
	}
}

static void on_line(void *arg, const char *line, size_t size)
{
	delivery_line(arg, line, size);
}

/*
 * After all there was, so that lines that follow one another closely wake it
 * once; the pipe has room for them, and a message from the supervisor ends it.
 */
static void rest(const struct logger *lg)
{
	struct pollfd p = { .fd = lg->self.channel.fd, .events = POLLIN };

	poll(&p, lg->supervised, REST_MS);
}

/* One turn; false at the end of the pipe. */
static bool turn(struct logger *lg)
{
	struct pollfd p[] = {
		{ .fd = LOGGER_PIPE_FD, .events = POLLIN },
		{ .fd = lg->self.channel.fd, .events = POLLIN },
	};

	poll(p, lg->supervised ? 2 : 1, TICK_MS);
	ledger_heartbeat(&lg->self.ledger, ledger_now_ns());
	if (lg->supervised && p[1].revents)
		on_message(lg);
	if (!p[0].revents) {
		delivery_retry(&lg->delivery);
		return true;
	}
	int rc = lines_read(&lg->lines, on_line, &lg->delivery);
	delivery_flush(&lg->delivery);
	if (rc == 1)
		rest(lg);
	return rc > 0 || rc == -EAGAIN;
}

int main(void)
{
	static struct logger lg;

	ignore_signals();
	role_begin(&lg.self, ROLE_LOGGER);
	delivery_init(&lg.delivery, &lg.self.ledger);
	lines_init(&lg.lines, LOGGER_PIPE_FD);
	lg.supervised = true;
	tzset();	/* reads the zone's file while that is still allowed */
	protect(&lg);
	wait_for_sink(&lg);
	if (!lg.delivery.sink.ops)
		return EXIT_FAILURE;
	role_ready(&lg.self);
	while (turn(&lg))
		;
	delivery_retry(&lg.delivery);
	delivery_clear(&lg.delivery);
	channel_clear(&lg.self.channel);
	ledger_clear(&lg.self.ledger);
	return EXIT_SUCCESS;
}
