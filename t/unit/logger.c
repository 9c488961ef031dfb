/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests tlsward-logger: plays its supervisor and the processes that log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/log.h"
#include "common/msg.h"
#include "config.h"
#include "t/unit/json_check.h"
#include "workers/logger/pipe.h"

#ifdef WITH_SANITIZERS
#define SANDBOX 0
#else
#define SANDBOX 1
#endif
#define PATIENCE_MS 20000	/* a busy machine is slow */

static struct {
	pid_t pid;
	int pipe[2];
	struct channel channel;
	struct ledger ledger;
	char file[64];
} t;

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* In the child, whose descriptors 2 to 4 may be in use for what must become them. */
static void become_logger(int channel_fd)
{
	char path[4096];
	const char *build = getenv("TLSWARD_BUILD");
	int writer = fcntl(t.pipe[1], F_DUPFD_CLOEXEC, 50), reader = fcntl(t.pipe[0], F_DUPFD_CLOEXEC, 50);
	int channel = fcntl(channel_fd, F_DUPFD_CLOEXEC, 50);

	dup2(writer, STDERR_FILENO);
	dup2(channel, 3);
	dup2(reader, LOGGER_PIPE_FD);
	snprintf(path, sizeof path, "%s/tlsward-logger", build ? build : ".");
	execl(path, "tlsward-logger", (char *)NULL);
	_exit(127);
}

static void receive(enum msg_type type, struct msg *m)
{
	static struct packet p;
	const char *why;

	assert_int_equal(channel_recv_wait(&t.channel, &p, PATIENCE_MS), 0);
	assert_int_equal(msg_decode(&p, ROLE_LOGGER, ROLE_SUPERVISOR, m, &why), 0);
	assert_int_equal(m->type, type);
}

static void start_logger(void)
{
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION,
		.role = ROLE_LOGGER, .log_level = LOG_LEVEL_INFO, .sandbox = SANDBOX } };
	int fds[2], ledger;

	assert_int_equal(channel_pair(fds), 0);
	channel_init(&t.channel, fds[0]);
	assert_int_equal(ledger_new(&t.ledger, &ledger, ROLE_LOGGER, 0, 1, 0, 0), 0);
	t.pid = fork();
	if (t.pid == 0)
		become_logger(fds[1]);
	close(fds[1]);
	assert_int_equal(msg_send(&t.channel, &m, &ledger, 1), 0);
	close(ledger);
	receive(MSG_INTRO_ANS, &m);
	assert_string_equal(m.intro_ans.protections_missing, "");
}

/* Takes fd (-1: none). */
static void set_sink(enum log_sink to, bool json, int fd)
{
	struct msg m = { .type = MSG_LOG_SINK, .log_sink = { .to = (uint8_t)to, .json = json } };

	assert_int_equal(msg_send(&t.channel, &m, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
}

static int open_file(void)
{
	int fd = open(t.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void start(enum log_sink to, bool json, int fd)
{
	struct msg m;

	start_logger();
	set_sink(to, json, fd);
	receive(MSG_READY, &m);
}

/* The exit status, 128 and the signal, or -1 if it has not ended within the time. */
static int wait_for_end(int ms)
{
	int status;

	for (; ms > 0; ms -= 5) {
		if (waitpid(t.pid, &status, WNOHANG) == t.pid) {
			t.pid = 0;
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
		pause_ms(5);
	}
	return -1;
}

static void close_pipe(int end)
{
	if (t.pipe[end] >= 0)
		close(t.pipe[end]);
	t.pipe[end] = -1;
}

static int stop(void)
{
	close_pipe(1);
	channel_clear(&t.channel);
	return wait_for_end(PATIENCE_MS);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	t.channel.fd = -1;
	assert_int_equal(pipe2(t.pipe, O_CLOEXEC), 0);
	fcntl(t.pipe[1], F_SETFL, O_NONBLOCK);
	snprintf(t.file, sizeof t.file, "/tmp/logger-test.%d", (int)getpid());
	log_init(t.pipe[1], "worker.1", LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (t.pid > 0) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	channel_clear(&t.channel);
	ledger_clear(&t.ledger);
	close_pipe(0);
	close_pipe(1);
	unlink(t.file);
	return 0;
}

static const char *file_text(void)
{
	static char text[1 << 20];
	int fd = open(t.file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static const char *wait_for_text(const char *what)
{
	const char *text = file_text();

	for (int ms = 0; !strstr(text, what) && ms < PATIENCE_MS; ms += 5) {
		pause_ms(5);
		text = file_text();
	}
	if (!strstr(text, what))
		fail_msg("the log has not \"%s\" but: %.2000s", what, text);
	return text;
}

static uint64_t lost_by_ledger(void)
{
	return ledger_get(&t.ledger.head->counters[COUNT_LOG_DROPPED]);
}

static void wait_for_lost(uint64_t n)
{
	for (int ms = 0; lost_by_ledger() < n && ms < PATIENCE_MS; ms += 5)
		pause_ms(5);
	assert_int_equal(lost_by_ledger(), n);
}

static void lines_reach_a_file_as_they_are_and_in_order(void **state)
{
	char wanted[64];

	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	for (int i = 0; i < 100; i++)
		log_info("line \"%d\"", i);
	const char *at = wait_for_text("line \\\"99\\\"");
	assert_memory_equal(at, "ts=2", 4);
	for (int i = 0; i < 100; i++) {
		snprintf(wanted, sizeof wanted, "Z level=info who=worker.1 pid=%d ", (int)getpid());
		assert_non_null(at = strstr(at, wanted));
		snprintf(wanted, sizeof wanted, " msg=\"line \\\"%d\\\"\"\n", i);
		assert_non_null(at = strstr(at, wanted));
	}
	assert_int_equal(stop(), 0);
	assert_int_equal(lost_by_ledger(), 0);
}

static unsigned long wakeups(void)
{
	char path[64], line[128];
	unsigned long n = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)t.pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) && sscanf(line, "voluntary_ctxt_switches: %lu", &n) != 1)
		;
	fclose(f);
	return n;
}

static void lines_close_together_wake_it_seldom(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	log_info("first");
	wait_for_text("msg=first\n");
	unsigned long before = wakeups();
	uint64_t began = ledger_now_ns();
	for (int i = 0; i < 200; i++) {
		log_info("one of many");
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	}
	log_info("last");
	wait_for_text("msg=last\n");
	/* It rests 20 ms after each; on a busy machine this here takes its time. */
	uint64_t rests = (ledger_now_ns() - began) / 20000000, most = 4 * rests;
	assert_in_range(wakeups() - before, 1, most > 100 ? most : 100);
}

static void lines_reach_a_file_as_json(void **state)
{
	struct log_line l;
	char *save = NULL;
	int n = 0;

	(void)state;
	start(LOG_SINK_FILE, true, open_file());
	log_begin(&l, LOG_LEVEL_NOTICE, "with \"quotes\"");
	log_bytes(&l, "sni", "123", 3);
	log_bytes(&l, "odd", "\xff\n", 2);
	log_ms(&l, "took", 1500);
	log_end(&l);
	assert_int_equal(write(t.pipe[1], "no line of ours\n", 16), 16);
	char *text = strdup(wait_for_text("no line of ours"));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++)
		assert_true(json_is_object(line));
	free(text);
	assert_int_equal(n, 2);
	assert_non_null(strstr(file_text(), "\"msg\":\"with \\\"quotes\\\"\",\"sni\":\"123\",\"odd\":\"\\u00ff\\n\",\"took\":1.500}\n"));
	assert_non_null(strstr(file_text(), "\"level\":\"error\",\"who\":\"?\",\"msg\":\"no line of ours\"}\n"));
}

static void what_is_no_line_of_ours_is_wrapped_not_lost(void **state)
{
	static const char odd[] = "\n\n\x1b[2J evil\nts=t level=info\n";
	char text[20000];
	size_t zs = 0;

	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	memset(text, 'z', sizeof text);
	assert_int_equal(write(t.pipe[1], text, sizeof text), sizeof text);
	assert_int_equal(write(t.pipe[1], odd, sizeof odd - 1), sizeof odd - 1);
	log_info("after");
	const char *got = wait_for_text("msg=after\n");
	assert_non_null(strstr(got, "level=error who=? msg=\"\\x1b[2J evil\"\n"));
	assert_non_null(strstr(got, "\nts=t level=info\n"));
	for (; *got; got++)
		zs += *got == 'z';
	assert_int_equal(zs, sizeof text);
}

static void the_end_of_a_line_without_newline_is_not_lost(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	assert_int_equal(write(t.pipe[1], "Segmentation", 12), 12);
	assert_int_equal(stop(), 0);
	assert_non_null(strstr(file_text(), "who=? msg=Segmentation\n"));
}

static void a_full_disk_loses_lines_counts_and_tells(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open("/dev/full", O_WRONLY | O_CLOEXEC));
	for (int i = 0; i < 7; i++)
		log_info("lost %d", i);
	wait_for_lost(7);
	set_sink(LOG_SINK_FILE, false, open_file());
	log_info("after");
	const char *text = wait_for_text(" lost=");
	assert_non_null(strstr(text, "level=warning who=logger "));
	assert_null(strstr(text, "lost 6"));
}

static void a_stderr_whose_reader_left_kills_nobody(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	start(LOG_SINK_STDERR, false, fds[1]);
	close(fds[0]);
	log_info("to nobody");
	wait_for_lost(1);
	set_sink(LOG_SINK_FILE, false, open_file());
	wait_for_text(" lost=1\n");	/* also when no line follows */
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
	static char text[2 << 20];
	uint64_t dropped_before = log_dropped(), kept = 0;
	int fds[2], last = -1;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	start(LOG_SINK_STDERR, false, fds[1]);
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
	assert_int_equal(stop(), 0);
	close(fds[0]);
}

static void the_last_lines_of_those_who_drain_are_written(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	kill(t.pid, SIGTERM);
	kill(t.pid, SIGINT);
	channel_clear(&t.channel);	/* the supervisor is gone, a worker drains */
	assert_int_equal(wait_for_end(100), -1);
	log_info("drained");
	wait_for_text("msg=drained\n");
	for (int i = 0; i < 500; i++)
		log_info("last %d", i);
	close_pipe(1);
	assert_int_equal(wait_for_end(PATIENCE_MS), 0);
	assert_non_null(strstr(file_text(), "msg=\"last 499\"\n"));
}

static void a_successor_reads_on_where_a_dead_logger_stopped(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	kill(t.pid, SIGKILL);
	assert_int_equal(wait_for_end(PATIENCE_MS), 128 + SIGKILL);
	channel_clear(&t.channel);
	ledger_clear(&t.ledger);
	log_info("while nobody read");
	start(LOG_SINK_FILE, false, open_file());
	wait_for_text("msg=\"while nobody read\"\n");
}

static void lines_wait_until_the_sink_is_known(void **state)
{
	(void)state;
	log_info("early");
	start_logger();
	pause_ms(50);
	set_sink(LOG_SINK_FILE, false, open_file());
	wait_for_text("msg=early\n");
	assert_int_equal(lost_by_ledger(), 0);
}

static void a_sink_that_cannot_be_leaves_the_one_before(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	set_sink(LOG_SINK_FILE, false, -1);
	set_sink(LOG_SINK_SYSLOG, false, open("/dev/null", O_WRONLY));
	set_sink(200, false, -1);
	wait_for_text("cannot be");
	log_info("goes on");
	wait_for_text("goes on");
}

/* The error that it answers. */
static const char *probe(enum log_sink to, int fd)
{
	struct msg m = { .type = MSG_LOG_PROBE, .id = 7, .log_probe = { .to = (uint8_t)to } };
	static struct msg answer;

	assert_int_equal(msg_send(&t.channel, &m, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
	receive(MSG_LOG_SINK_ANS, &answer);
	assert_int_equal(answer.id, 7);
	return answer.log_sink_ans.error;
}

static void a_probe_tells_whether_a_sink_works_and_changes_nothing(void **state)
{
	struct msg m = { .type = MSG_LOG_SINK, .id = 8, .log_sink = { .to = LOG_SINK_FILE } };
	int other = memfd_create("other", MFD_CLOEXEC), fd;
	char text[4096] = "";

	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	assert_string_equal(probe(LOG_SINK_FILE, open("/dev/full", O_WRONLY | O_CLOEXEC)), strerror(ENOSPC));
	assert_string_equal(probe(LOG_SINK_FILE, dup(other)), "");
	assert_true(pread(other, text, sizeof text - 1, 0) > 0);
	assert_non_null(strstr(text, "level=info who=logger"));
	assert_string_equal(probe(LOG_SINK_FILE, -1), "there is no such sink");
	log_info("as before");
	wait_for_text("as before");
	assert_int_equal(lost_by_ledger(), 0);
	fd = dup(other);
	assert_int_equal(msg_send(&t.channel, &m, &fd, 1), 0);
	close(fd);
	receive(MSG_LOG_SINK_ANS, &m);
	assert_int_equal(m.id, 8);
	assert_string_equal(m.log_sink_ans.error, "");
	close(other);
	assert_int_equal(stop(), 0);
}

static void a_message_that_breaks_the_protocol_ends_it(void **state)
{
	(void)state;
	start(LOG_SINK_FILE, false, open_file());
	assert_int_equal(channel_send(&t.channel, "\xff\xff", 2, NULL, 0), 0);
	assert_int_equal(wait_for_end(PATIENCE_MS), 1);
}

/* In a mount namespace of this process alone; false if that may not be. */
static bool mount_empty(const char *path, const char *options)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", path, "tmpfs", 0, options) == 0)
		return true;
	print_message("# may not mount on %s: not tested\n", path);
	return false;
}

static void lines_go_on_whole_when_a_disk_has_room_again(void **state)
{
	static const char filler[4096];
	int lines = 0;

	(void)state;
	if (!mount_empty("/run", "size=64k"))
		return;
	strcpy(t.file, "/run/log");
	int fill = open("/run/fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	start(LOG_SINK_FILE, false, open_file());
	log_info("first");
	wait_for_text("msg=first\n");
	while (write(fill, filler, sizeof filler) > 0)
		;
	while (lost_by_ledger() == 0 && lines++ < 200) {
		log_info("line %d", lines);	/* the page that it has gets full within one of these */
		pause_ms(2);
	}
	for (int ms = 0; lost_by_ledger() == 0 && ms < PATIENCE_MS; ms += 5)
		pause_ms(5);
	assert_int_not_equal(lost_by_ledger(), 0);
	assert_int_equal(ftruncate(fill, 0), 0);
	log_info("after");
	const char *text = wait_for_text("msg=after\n");
	assert_non_null(strstr(text, " lost="));
	for (const char *next; (next = strchr(text, '\n')); text = next + 1)
		assert_memory_equal(text, "ts=2", 4);
	close(fill);
}

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

static void syslog_gets_lines_in_its_own_form(void **state)
{
	char tag[64];

	(void)state;
	if (!mount_empty("/dev", NULL))
		return;
	start(LOG_SINK_SYSLOG, false, -1);
	log_info("lost");
	wait_for_lost(2);		/* the logger's own line about it, too */
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

static void the_journal_gets_fields(void **state)
{
	(void)state;
	if (!mount_empty("/run", NULL))
		return;
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	int fd = log_socket("/run/systemd/journal/socket");
	start(LOG_SINK_JOURNAL, false, -1);
	log_notice("to the journal");
	assert_datagram(fd, "MESSAGE=level=notice who=worker.1 ", "\nPRIORITY=5\n", "\nSYSLOG_IDENTIFIER=tlsward\n",
		"\nTLSWARD_WHO=worker.1\n", "\nTLSWARD_MSG=to the journal\n");
	assert_int_equal(stop(), 0);
	assert_int_equal(lost_by_ledger(), 0);
	close(fd);
}

static void a_journal_that_goes_away_is_noticed(void **state)
{
	(void)state;
	if (!mount_empty("/run", NULL))
		return;
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	int fd = log_socket("/run/systemd/journal/socket");
	start(LOG_SINK_JOURNAL, false, -1);
	log_notice("first");
	assert_datagram(fd, "\nTLSWARD_MSG=first\n");
	close(fd);			/* it was killed: its socket's file stays */
	log_notice("lost");
	wait_for_lost(1);
	unlink("/run/systemd/journal/socket");
	log_notice("lost, too");
	wait_for_lost(2);
	fd = log_socket("/run/systemd/journal/socket");
	log_notice("to its successor");
	assert_datagram(fd, "level=warning who=logger ", "\nTLSWARD_LOST=2\n");
	assert_datagram(fd, "\nTLSWARD_MSG=to its successor\n");
	close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lines_reach_a_file_as_they_are_and_in_order),
		CASE(lines_close_together_wake_it_seldom),
		CASE(lines_reach_a_file_as_json),
		CASE(what_is_no_line_of_ours_is_wrapped_not_lost),
		CASE(the_end_of_a_line_without_newline_is_not_lost),
		CASE(a_full_disk_loses_lines_counts_and_tells),
		CASE(a_stderr_whose_reader_left_kills_nobody),
		CASE(a_sink_that_blocks_holds_the_logger_alone),
		CASE(the_last_lines_of_those_who_drain_are_written),
		CASE(a_successor_reads_on_where_a_dead_logger_stopped),
		CASE(lines_wait_until_the_sink_is_known),
		CASE(a_sink_that_cannot_be_leaves_the_one_before),
		CASE(a_probe_tells_whether_a_sink_works_and_changes_nothing),
		CASE(a_message_that_breaks_the_protocol_ends_it),
		CASE(lines_go_on_whole_when_a_disk_has_room_again),
		CASE(the_journal_gets_fields),
		CASE(a_journal_that_goes_away_is_noticed),
		CASE(syslog_gets_lines_in_its_own_form),
	};
	return cmocka_run_group_tests_name("logger", tests, NULL, NULL);
}
