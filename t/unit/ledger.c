/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/ledger.c: the supervisor here, the process that writes a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/deadlines.h"
#include "common/ledger.h"
#include "common/memfd.h"

#define CONNS 4
#define ENDED 3

static void make(struct ledger *l, int *fd)
{
	assert_int_equal(ledger_new(l, fd, 1, 2, 3, CONNS, ENDED), 0);
	assert_int_equal(l->conns_n, CONNS);
	assert_int_equal(l->ended_n, ENDED);
}

static void what_one_writes_the_other_reads(void **state)
{
	struct ledger reader, writer;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	assert_int_equal(writer.conns_n, CONNS);
	assert_int_equal(reader.head->pid, getpid());
	assert_int_equal(reader.head->index, 2);
	ledger_count(&writer, COUNT_ACCEPTED);
	ledger_count(&writer, COUNT_ACCEPTED);
	ledger_set(&writer.head->gauges[GAUGE_FDS], 77);
	ledger_heartbeat(&writer, 12345);
	ledger_doing(&writer, DOING_SIGN, 3);
	assert_int_equal(ledger_get(&reader.head->counters[COUNT_ACCEPTED]), 2);
	assert_int_equal(ledger_get(&reader.head->gauges[GAUGE_FDS]), 77);
	assert_int_equal(reader.head->heartbeat_ns, 12345);
	assert_string_equal(doing_name(reader.head->doing), "signing");
	assert_int_equal(reader.head->doing_conn, 3);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void only_one_can_write(void **state)
{
	struct ledger reader, writer, second;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	assert_true(ledger_attach(&second, fd) < 0);
	assert_true(ftruncate(fd, 0) < 0);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void what_is_given_back_reads_as_never_used(void **state)
{
	enum { MANY = 1000, KEPT = 300 };
	struct ledger reader, writer;
	struct ledger_conn c;
	struct stat before, after;
	int fd;

	(void)state;
	assert_int_equal(ledger_new(&reader, &fd, 1, 2, 3, MANY, ENDED), 0);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		ledger_conn_begin(&writer.conns[i]);
		writer.conns[i].id = i + 1;
		writer.conns[i].phase = PHASE_RELAY;
		ledger_conn_end(&writer.conns[i]);
	}
	for (uint32_t i = KEPT; i < MANY; i++)
		ledger_conn_retire(&writer, &writer.conns[i]);
	fstat(reader.fd, &before);
	ledger_give_back(&writer, KEPT);
	fstat(reader.fd, &after);
	assert_in_range(after.st_blocks, 1, before.st_blocks / 2);
	assert_true(ledger_conn_copy(&reader.conns[KEPT - 1], &c));
	assert_int_equal(c.id, KEPT);
	assert_true(ledger_conn_copy(&reader.conns[MANY - 5], &c));
	assert_int_equal(c.phase, PHASE_NONE);
	assert_int_equal(c.seq, 0);
	/* The ring lies behind them. */
	assert_true(ledger_conn_copy(&reader.ended[(MANY - KEPT - 1) % ENDED], &c));
	assert_int_equal(c.id, MANY);
	ledger_give_back(&writer, 0);
	ledger_give_back(&writer, MANY);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void a_ledger_of_another_shape_is_refused(void **state)
{
	struct ledger reader, writer, third;
	struct ledger_head head = { .magic = LEDGER_MAGIC, .conns_n = 1000000 };
	int fd, small = memfd_new("t", 10), wrong = memfd_new("t", 100000);

	(void)state;
	assert_int_equal(ledger_attach(&writer, small), -EINVAL);
	assert_int_equal(ledger_attach(&writer, wrong), -EINVAL);
	assert_int_equal(memfd_write(wrong, 0, &head, sizeof head), 0);
	assert_int_equal(ledger_attach(&writer, wrong), -EINVAL);
	close(small);
	close(wrong);
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	/* The shape that a mad writer claims later changes nothing for the reader. */
	writer.head->conns_n = writer.head->ended_n = UINT32_MAX;
	assert_int_equal(reader.conns_n, CONNS);
	assert_int_equal(reader.ended_n, ENDED);
	assert_int_equal(ledger_open(&third, reader.fd, CONNS + 1, ENDED), -EINVAL);
	assert_int_equal(ledger_open(&third, reader.fd, CONNS, ENDED), 0);
	assert_int_equal(third.head->pid, getpid());
	close(fd);
	ledger_clear(&third);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void own_descriptors_are_told_apart(void **state)
{
	struct ledger reader, writer;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	int before = dup(0);
	ledger_own_open_fds(&writer);
	int after = dup(0);
	assert_true(ledger_owns_fd(&reader, before));
	assert_false(ledger_owns_fd(&reader, after));
	ledger_own_fd(&writer, after, true);
	ledger_own_fd(&writer, before, false);
	assert_true(ledger_owns_fd(&reader, after));
	assert_false(ledger_owns_fd(&reader, before));
	ledger_own_fd(&writer, LEDGER_OWN_FDS, true);
	ledger_own_fd(&writer, -1, true);
	assert_false(ledger_owns_fd(&reader, LEDGER_OWN_FDS));
	assert_false(ledger_owns_fd(&reader, -1));
	close(before);
	close(after);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

/* Every field that can hold it says the same number. */
static void write_record(struct ledger_conn *c, uint64_t v)
{
	ledger_conn_begin(c);
	c->id = v;
	c->accepted_ns = c->ended_ns = c->bytes_up = c->spurious = v;
	memset(c->sni, 'a' + (int)(v % 26), sizeof c->sni - 1);
	memset(c->detail, 'a' + (int)(v % 26), sizeof c->detail - 1);
	ledger_conn_end(c);
}

static bool is_of_one_piece(const struct ledger_conn *c)
{
	uint64_t v = c->id;
	char letter = (char)('a' + (int)(v % 26));

	return c->accepted_ns == v && c->ended_ns == v && c->bytes_up == v && c->spurious == v &&
		c->sni[0] == letter && c->sni[200] == letter && c->detail[0] == letter && c->detail[94] == letter;
}

static void a_torn_record_is_never_reported_whole(void **state)
{
	struct ledger reader;
	struct ledger_conn copy;
	int fd, whole = 0;

	(void)state;
	make(&reader, &fd);
	pid_t pid = fork();
	if (pid == 0) {
		struct ledger writer;
		if (ledger_attach(&writer, fd) < 0)
			_exit(1);
		for (uint64_t v = 1; ; v++) {
			write_record(&writer.conns[1], v);
			/* Real writers rest longer than they write. */
			for (volatile int i = 0; i < 500; i++)
				;
		}
	}
	while (reader.conns[1].seq == 0 && waitpid(pid, NULL, WNOHANG) == 0)
		;
	uint64_t began = ledger_now_ns(), now;
	while ((now = ledger_now_ns()) < began + 300000000 || (whole == 0 && now < began + 10000000000ull))
		if (ledger_conn_copy(&reader.conns[1], &copy)) {
			whole++;
			assert_true(is_of_one_piece(&copy));
		}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(whole > 0);
	close(fd);
	ledger_clear(&reader);
}

static void a_record_whose_writer_died_within_is_copied_and_marked(void **state)
{
	struct ledger reader, writer;
	struct ledger_conn copy;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	ledger_conn_begin(&writer.conns[0]);
	writer.conns[0].id = 9;
	writer.conns[0].phase = PHASE_RELAY;
	assert_false(ledger_conn_copy(&reader.conns[0], &copy));
	assert_int_equal(copy.id, 9);
	assert_int_equal(copy.phase, PHASE_RELAY);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void whatever_the_writer_wrote_a_copy_is_in_bounds(void **state)
{
	struct ledger reader, writer;
	struct ledger_conn copy;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	memset(&writer.conns[2], 0xfe, sizeof writer.conns[2]);
	assert_true(ledger_conn_copy(&reader.conns[2], &copy));
	assert_string_equal(phase_name(copy.phase), "none");
	assert_string_equal(end_name(copy.end), "none");
	assert_true(copy.deadline <= DEADLINE_COUNT);
	assert_int_equal(strlen(copy.sni), sizeof copy.sni - 1);
	assert_int_equal(strlen(copy.alpn), sizeof copy.alpn - 1);
	assert_int_equal(strlen(copy.backend), sizeof copy.backend - 1);
	assert_int_equal(strlen(copy.server), sizeof copy.server - 1);
	assert_int_equal(strlen(copy.policy), sizeof copy.policy - 1);
	assert_int_equal(strlen(copy.detail), sizeof copy.detail - 1);
	assert_string_equal(doing_name(0xfefefefe), "invalid");
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void the_last_ended_connections_stay_readable(void **state)
{
	struct ledger reader, writer;
	struct ledger_conn copy;
	int fd;

	(void)state;
	make(&reader, &fd);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	for (uint64_t v = 1; v <= 5; v++) {
		write_record(&writer.conns[0], v);
		writer.conns[0].phase = PHASE_CLOSING;
		ledger_conn_retire(&writer, &writer.conns[0]);
	}
	assert_int_equal(ledger_get(&reader.head->ended_count), 5);
	assert_true(ledger_conn_copy(&reader.conns[0], &copy));
	assert_int_equal(copy.phase, PHASE_NONE);
	for (uint64_t v = 3; v <= 5; v++) {
		assert_true(ledger_conn_copy(&reader.ended[(v - 1) % ENDED], &copy));
		assert_true(is_of_one_piece(&copy));
		assert_int_equal(copy.id, v);
		assert_int_equal(copy.phase, PHASE_CLOSING);
	}
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

static void a_role_without_connections_has_a_ledger_too(void **state)
{
	struct ledger reader, writer;
	int fd;

	(void)state;
	assert_int_equal(ledger_new(&reader, &fd, 5, 0, 1, 0, 0), 0);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	ledger_count(&writer, COUNT_LOG_DROPPED);
	assert_int_equal(ledger_get(&reader.head->counters[COUNT_LOG_DROPPED]), 1);
	close(fd);
	ledger_clear(&reader);
	ledger_clear(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_writes_the_other_reads),
		cmocka_unit_test(only_one_can_write),
		cmocka_unit_test(what_is_given_back_reads_as_never_used),
		cmocka_unit_test(a_ledger_of_another_shape_is_refused),
		cmocka_unit_test(own_descriptors_are_told_apart),
		cmocka_unit_test(a_torn_record_is_never_reported_whole),
		cmocka_unit_test(a_record_whose_writer_died_within_is_copied_and_marked),
		cmocka_unit_test(whatever_the_writer_wrote_a_copy_is_in_bounds),
		cmocka_unit_test(the_last_ended_connections_stay_readable),
		cmocka_unit_test(a_role_without_connections_has_a_ledger_too),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
