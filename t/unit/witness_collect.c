/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/witness/collect.c, with stacks and all, on processes that run, sleep, stand still or are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "workers/witness/collect.h"
#include "workers/witness/missing.h"
#include "workers/witness/proc.h"

#define COLLECT_MS 20000	/* with sanitizers names are looked up for seconds on a busy machine */

static volatile unsigned turns;

__attribute__((noinline)) static void spin_in_a_function_with_a_name(void)
{
	for (;;)
		turns++;
}

static bool names(const json_t *profile, const char *function)
{
	size_t i;
	json_t *f;

	json_array_foreach(json_object_get(profile, "functions"), i, f) {
		const char *name = json_string_value(json_object_get(f, "function"));
		if (name && strcmp(name, function) == 0)
			return true;
	}
	return false;
}

static void start_of(pid_t pid, char *state, uint64_t *start)
{
	char text[1024], path[64];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	assert_true(proc_parse_stat(text, state, start));
}

/* A child that does that, once it is in that state; 'T': it is stopped in what it does, which is to sleep. */
static pid_t child(void (*body)(void), char state, uint64_t *start)
{
	char is, wanted = state == 'T' ? 'S' : state;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);	/* whatever becomes of the test */
		body();
		_exit(0);
	}
	usleep(20000);		/* for one that runs, which was in that state from the beginning */
	for (int i = 0; start_of(pid, &is, start), is != wanted && i < 1000; i++)
		usleep(10000);
	assert_int_equal(is, wanted);
	if (state == 'T') {
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* As the witness does it: in a process of its own. */
static json_t *collect_of(pid_t pid, uint64_t start, unsigned parts)
{
	struct ledger l;
	struct suspect s = { .pid = pid, .start = start, .ledger = &l };
	json_t *report = json_object();
	int fd;

	assert_int_equal(ledger_new(&l, &fd, ROLE_WORKER, 1, 1, 1, 0), 0);
	close(fd);
	collect(report, &s, parts, COLLECT_MS);
	ledger_clear(&l);
	return report;
}

static void sleep_long(void)
{
	sleep(100);
}

static void tick(int number)
{
	(void)number;
}

/* With a timer that interrupts it a thousand times a second, as scripts have it. */
static void spin_under_a_timer(void)
{
	const struct itimerval every = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 };

	signal(SIGPROF, tick);
	setitimer(ITIMER_PROF, &every, NULL);
	spin_in_a_function_with_a_name();
}

static void a_spin_is_named(void **state)
{
	static void (*const bodies[])(void) = { spin_in_a_function_with_a_name, spin_under_a_timer };

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t start;
		pid_t pid = child(bodies[i], 'R', &start);
		json_t *report = collect_of(pid, start, WITNESS_PROFILE | WITNESS_PROC), *profile = json_object_get(report, "profile");
		assert_int_equal(json_array_size(json_object_get(report, "missing")), 0);
		assert_true(json_integer_value(json_object_get(profile, "samples")) >= 30);
		assert_true(names(profile, "spin_in_a_function_with_a_name"));
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		end(pid);
		json_decref(report);
	}
}

static void one_that_sleeps_or_stands_still_is_seen_and_left_so(void **state)
{
	uint64_t start;
	int status;

	(void)state;
	pid_t pid = child(sleep_long, 'S', &start);
	json_t *report = collect_of(pid, start, WITNESS_PROFILE | WITNESS_PROC);
	const char *call = json_string_value(json_object_get(json_object_get(report, "process"), "syscall"));
	assert_non_null(call);
	assert_non_null(strstr(call, "nanosleep"));
	assert_true(names(json_object_get(report, "profile"), "sleep"));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	json_decref(report);
	end(pid);
	pid = child(sleep_long, 'T', &start);
	report = collect_of(pid, start, WITNESS_PROFILE | WITNESS_PROC);
	const char *s = json_string_value(json_object_get(json_object_get(json_object_get(report, "process"), "status"), "State"));
	assert_string_equal(s, "T (stopped)");
	assert_true(names(json_object_get(report, "profile"), "sleep"));
	/* When nobody traces it any more it wakes to stop again (ptrace(2)). */
	for (int i = 0; proc_state(pid, start) != 'T' && i < 1000; i++)
		usleep(10000);
	assert_int_equal(proc_state(pid, start), 'T');
	json_decref(report);
	end(pid);
}

static int gate[2];		/* a pipe; whoever waits at it goes on when the test closes its end */

/* A parent waits for its vforked child in the kernel, where no signal but SIGKILL reaches it: state D. */
static void wait_uninterruptibly(void)
{
	char byte;

	close(gate[1]);
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (read(gate[0], &byte, 1) > 0)
			;
		_exit(0);
	}
	_exit(7);
}

static void one_that_no_signal_reaches_is_told_and_left_so(void **state)
{
	uint64_t start;
	char text[1024];
	int status;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	pid_t pid = child(wait_uninterruptibly, 'D', &start);
	uint64_t began = ledger_now_ns();
	json_t *report = collect_of(pid, start, WITNESS_FDS | WITNESS_PROFILE | WITNESS_PROC), *process = json_object_get(report, "process");
	assert_true(ledger_now_ns() - began < COLLECT_MS * 1000000ull);
	assert_string_equal(json_string_value(json_object_get(json_object_get(process, "status"), "State")), "D (disk sleep)");
	assert_non_null(json_string_value(json_object_get(process, "wchan")));
	assert_non_null(json_object_get(report, "descriptors"));
	missing_line(report, text, sizeof text);
	assert_string_equal(text, "profile: the process does not stop: it waits in the kernel where no signal reaches it");
	json_decref(report);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(proc_state(pid, start), 'D');
	close(gate[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	close(gate[0]);
}

static void what_cannot_be_had_is_named(void **state)
{
	uint64_t start;
	pid_t pid = child(sleep_long, 'S', &start);
	char text[1024];

	(void)state;
	end(pid);
	json_t *report = collect_of(pid, start, WITNESS_FDS | WITNESS_PROFILE | WITNESS_PROC);
	missing_line(report, text, sizeof text);
	assert_non_null(strstr(text, "descriptors: "));
	assert_non_null(strstr(text, "profile: "));
	assert_non_null(strstr(text, "status: "));
	json_decref(report);
	/* Another process has the number. */
	pid = child(sleep_long, 'S', &start);
	report = collect_of(pid, start + 1, WITNESS_PROFILE);
	missing_line(report, text, sizeof text);
	assert_string_equal(text, "profile: the process has ended");
	json_decref(report);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spin_is_named),
		cmocka_unit_test(one_that_sleeps_or_stands_still_is_seen_and_left_so),
		cmocka_unit_test(one_that_no_signal_reaches_is_told_and_left_so),
		cmocka_unit_test(what_cannot_be_had_is_named),
	};
	return cmocka_run_group_tests_name("witness_collect", tests, NULL, NULL);
}
