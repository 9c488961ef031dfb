/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The detectors over series: what each has to see and, as important, what it
 * must not. A series is made by a little machine that lives second by second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "plugins/detect/crash.h"
#include "plugins/detect/list.h"

#define SECOND 1000000000ull
#define MB (1ull << 20)
#define SAMPLES_MAX 4000

static const struct detect_limits defaults = { .interval_s = 1, .fd_leak_above = 64, .fd_leak_for_s = 10,
	.cpu_spin_share = .9, .cpu_spin_for_s = 5, .stall_after_s = 5 };

static struct sample series[SAMPLES_MAX];
static size_t n;
static struct sample now;	/* of the process that lives */

static int born(void **state)
{
	(void)state;
	n = 0;
	now = (struct sample){ .at_ns = 1000 * SECOND, .heartbeat_ns = 1000 * SECOND, .rss_bytes = 30 * MB, .fds = 12,
		.fds_known = 12, .fds_limit = 20000, .cpu_ns = SECOND };
	return 0;
}

static void sampled(void)
{
	assert_true(n < SAMPLES_MAX);
	series[n++] = now;
}

/* Time goes by; the loop turns in it unless it stands still. */
static void pass(double s)
{
	now.at_ns += (uint64_t)(s * 1e9);
	now.heartbeat_ns = now.at_ns - SECOND / 10;
}

static void stand_still(double s)
{
	uint64_t beat = now.heartbeat_ns;

	pass(s);
	now.heartbeat_ns = beat;
}

static void quiet_seconds(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		pass(1);
		now.cpu_ns += SECOND / 1000;
		now.wakeups += 3;
		sampled();
	}
}

static struct verdict verdict(void)
{
	struct verdict v;

	detect(&defaults, series, n, &v);
	return v;
}

static void assert_nothing(void)
{
	struct verdict v = verdict();

	if (v.kind != VERDICT_NONE)
		fail_msg("%s: %s", verdict_name(v.kind), v.numbers);
}

static void assert_verdict(enum verdict_kind kind)
{
	assert_string_equal(verdict_name(verdict().kind), verdict_name(kind));
}

static void nothing_is_said_of_nothing(void **state)
{
	(void)state;
	assert_nothing();
	sampled();
	assert_nothing();
	quiet_seconds(600);
	assert_nothing();
	for (int k = 0; k < VERDICT_COUNT; k++)
		assert_true(strlen(verdict_name(k)) > 0 && strlen(verdict_text(k)) > 0);
}

/* ---- fd_leak ---- */

static void a_leak_of_one_an_hour_and_one_of_a_thousand_a_second_are_found(void **state)
{
	(void)state;
	/* Slow: it has leaked 70 over the weeks. */
	quiet_seconds(20);
	now.fds += 64;
	quiet_seconds(20);
	assert_nothing();
	now.fds += 1;
	quiet_seconds(10);
	assert_nothing();
	quiet_seconds(1);
	assert_verdict(VERDICT_FD_LEAK);
	assert_true(verdict().since_ns == now.at_ns - 10 * SECOND);
	assert_non_null(strstr(verdict().numbers, "unknown=65 unknown_before=65 above=64"));
	/* Fast: there is no time for a window. */
	born(NULL);
	for (int i = 0; i < 12; i++) {
		now.fds += 1000;
		quiet_seconds(1);
	}
	assert_verdict(VERDICT_FD_LEAK);
}

static void five_a_second_are_found_within_the_window_and_what_it_takes_to_get_there(void **state)
{
	int seconds = 0;

	(void)state;
	quiet_seconds(60);
	while (verdict().kind == VERDICT_NONE && seconds < 100) {
		now.fds += 5;
		quiet_seconds(1);
		seconds++;
	}
	assert_int_equal(seconds, 13 + 10);
}

static void a_small_limit_makes_a_small_leak_a_large_one(void **state)
{
	(void)state;
	now.fds_limit = 100;
	now.fds += 30;
	quiet_seconds(11);
	assert_verdict(VERDICT_FD_LEAK);
	/* More than half of it: at once. */
	born(NULL);
	now.fds_limit = 100;
	quiet_seconds(1);
	now.fds += 60;
	quiet_seconds(1);
	assert_nothing();
	quiet_seconds(1);
	assert_verdict(VERDICT_FD_LEAK);
}

/* Handshakes that wait for something, given up all at once every five minutes. */
static void a_sawtooth_of_connections_past_their_deadlines_is_found(void **state)
{
	bool found = false;

	(void)state;
	for (int i = 0; i < 600 && !found; i++) {
		if (i % 300 == 0)
			now.overdue = now.connections = now.fds = now.fds_known = 12;
		now.overdue++;
		now.connections++;
		now.fds++;
		now.fds_known++;
		quiet_seconds(1);
		found = verdict().kind == VERDICT_FD_LEAK;
	}
	assert_true(found);
	assert_non_null(strstr(verdict().numbers, "overdue="));
}

static void what_comes_and_goes_is_no_leak(void **state)
{
	(void)state;
	/* Accounted for, all of it, up to the limit. */
	for (int i = 0; i < 600; i++) {
		now.connections = 9900;
		now.fds = now.fds_known = 19912;
		/* Read a moment apart, while connections come in crowds. */
		now.fds += i % 3 * 40;
		quiet_seconds(1);
		assert_nothing();
	}
	/* A burst that nobody accounts for, on its way down. */
	born(NULL);
	for (int i = 0; i < 30; i++) {
		now.fds = 12 + 400 - (uint64_t)i * 10;
		quiet_seconds(1);
		assert_nothing();
	}
}

static void a_process_whose_descriptors_cannot_be_counted_is_not_accused(void **state)
{
	(void)state;
	now.fds = 0;
	quiet_seconds(100);
	assert_nothing();
}

/* ---- cpu_spin ---- */

static void computes(double seconds)
{
	now.cpu_ns += (uint64_t)(seconds * 1e9);
}

static void a_spin_in_c_is_found_after_its_window(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 5; i++) {
		stand_still(1);
		computes(.99);
		sampled();
		if (i < 4)
			assert_nothing();
	}
	assert_verdict(VERDICT_CPU_SPIN);
	assert_true(verdict().since_ns == now.at_ns - 5 * SECOND);
}

static void a_spin_on_one_connection_is_found_by_its_empty_wakeups(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 6; i++) {
		pass(1);
		computes(.98);
		now.wakeups += 400000;
		now.spurious += 400000;
		sampled();
	}
	assert_verdict(VERDICT_CPU_SPIN);
	/* Others go on beside it: that little does not explain the time. */
	born(NULL);
	quiet_seconds(60);
	for (int i = 0; i < 6; i++) {
		pass(1);
		computes(.98);
		now.wakeups += 300400;
		now.spurious += 300000;
		now.handshakes += 20;
		now.accepts += 20;
		now.bytes += 2 * MB;
		sampled();
	}
	assert_verdict(VERDICT_CPU_SPIN);
}

/* One call takes longer than the window; the loop turns between two of them, or not. */
static void a_spin_in_a_script_is_found(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 6; i++) {
		if (i == 3)
			pass(1);
		else
			stand_still(1);
		computes(1);
		now.accepts += i == 3;
		sampled();
	}
	assert_verdict(VERDICT_CPU_SPIN);
}

static void a_spin_that_has_to_share_its_processor_is_one(void **state)
{
	(void)state;
	static const double gets[] = { .4, .22, .1 };

	for (size_t k = 0; k < sizeof gets / sizeof gets[0]; k++) {
		int seconds = 0;
		born(NULL);
		quiet_seconds(60);
		while (verdict().kind == VERDICT_NONE && seconds < 100) {
			stand_still(1);
			computes(gets[k] * .99);
			now.run_delay_ns += (uint64_t)((1 - gets[k]) * 1e9);
			sampled();
			seconds++;
		}
		assert_verdict(VERDICT_CPU_SPIN);
		/* The window, of the time that it could have. */
		assert_in_range(seconds, 5 / gets[k] - 1, 5 / gets[k] + 1);
	}
}

static void honest_work(int kind, int i)
{
	switch (kind) {
	case 0: now.handshakes += 3000; now.accepts += 3000; now.wakeups += 12000; break;	/* resumed, on a fast machine */
	case 1: now.handshakes += 350; now.accepts += 350; now.wakeups += 1400; break;	/* full, on a slow one */
	case 2: now.bytes += 250 * MB; now.wakeups += 1000; break;	/* bulk */
	case 3: now.wakeups += 40000; now.bytes += 40000; now.spurious += 200; break;	/* a byte at a time */
	case 4: now.accepts += 15000; now.wakeups += 15000; now.spurious += 10000; break;	/* refused */
	case 5: now.handshakes += i % 2 ? 0 : 500; now.bytes += i % 2 ? 80 * MB : 0; break;
	}
}

static void honest_full_load_for_an_hour_is_no_spin(void **state)
{
	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		born(NULL);
		for (int i = 0; i < 3600; i++) {
			pass(1);
			computes(1);
			honest_work(kind, i);
			sampled();
			assert_nothing();
		}
	}
}

static void a_short_burst_is_no_spin(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		quiet_seconds(10);
		for (int k = 0; k < 4; k++) {	/* a policy is loaded */
			stand_still(1);
			computes(1);
			sampled();
			assert_nothing();
		}
	}
}

/* ---- stall ---- */

static void a_stopped_process_is_found(void **state)
{
	(void)state;
	quiet_seconds(60);
	now.stopped = true;
	for (int i = 0; i < 5; i++) {
		stand_still(1);
		sampled();
		if (i < 4)
			assert_nothing();
	}
	assert_verdict(VERDICT_STALL);
	assert_non_null(strstr(verdict().numbers, "stopped=yes"));
	assert_true(verdict().since_ns == now.heartbeat_ns);
}

static void a_blocking_call_is_found(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 6; i++) {
		stand_still(1);
		sampled();
	}
	assert_verdict(VERDICT_STALL);
}

/* Heartbeats are late because others compute. */
static void a_starved_machine_is_no_stall_and_no_spin(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 120; i++) {
		stand_still(1);
		now.run_delay_ns += (uint64_t)(.97e9);
		computes(.02);
		if (i % 9 == 8)
			now.heartbeat_ns = now.at_ns - SECOND / 2;
		sampled();
		assert_nothing();
	}
	/* Samples are late there, too. */
	for (int i = 0; i < 60; i++) {
		stand_still(1.8);
		now.run_delay_ns += (uint64_t)(1.78e9);
		computes(.02);
		sampled();
		assert_nothing();
	}
}

/* CLOCK_MONOTONIC stands still meanwhile, or jumps: nobody has watched, so nobody is to blame. */
static void a_suspended_machine_is_no_stall(void **state)
{
	(void)state;
	quiet_seconds(60);
	for (int i = 0; i < 20; i++) {
		stand_still(3600);
		sampled();
		assert_nothing();
		pass(1);
		sampled();
		assert_nothing();
	}
	/* Whoever does not wake up afterwards is found all the same. */
	stand_still(3600);
	sampled();
	for (int i = 0; i < 6; i++) {
		stand_still(1);
		sampled();
	}
	assert_verdict(VERDICT_STALL);
}

static void who_waits_for_its_keeper_is_spared(void **state)
{
	(void)state;
	quiet_seconds(60);
	now.waits_for_keeper = true;
	for (int i = 0; i < 30; i++) {
		stand_still(1);
		sampled();
		assert_nothing();
	}
	now.stopped = true;
	stand_still(1);
	sampled();
	assert_verdict(VERDICT_STALL);
}

static void who_has_no_heartbeat_yet_is_spared(void **state)
{
	(void)state;
	now.heartbeat_ns = 0;
	for (int i = 0; i < 30; i++) {
		now.at_ns += SECOND;
		sampled();
		assert_nothing();
	}
}

/* ---- memory ---- */

static void memory_over_its_limit_is_found_at_once(void **state)
{
	struct detect_limits limits = defaults;
	struct verdict v;

	(void)state;
	limits.memory_limit_bytes = 100 * MB;
	now.rss_bytes = 100 * MB;
	sampled();
	detect(&limits, series, n, &v);
	assert_int_equal(v.kind, VERDICT_NONE);
	now.rss_bytes++;
	sampled();
	detect(&limits, series, n, &v);
	assert_int_equal(v.kind, VERDICT_MEMORY);
}

static void memory_that_grows_without_connections_is_found(void **state)
{
	(void)state;
	for (int i = 0; i < 400; i++) {
		now.rss_bytes += MB;
		quiet_seconds(1);
		if (i < 300)
			assert_nothing();
	}
	assert_verdict(VERDICT_MEMORY);
}

static void memory_that_grows_with_its_connections_is_honest(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		now.rss_bytes += MB / 2;
		now.connections += 20;
		now.fds = now.fds_known = 12 + 2 * now.connections;
		quiet_seconds(1);
		assert_nothing();
	}
	/* What it keeps after they have gone is no growth. */
	now.connections = 0;
	now.fds = now.fds_known = 12;
	quiet_seconds(600);
	assert_nothing();
}

static void memory_that_is_filled_once_and_memory_that_breathes_are_honest(void **state)
{
	(void)state;
	/* A cache that fills in a minute. */
	for (int i = 0; i < 60; i++) {
		now.rss_bytes += 8 * MB;
		quiet_seconds(1);
		assert_nothing();
	}
	quiet_seconds(600);
	assert_nothing();
	born(NULL);
	for (int i = 0; i < 900; i++) {
		now.rss_bytes = 100 * MB + (uint64_t)(i % 200) * 3 * MB;
		quiet_seconds(1);
		assert_nothing();
	}
}

/* ---- crash ---- */

static void a_death_says_how(void **state)
{
	struct verdict v;

	(void)state;
	crash_verdict(SIGSEGV, 7, 1234, "", &v);
	assert_int_equal(v.kind, VERDICT_CRASH);
	assert_true(v.since_ns == 7);
	assert_string_equal(v.numbers, "signal=11 (Segmentation fault) lived=1234ms");
	crash_verdict(3 << 8, 7, 5, "", &v);
	assert_string_equal(v.numbers, "exit=3 lived=5ms");
	crash_verdict(SIGKILL, 7, 5, "no answer within 1 s", &v);
	assert_string_equal(v.numbers, "signal=9 (Killed) lived=5ms: no answer within 1 s");
}

#define CASE(f) cmocka_unit_test_setup(f, born)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_said_of_nothing),
		CASE(a_leak_of_one_an_hour_and_one_of_a_thousand_a_second_are_found),
		CASE(five_a_second_are_found_within_the_window_and_what_it_takes_to_get_there),
		CASE(a_small_limit_makes_a_small_leak_a_large_one),
		CASE(a_sawtooth_of_connections_past_their_deadlines_is_found),
		CASE(what_comes_and_goes_is_no_leak),
		CASE(a_process_whose_descriptors_cannot_be_counted_is_not_accused),
		CASE(a_spin_in_c_is_found_after_its_window),
		CASE(a_spin_on_one_connection_is_found_by_its_empty_wakeups),
		CASE(a_spin_in_a_script_is_found),
		CASE(a_spin_that_has_to_share_its_processor_is_one),
		CASE(honest_full_load_for_an_hour_is_no_spin),
		CASE(a_short_burst_is_no_spin),
		CASE(a_stopped_process_is_found),
		CASE(a_blocking_call_is_found),
		CASE(a_starved_machine_is_no_stall_and_no_spin),
		CASE(a_suspended_machine_is_no_stall),
		CASE(who_waits_for_its_keeper_is_spared),
		CASE(who_has_no_heartbeat_yet_is_spared),
		CASE(memory_over_its_limit_is_found_at_once),
		CASE(memory_that_grows_without_connections_is_found),
		CASE(memory_that_grows_with_its_connections_is_honest),
		CASE(memory_that_is_filled_once_and_memory_that_breathes_are_honest),
		CASE(a_death_says_how),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
