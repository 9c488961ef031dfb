/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests what tlsward-logger sends to syslog and to the journal, and what it does when they go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/logger_fixture.h"

static int log_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { PATIENCE_MS / 1000, 0 };

	strcpy(un.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	return fd;
}

/* Receives one datagram, which must have all of these. */
static void datagram_has(int fd, const char *const *wanted)
{
	char text[8192];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (; *wanted; wanted++)
		if (!strstr(text, *wanted))
			fail_msg("\"%s\" is not in: %s", *wanted, text);
}
#define assert_datagram(fd, ...) datagram_has(fd, (const char *const[]){ __VA_ARGS__, NULL })

/* In an empty /run; -1 if that may not be. */
static int journal_socket(void)
{
	if (!mount_empty("/run", NULL))
		return -1;
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	return log_socket("/run/systemd/journal/socket");
}

static void the_journal_gets_fields(void **state)
{
	struct play *p = *state;
	int fd = journal_socket();

	if (fd < 0)
		return;
	start(p, LOG_SINK_JOURNAL, false, -1);
	log_notice("to the journal");
	assert_datagram(fd, "MESSAGE=level=notice who=worker.1 ", "\nPRIORITY=5\n", "\nSYSLOG_IDENTIFIER=tlsward\n",
		"\nTLSWARD_WHO=worker.1\n", "\nTLSWARD_MSG=to the journal\n");
	assert_int_equal(stop(p), 0);
	assert_int_equal(lost_by_ledger(p), 0);
	close(fd);
}

static void a_journal_that_goes_away_is_noticed(void **state)
{
	struct play *p = *state;
	int fd = journal_socket();

	if (fd < 0)
		return;
	start(p, LOG_SINK_JOURNAL, false, -1);
	log_notice("first");
	assert_datagram(fd, "\nTLSWARD_MSG=first\n");
	close(fd);			/* it was killed: its socket's file stays */
	log_notice("lost");
	wait_for_lost(p, 1);
	unlink("/run/systemd/journal/socket");
	log_notice("lost, too");
	wait_for_lost(p, 2);
	fd = log_socket("/run/systemd/journal/socket");
	log_notice("to its successor");
	assert_datagram(fd, "level=warning who=logger ", "\nTLSWARD_LOST=2\n");
	assert_datagram(fd, "\nTLSWARD_MSG=to its successor\n");
	close(fd);
}

static void syslog_gets_lines_in_its_own_form(void **state)
{
	struct play *p = *state;
	char tag[64];

	if (!mount_empty("/dev", NULL))
		return;
	start(p, LOG_SINK_SYSLOG, false, -1);
	log_info("lost");
	wait_for_lost(p, 2);		/* the logger's own line about it, too */
	int fd = log_socket("/dev/log");
	log_warning("to syslog");
	snprintf(tag, sizeof tag, " tlsward[%d]: level=warning who=worker.1 pid=", (int)getpid());
	assert_datagram(fd, "<28>", " level=warning who=logger ", " lost=2");
	assert_datagram(fd, "<28>", tag, " msg=\"to syslog\"");
	close(fd);
	unlink("/dev/log");
	fd = log_socket("/dev/log");
	log_error("to its successor");
	assert_datagram(fd, "<27>", "to its successor");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_journal_gets_fields),
		CASE(a_journal_that_goes_away_is_noticed),
		CASE(syslog_gets_lines_in_its_own_form),
	};
	return cmocka_run_group_tests_name("logger_syslog", tests, NULL, NULL);
}
