/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that runs uacme, with a shell in uacme's place, whose command is
 * what should be the folder of its account: files of challenges live as long as
 * what runs for the order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "workers/librarian/runner.h"

#define THUMB "0123456789abcdefghijABCDEFGHIJ-_0123456789a"	/* 43 characters */
#define LONG_MS 60000
#define SHORT_MS 3000	/* time enough to write a file, on a busy machine */
#define WAIT_MS 20000

struct runner_test {
	char webroot[64], folder[128];
	struct channel ch;
	pid_t pid;
	int null, dir;
};

static int set_up(void **state)
{
	struct runner_test *t = calloc(1, sizeof *t);

	strcpy(t->webroot, "/tmp/tlsward-runner-XXXXXX");
	if (!mkdtemp(t->webroot))
		return -1;
	snprintf(t->folder, sizeof t->folder, "%s/.well-known/acme-challenge", t->webroot);
	t->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	t->dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return runner_start(&t->ch, &t->pid, false);
}

static int tear_down(void **state)
{
	struct runner_test *t = *state;

	if (t->pid > 0)
		runner_stop(&t->ch, t->pid);
	close(t->null);
	close(t->dir);
	rmdir(t->folder);
	*strrchr(t->folder, '/') = '\0';
	rmdir(t->folder);
	int rc = rmdir(t->webroot);	/* only if no file is left */
	free(t);
	return rc;
}

static void run(struct runner_test *t, uint32_t id, uint32_t timeout_ms, const char *command)
{
	struct runner_request q = { .id = id, .timeout_ms = timeout_ms, .directory = "", .contact = "", .confdir = command,
		.csr = "", .dir = t->dir, .hook = t->null, .output = t->null, .program = t->null };

	assert_int_equal(runner_ask(&t->ch, &q), 0);
}

static void expect(struct runner_test *t, uint32_t id, enum runner_how how, uint32_t code)
{
	struct pollfd fd = { .fd = t->ch.fd, .events = POLLIN };
	struct runner_result r = { .id = 0 };

	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	assert_int_equal(runner_result(&t->ch, &r), 0);
	assert_int_equal(r.id, id);
	assert_int_equal(r.how, how);
	assert_int_equal(r.code, code);
}

static void challenge(struct runner_test *t, uint32_t id, const char *token)
{
	char authorization[256];

	snprintf(authorization, sizeof authorization, "%s." THUMB, token);
	assert_int_equal(runner_challenge(&t->ch, id, t->webroot, token, authorization), 0);
}

static bool is_there(const struct runner_test *t, const char *token)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", t->folder, token);
	return access(path, F_OK) == 0;
}

static void a_file_lives_as_long_as_its_order(void **state)
{
	struct runner_test *t = *state;

	run(t, 1, LONG_MS, "exec sleep 60");
	challenge(t, 1, "first");
	expect(t, 1, RUNNER_CHALLENGE, 0);
	run(t, 2, SHORT_MS, "exec sleep 60");
	challenge(t, 2, "late");
	expect(t, 2, RUNNER_CHALLENGE, 0);
	assert_true(is_there(t, "first") && is_there(t, "late"));
	expect(t, 2, RUNNER_TIMED_OUT, 0);
	run(t, 3, LONG_MS, "exit 3");
	expect(t, 3, RUNNER_EXITED, 3);
	assert_true(is_there(t, "first"));
	assert_false(is_there(t, "late"));
	challenge(t, 1, "second");
	expect(t, 1, RUNNER_CHALLENGE, 0);
	assert_true(is_there(t, "second"));
	assert_false(is_there(t, "first"));
}

static void its_end_takes_files_away(void **state)
{
	struct runner_test *t = *state;

	run(t, 1, LONG_MS, "exec sleep 60");
	challenge(t, 1, "open");
	expect(t, 1, RUNNER_CHALLENGE, 0);
	assert_true(is_there(t, "open"));
	runner_stop(&t->ch, t->pid);
	t->pid = -1;
	assert_false(is_there(t, "open"));
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

static void what_cannot_be_written_is_said(void **state)
{
	struct runner_test *t = *state;

	run(t, 1, LONG_MS, "exec sleep 60");
	challenge(t, 1, "../up");
	expect(t, 1, RUNNER_CHALLENGE, EBADMSG);
	assert_int_equal(runner_challenge(&t->ch, 1, "/nowhere/at/all", "a", "a." THUMB), 0);
	expect(t, 1, RUNNER_CHALLENGE, ENOENT);
	challenge(t, 7, "of-no-order");
	challenge(t, 1, "good");
	expect(t, 1, RUNNER_CHALLENGE, 0);
	assert_false(is_there(t, "of-no-order"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_lives_as_long_as_its_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(its_end_takes_files_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
