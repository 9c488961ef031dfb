/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests tlsward-logger with sinks that fail, block or cannot be: nobody else waits, and what is lost is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/logger_fixture.h"

static void a_full_disk_loses_lines_counts_and_tells(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open("/dev/full", O_WRONLY | O_CLOEXEC));
	for (int i = 0; i < 7; i++)
		log_info("lost %d", i);
	wait_for_lost(p, 7);
	set_sink(p, LOG_SINK_FILE, false, open_file(p));
	log_info("after");
	const char *text = wait_for_text(p, " lost=");
	assert_non_null(strstr(text, "level=warning who=logger "));
	assert_null(strstr(text, "lost 6"));
}

static void a_stderr_whose_reader_left_kills_nobody(void **state)
{
	struct play *p = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	start(p, LOG_SINK_STDERR, false, fds[1]);
	close(fds[0]);
	log_info("to nobody");
	wait_for_lost(p, 1);
	set_sink(p, LOG_SINK_FILE, false, open_file(p));
	wait_for_text(p, " lost=1\n");	/* also when no line follows */
}

static uint64_t numbers_in(const char *text)
{
	uint64_t n = 0;

	while ((text = strstr(text, "\"number=")) && strchr(text, '\n'))
		n++, text++;
	return n;
}

/* Adds to the text what comes until there are so many lines with a number. */
static void read_numbers(int fd, char *text, size_t cap, uint64_t wanted)
{
	size_t size = strlen(text);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int ms = 0; numbers_in(text) < wanted && ms < PATIENCE_MS;) {
		ssize_t n = read(fd, text + size, cap - 1 - size);
		if (n > 0) {
			size += (size_t)n;
			text[size] = '\0';
		} else {
			pause_ms(5);
			ms += 5;
		}
	}
	assert_int_equal(numbers_in(text), wanted);
}

/* What the notices of lost lines in a text say in all. */
static uint64_t told_in(const char *text)
{
	uint64_t sum = 0;

	while ((text = strstr(text, " dropped="))) {
		text += 9;
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

static void a_sink_that_blocks_holds_the_logger_alone(void **state)
{
	struct play *p = *state;
	static char text[2 << 20];
	uint64_t dropped_before = log_dropped(), kept = 0;
	int fds[2], last = -1;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	start(p, LOG_SINK_STDERR, false, fds[1]);
	uint64_t from = ledger_now_ns();
	for (int i = 0; i < 10000; i++)
		log_info("number=%d", i);
	assert_in_range((ledger_now_ns() - from) / 1000000, 0, 5000);
	uint64_t dropped = log_dropped() - dropped_before;
	assert_in_range(dropped, 1, 9999);

	read_numbers(fds[0], text, sizeof text, 10000 - dropped);
	log_info("number=%d", 10000);
	read_numbers(fds[0], text, sizeof text, 10001 - dropped);
	for (const char *at = text; (at = strstr(at, "\"number=")); at++, kept++) {
		assert_true(atoi(at + 8) > last);
		last = atoi(at + 8);
	}
	assert_int_equal(last, 10000);
	assert_int_equal(kept + dropped, 10001);
	assert_int_equal(told_in(text), dropped);
	assert_int_equal(stop(p), 0);
	close(fds[0]);
}

static void a_sink_that_cannot_be_leaves_the_one_before(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	set_sink(p, LOG_SINK_FILE, false, -1);
	set_sink(p, LOG_SINK_SYSLOG, false, open("/dev/null", O_WRONLY));
	set_sink(p, 200, false, -1);
	wait_for_text(p, "cannot be");
	log_info("goes on");
	wait_for_text(p, "goes on");
}

/* The error that it answers. */
static const char *probe(struct play *p, enum log_sink to, int fd)
{
	struct msg m = { .type = MSG_LOG_PROBE, .id = 7, .log_probe = { .to = (uint8_t)to } };
	static struct msg answer;

	assert_int_equal(msg_send(&p->channel, &m, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
	receive(p, MSG_LOG_SINK_ANS, &answer);
	assert_int_equal(answer.id, 7);
	return answer.log_sink_ans.error;
}

static void a_probe_tells_whether_a_sink_works_and_changes_nothing(void **state)
{
	struct play *p = *state;
	struct msg m = { .type = MSG_LOG_SINK, .id = 8, .log_sink = { .to = LOG_SINK_FILE } };
	int other = memfd_create("other", MFD_CLOEXEC), fd;
	char text[4096] = "";

	start(p, LOG_SINK_FILE, false, open_file(p));
	assert_string_equal(probe(p, LOG_SINK_FILE, open("/dev/full", O_WRONLY | O_CLOEXEC)), strerror(ENOSPC));
	assert_string_equal(probe(p, LOG_SINK_FILE, dup(other)), "");
	assert_true(pread(other, text, sizeof text - 1, 0) > 0);
	assert_non_null(strstr(text, "level=info who=logger"));
	assert_string_equal(probe(p, LOG_SINK_FILE, -1), "there is no such sink");
	log_info("as before");
	wait_for_text(p, "as before");
	assert_int_equal(lost_by_ledger(p), 0);
	fd = dup(other);
	assert_int_equal(msg_send(&p->channel, &m, &fd, 1), 0);
	close(fd);
	receive(p, MSG_LOG_SINK_ANS, &m);
	assert_int_equal(m.id, 8);
	assert_string_equal(m.log_sink_ans.error, "");
	close(other);
	assert_int_equal(stop(p), 0);
}

static void lines_go_on_whole_when_a_disk_has_room_again(void **state)
{
	struct play *p = *state;
	static const char filler[4096];
	int lines = 0;

	if (!mount_empty("/run", "size=64k"))
		return;
	strcpy(p->file, "/run/log");
	int fill = open("/run/fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	start(p, LOG_SINK_FILE, false, open_file(p));
	log_info("first");
	wait_for_text(p, "msg=first\n");
	while (write(fill, filler, sizeof filler) > 0)
		;
	while (lost_by_ledger(p) == 0 && lines++ < 200) {
		log_info("line %d", lines);	/* the page that it has gets full within one of these */
		pause_ms(2);
	}
	for (int ms = 0; lost_by_ledger(p) == 0 && ms < PATIENCE_MS; ms += 5)
		pause_ms(5);
	assert_int_not_equal(lost_by_ledger(p), 0);
	assert_int_equal(ftruncate(fill, 0), 0);
	log_info("after");
	const char *text = wait_for_text(p, "msg=after\n");
	assert_non_null(strstr(text, " lost="));
	for (const char *next; (next = strchr(text, '\n')); text = next + 1)
		assert_memory_equal(text, "ts=2", 4);
	close(fill);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_full_disk_loses_lines_counts_and_tells),
		CASE(a_stderr_whose_reader_left_kills_nobody),
		CASE(a_sink_that_blocks_holds_the_logger_alone),
		CASE(a_sink_that_cannot_be_leaves_the_one_before),
		CASE(a_probe_tells_whether_a_sink_works_and_changes_nothing),
		CASE(lines_go_on_whole_when_a_disk_has_room_again),
	};
	return cmocka_run_group_tests_name("logger_sinks", tests, NULL, NULL);
}
