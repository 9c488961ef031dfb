/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of a process's life: what follows from an event in a state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/child.h"

static void assert_step(enum child_state from, enum child_event e, enum child_state to, unsigned actions)
{
	struct child_step step = child_step(from, e);

	assert_true(step.known);
	assert_int_equal(step.next, to);
	assert_int_equal(step.actions, actions);
}

static void a_life_goes_from_start_to_ready_to_death_to_the_next_start(void **state)
{
	(void)state;
	assert_step(CHILD_DOWN, CHILD_EV_START, CHILD_STARTING, CHILD_DO_SPAWN);
	assert_step(CHILD_STARTING, CHILD_EV_READY, CHILD_READY, CHILD_DO_TELL_READY);
	assert_step(CHILD_READY, CHILD_EV_DIED, CHILD_BACKOFF, CHILD_DO_TELL_DOWN);
	assert_step(CHILD_BACKOFF, CHILD_EV_TIMEOUT, CHILD_STARTING, CHILD_DO_SPAWN);
}

static void who_does_not_get_ready_is_killed(void **state)
{
	(void)state;
	assert_step(CHILD_STARTING, CHILD_EV_TIMEOUT, CHILD_STOPPING, CHILD_DO_KILL);
	assert_step(CHILD_STOPPING, CHILD_EV_DIED, CHILD_BACKOFF, CHILD_DO_TELL_DOWN);
}

static void draining_ends_by_itself_or_by_force(void **state)
{
	(void)state;
	assert_step(CHILD_READY, CHILD_EV_DRAIN, CHILD_DRAINING, CHILD_DO_SEND_DRAIN);
	assert_step(CHILD_DRAINING, CHILD_EV_ENDED, CHILD_DOWN, CHILD_DO_TELL_DOWN);
	assert_step(CHILD_DRAINING, CHILD_EV_TIMEOUT, CHILD_STOPPING, CHILD_DO_TERM);
	assert_step(CHILD_STOPPING, CHILD_EV_TIMEOUT, CHILD_STOPPING, CHILD_DO_KILL);
	assert_step(CHILD_STOPPING, CHILD_EV_ENDED, CHILD_DOWN, CHILD_DO_TELL_DOWN);
}

static void what_runs_can_always_be_stopped_killed_and_reaped(void **state)
{
	static const enum child_state running[] = { CHILD_STARTING, CHILD_READY, CHILD_DRAINING, CHILD_STOPPING };

	(void)state;
	for (size_t i = 0; i < sizeof running / sizeof running[0]; i++) {
		assert_step(running[i], CHILD_EV_STOP, CHILD_STOPPING, CHILD_DO_TERM);
		assert_step(running[i], CHILD_EV_KILL, CHILD_STOPPING, CHILD_DO_KILL);
		assert_step(running[i], CHILD_EV_BROKE, CHILD_STOPPING, CHILD_DO_KILL | CHILD_DO_CLOSE);
		assert_step(running[i], CHILD_EV_EOF, CHILD_STOPPING, CHILD_DO_CLOSE);
		assert_step(running[i], CHILD_EV_DIED, CHILD_BACKOFF, CHILD_DO_TELL_DOWN);
		assert_step(running[i], CHILD_EV_ENDED, CHILD_DOWN, CHILD_DO_TELL_DOWN);
	}
}

static void what_does_not_run_is_never_signalled(void **state)
{
	static const enum child_state absent[] = { CHILD_DOWN, CHILD_BACKOFF };

	(void)state;
	for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
		for (int e = 0; e < CHILD_EVENT_COUNT; e++)
			assert_false(child_step(absent[i], (enum child_event)e).actions &
				(CHILD_DO_TERM | CHILD_DO_KILL | CHILD_DO_SEND_DRAIN | CHILD_DO_TELL_READY));
}

static void a_wait_for_the_next_start_can_be_called_off(void **state)
{
	(void)state;
	assert_step(CHILD_BACKOFF, CHILD_EV_DRAIN, CHILD_DOWN, 0);
	assert_step(CHILD_BACKOFF, CHILD_EV_LEAVE, CHILD_DOWN, 0);
	assert_step(CHILD_BACKOFF, CHILD_EV_STOP, CHILD_DOWN, 0);
}

static void only_what_is_down_is_spawned(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++)
		for (int e = 0; e < CHILD_EVENT_COUNT; e++) {
			struct child_step step = child_step((enum child_state)s, (enum child_event)e);
			if (step.known && step.actions & CHILD_DO_SPAWN)
				assert_true(s == CHILD_DOWN || s == CHILD_BACKOFF);
		}
}

static void every_state_has_a_name(void **state)
{
	(void)state;
	for (int s = 0; s < CHILD_STATE_COUNT; s++)
		assert_string_not_equal(child_state_name((enum child_state)s), "unknown");
	assert_string_equal(child_state_name(CHILD_STATE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_goes_from_start_to_ready_to_death_to_the_next_start),
		cmocka_unit_test(who_does_not_get_ready_is_killed),
		cmocka_unit_test(draining_ends_by_itself_or_by_force),
		cmocka_unit_test(what_runs_can_always_be_stopped_killed_and_reaped),
		cmocka_unit_test(what_does_not_run_is_never_signalled),
		cmocka_unit_test(a_wait_for_the_next_start_can_be_called_off),
		cmocka_unit_test(only_what_is_down_is_spawned),
		cmocka_unit_test(every_state_has_a_name),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
