/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests tlsward-logger: what becomes of the lines that it reads, until it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/json_check.h"
#include "t/unit/logger_fixture.h"

static void lines_reach_a_file_as_they_are_and_in_order(void **state)
{
	struct play *p = *state;
	char wanted[64];

	start(p, LOG_SINK_FILE, false, open_file(p));
	for (int i = 0; i < 100; i++)
		log_info("line \"%d\"", i);
	const char *at = wait_for_text(p, "line \\\"99\\\"");
	assert_memory_equal(at, "ts=2", 4);
	for (int i = 0; i < 100; i++) {
		snprintf(wanted, sizeof wanted, "Z level=info who=worker.1 pid=%d ", (int)getpid());
		assert_non_null(at = strstr(at, wanted));
		snprintf(wanted, sizeof wanted, " msg=\"line \\\"%d\\\"\"\n", i);
		assert_non_null(at = strstr(at, wanted));
	}
	assert_int_equal(stop(p), 0);
	assert_int_equal(lost_by_ledger(p), 0);
}

static unsigned long wakeups(struct play *p)
{
	char path[64], line[128];
	unsigned long n = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)p->pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) && sscanf(line, "voluntary_ctxt_switches: %lu", &n) != 1)
		;
	fclose(f);
	return n;
}

static void lines_close_together_wake_it_seldom(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	log_info("first");
	wait_for_text(p, "msg=first\n");
	unsigned long before = wakeups(p);
	uint64_t began = ledger_now_ns();
	for (int i = 0; i < 200; i++) {
		log_info("one of many");
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	}
	log_info("last");
	wait_for_text(p, "msg=last\n");
	/* It rests 20 ms after each; on a busy machine this here takes its time. */
	uint64_t rests = (ledger_now_ns() - began) / 20000000, most = 4 * rests;
	assert_in_range(wakeups(p) - before, 1, most > 100 ? most : 100);
}

static void lines_reach_a_file_as_json(void **state)
{
	struct play *p = *state;
	struct log_line l;
	char *save = NULL;
	int n = 0;

	start(p, LOG_SINK_FILE, true, open_file(p));
	log_begin(&l, LOG_LEVEL_NOTICE, "with \"quotes\"");
	log_bytes(&l, "sni", "123", 3);
	log_bytes(&l, "odd", "\xff\n", 2);
	log_ms(&l, "took", 1500);
	log_end(&l);
	assert_int_equal(write(p->pipe[1], "no line of ours\n", 16), 16);
	char *text = strdup(wait_for_text(p, "no line of ours"));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++)
		assert_true(json_is_object(line));
	free(text);
	assert_int_equal(n, 2);
	assert_non_null(strstr(file_text(p), "\"msg\":\"with \\\"quotes\\\"\",\"sni\":\"123\",\"odd\":\"\\u00ff\\n\",\"took\":1.500}\n"));
	assert_non_null(strstr(file_text(p), "\"level\":\"error\",\"who\":\"?\",\"msg\":\"no line of ours\"}\n"));
}

static void what_is_no_line_of_ours_is_wrapped_not_lost(void **state)
{
	struct play *p = *state;
	static const char odd[] = "\n\n\x1b[2J evil\nts=t level=info\n";
	char text[20000];
	size_t zs = 0;

	start(p, LOG_SINK_FILE, false, open_file(p));
	memset(text, 'z', sizeof text);
	assert_int_equal(write(p->pipe[1], text, sizeof text), sizeof text);
	assert_int_equal(write(p->pipe[1], odd, sizeof odd - 1), sizeof odd - 1);
	log_info("after");
	const char *got = wait_for_text(p, "msg=after\n");
	assert_non_null(strstr(got, "level=error who=? msg=\"\\x1b[2J evil\"\n"));
	assert_non_null(strstr(got, "\nts=t level=info\n"));
	for (; *got; got++)
		zs += *got == 'z';
	assert_int_equal(zs, sizeof text);
}

static void the_end_of_a_line_without_newline_is_not_lost(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	assert_int_equal(write(p->pipe[1], "Segmentation", 12), 12);
	assert_int_equal(stop(p), 0);
	assert_non_null(strstr(file_text(p), "who=? msg=Segmentation\n"));
}

static void the_last_lines_of_those_who_drain_are_written(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	kill(p->pid, SIGTERM);
	kill(p->pid, SIGINT);
	channel_clear(&p->channel);	/* the supervisor is gone, a worker drains */
	assert_int_equal(wait_for_end(p, 100), -1);
	log_info("drained");
	wait_for_text(p, "msg=drained\n");
	for (int i = 0; i < 500; i++)
		log_info("last %d", i);
	close_pipe(p, 1);
	assert_int_equal(wait_for_end(p, PATIENCE_MS), 0);
	assert_non_null(strstr(file_text(p), "msg=\"last 499\"\n"));
}

static void a_successor_reads_on_where_a_dead_logger_stopped(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	kill(p->pid, SIGKILL);
	assert_int_equal(wait_for_end(p, PATIENCE_MS), 128 + SIGKILL);
	channel_clear(&p->channel);
	ledger_clear(&p->ledger);
	log_info("while nobody read");
	start(p, LOG_SINK_FILE, false, open_file(p));
	wait_for_text(p, "msg=\"while nobody read\"\n");
}

static void lines_wait_until_the_sink_is_known(void **state)
{
	struct play *p = *state;

	log_info("early");
	start_logger(p);
	pause_ms(50);
	set_sink(p, LOG_SINK_FILE, false, open_file(p));
	wait_for_text(p, "msg=early\n");
	assert_int_equal(lost_by_ledger(p), 0);
}

static void a_message_that_breaks_the_protocol_ends_it(void **state)
{
	struct play *p = *state;

	start(p, LOG_SINK_FILE, false, open_file(p));
	assert_int_equal(channel_send(&p->channel, "\xff\xff", 2, NULL, 0), 0);
	assert_int_equal(wait_for_end(p, PATIENCE_MS), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lines_reach_a_file_as_they_are_and_in_order),
		CASE(lines_close_together_wake_it_seldom),
		CASE(lines_reach_a_file_as_json),
		CASE(what_is_no_line_of_ours_is_wrapped_not_lost),
		CASE(the_end_of_a_line_without_newline_is_not_lost),
		CASE(the_last_lines_of_those_who_drain_are_written),
		CASE(a_successor_reads_on_where_a_dead_logger_stopped),
		CASE(lines_wait_until_the_sink_is_known),
		CASE(a_message_that_breaks_the_protocol_ends_it),
	};
	return cmocka_run_group_tests_name("logger", tests, NULL, NULL);
}
