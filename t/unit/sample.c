/* SPDX-License-Identifier: BSD-2-Clause */
/* What is seen of a process from outside, held against what the process knows of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/child.h"
#include "supervisor/sample.h"

#define MB (1u << 20)

static struct child self;
static struct samples s;

static int begin(void **state)
{
	(void)state;
	self = (struct child){ .role = ROLE_WORKER, .index = 1, .pid = getpid(), .generation = 1 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	samples_clear(&s);
	ledger_clear(&self.ledger);
	return 0;
}

static const struct sample *take(double interval_s)
{
	assert_int_equal(samples_take(&s, &self, interval_s), 0);
	assert_true(s.n > 0);
	return &s.list[s.n - 1];
}

static void descriptors_are_counted(void **state)
{
	int fds[10];
	uint64_t before = take(1)->fds;

	(void)state;
	assert_true(before >= 3);
	for (int i = 0; i < 10; i++)
		fds[i] = dup(0);
	assert_true(take(1)->fds == before + 10);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	assert_true(take(1)->fds == before);
	assert_true(s.list[0].fds_limit == (uint64_t)sysconf(_SC_OPEN_MAX));
}

static void memory_of_its_own_is_seen_and_shared_memory_is_not(void **state)
{
	uint64_t before = take(1)->rss_bytes;
	char *own = malloc(32 * MB), *shared = mmap(NULL, 32 * MB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(own && shared != MAP_FAILED);
	memset(shared, 1, 32 * MB);
	assert_true(take(1)->rss_bytes < before + 16 * MB);
	memset(own, 1, 32 * MB);
	assert_true(take(1)->rss_bytes > before + 16 * MB);
	munmap(shared, 32 * MB);
	free(own);
}

static void computing_is_seen(void **state)
{
	uint64_t before = take(1)->cpu_ns, now;

	(void)state;
	for (volatile unsigned i = 0; (now = take(1)->cpu_ns) < before + 20000000; i++)
		for (volatile unsigned k = 0; k < 1000000; k++)
			;
	assert_true(now > before);
}

static void a_stopped_process_and_one_that_is_gone_are_told(void **state)
{
	int status;

	(void)state;
	self.pid = fork();
	assert_true(self.pid >= 0);
	if (self.pid == 0)
		for (;;)
			pause();
	assert_false(take(1)->stopped);
	kill(self.pid, SIGSTOP);
	assert_int_equal(waitpid(self.pid, &status, WUNTRACED), self.pid);
	assert_true(take(1)->stopped);
	size_t n = s.n;
	kill(self.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)self.pid, NULL, WEXITED | WNOWAIT), 0);
	assert_int_equal(samples_take(&s, &self, 1), 0);	/* a zombie */
	assert_int_equal(waitpid(self.pid, &status, 0), self.pid);
	assert_int_equal(samples_take(&s, &self, 1), 0);
	assert_int_equal(s.n, n);
}

static void the_last_ten_minutes_are_kept_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		take(100);
		assert_true(s.n >= (i < 6 ? (size_t)i + 1 : 7) && s.n <= 14);
	}
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.list[i].at_ns > s.list[i - 1].at_ns);
	self.generation++;
	take(100);
	assert_int_equal(s.n, 1);
	take(100);
	take(50);
	assert_int_equal(s.n, 1);
}

static struct ledger_conn *record(struct ledger *l, uint32_t slot, uint64_t since_ns, uint64_t deadline_ns)
{
	struct ledger_conn *c = &l->conns[slot];

	ledger_conn_begin(c);
	c->phase = PHASE_RELAY;
	c->fds = 2;
	c->phase_since_ns = since_ns;
	c->deadline_ns = deadline_ns;
	ledger_conn_end(c);
	return c;
}

static void the_ledger_is_read_and_overdue_connections_are_counted(void **state)
{
	const uint64_t second = 1000000000;
	struct ledger writer;
	int fd;

	(void)state;
	assert_int_equal(ledger_new(&self.ledger, &fd, ROLE_WORKER, 1, 1, 100, 0), 0);
	assert_int_equal(ledger_attach(&writer, fd), 0);
	close(fd);
	uint64_t now = ledger_now_ns();
	ledger_heartbeat(&writer, now);
	ledger_doing(&writer, DOING_SIGN, 3);
	ledger_set(&writer.head->gauges[GAUGE_CONNS], 4);
	ledger_set(&writer.head->gauges[GAUGE_FDS], 15);
	ledger_set(&writer.head->counters[COUNT_BYTES_UP], 10);
	ledger_set(&writer.head->counters[COUNT_BYTES_DOWN], 20);
	record(&writer, 0, now - 10 * second, now - 5 * second);		/* long over */
	record(&writer, 1, now - 100 * second, now - 5 * second);		/* within the tenth that an end may be late */
	record(&writer, 2, now - 10 * second, now + second);
	record(&writer, 3, now - 10 * second, 0);				/* has none */
	record(&writer, 4, now - 10 * second, now - 5 * second)->fds = 0;	/* holds nothing */
	const struct sample *last = take(1);
	assert_true(last->heartbeat_ns == now);
	assert_true(last->waits_for_keeper);
	assert_true(last->connections == 4 && last->fds_known == 15 && last->bytes == 30);
	assert_true(last->overdue == 1);
	ledger_clear(&writer);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(descriptors_are_counted),
		CASE(memory_of_its_own_is_seen_and_shared_memory_is_not),
		CASE(computing_is_seen),
		CASE(a_stopped_process_and_one_that_is_gone_are_told),
		CASE(the_last_ten_minutes_are_kept_in_order),
		CASE(the_ledger_is_read_and_overdue_connections_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
