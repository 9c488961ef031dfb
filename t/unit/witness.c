/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests the parts of workers/witness: what it parses, whose descriptors are, bounds, the directory, stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "workers/witness/collect.h"
#include "workers/witness/fds.h"
#include "workers/witness/missing.h"
#include "workers/witness/owners.h"
#include "workers/witness/proc.h"
#include "workers/witness/report.h"
#include "workers/witness/sockets.h"
#include "workers/witness/store.h"

#define COLLECT_MS 20000	/* with sanitizers names are looked up for seconds on a busy machine */
#define OF_PROCESSES 4	/* the last tests, which look at running ones */

/* ---- /proc ---- */

static void a_stat_line_is_read_whatever_the_name_is(void **state)
{
	char s = 0;
	uint64_t start = 0;
	const char *rest = " T 4323 4325 4325 0 -1 1077952576 150 0 0 0 1 2 0 0 20 0 1 0 987654 2797568 680";
	char text[256];

	(void)state;
	snprintf(text, sizeof text, "12 (tlsw-worker.1)%s", rest);
	assert_true(proc_parse_stat(text, &s, &start));
	assert_int_equal(s, 'T');
	assert_int_equal(start, 987654);
	snprintf(text, sizeof text, "12 (a) R 1 (b)%s", rest);
	assert_true(proc_parse_stat(text, &s, &start));
	assert_int_equal(s, 'T');
	assert_int_equal(start, 987654);
	assert_false(proc_parse_stat("", &s, &start));
	assert_false(proc_parse_stat("12 (x) R 1 2 3", &s, &start));
	assert_false(proc_parse_stat("12 (x", &s, &start));
}

static void a_system_call_is_named_without_its_arguments(void **state)
{
	static const struct { const char *text, *words; } rows[] = {
		{ "running\n", "none: it runs" },
		{ "-1 0x7ffc8 0x7f01\n", "none: it waits outside of any" },
		{ "nonsense", "unknown" }, { "", "unknown" },
		{ "100000 0x1 0x2\n", "unknown" },
	};
	char out[128], text[128];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		proc_parse_syscall(rows[i].text, out, sizeof out);
		assert_string_equal(out, rows[i].words);
	}
#ifdef __x86_64__
	proc_parse_syscall("0 0xc 0x7f0123456789 0x4000 0x0 0x0 0x0 0x7ffc 0x7f01", out, sizeof out);
	assert_string_equal(out, "read on descriptor 12");
	proc_parse_syscall("35 0x7f0123456789 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f01", out, sizeof out);
	assert_string_equal(out, "nanosleep");
#endif
	snprintf(text, sizeof text, "%s", "0");
	proc_parse_syscall(text, out, sizeof out);
	assert_null(strstr(out, "descriptor"));
}

static void a_descriptor_says_its_kind(void **state)
{
	static const struct { const char *text, *kind; uint64_t inode; } rows[] = {
		{ "socket:[4711]", "socket", 4711 }, { "pipe:[12]", "pipe", 0 },
		{ "anon_inode:[eventpoll]", "epoll", 0 }, { "anon_inode:[eventfd]", "eventfd", 0 },
		{ "anon_inode:[something new]", "anonymous", 0 }, { "/memfd:ledger (deleted)", "memfd", 0 },
		{ "/dev/null", "device", 0 }, { "/etc/passwd", "file", 0 }, { "socket:[]", "other", 0 }, { "", "other", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fd_link l = fds_parse_link(rows[i].text);
		assert_string_equal(l.kind, rows[i].kind);
		assert_int_equal(l.inode, rows[i].inode);
	}
}

/* ---- sock_diag ---- */

struct answer {
	_Alignas(struct nlmsghdr) uint8_t data[4096];
	size_t size;
};

static void add(struct answer *a, uint16_t type, const void *body, size_t size, const void *more, size_t more_size)
{
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(sizeof h + size + more_size), .nlmsg_type = type };

	memcpy(a->data + a->size, &h, sizeof h);
	memcpy(a->data + a->size + sizeof h, body, size);
	if (more_size > 0)
		memcpy(a->data + a->size + sizeof h + size, more, more_size);
	a->size += NLMSG_ALIGN(h.nlmsg_len);
}

static void add_tcp(struct answer *a, uint32_t inode, uint8_t tcp_state)
{
	struct inet_diag_msg m = { .idiag_family = AF_INET, .idiag_state = tcp_state, .idiag_inode = inode,
		.idiag_rqueue = 77, .idiag_wqueue = 88, .id = { .idiag_sport = htons(443), .idiag_dport = htons(50000) } };
	struct __attribute__((packed)) { struct rtattr a; struct tcp_info info; } extra = { .a = { .rta_len = sizeof extra, .rta_type = INET_DIAG_INFO },
		.info = { .tcpi_last_data_recv = 5000, .tcpi_last_data_sent = 1200 } };

	inet_pton(AF_INET, "192.0.2.1", m.id.idiag_src);
	inet_pton(AF_INET, "192.0.2.2", m.id.idiag_dst);
	add(a, SOCK_DIAG_BY_FAMILY, &m, sizeof m, &extra, sizeof extra);
}

static struct sockets wanted(void)
{
	struct sockets s;

	sockets_init(&s);
	for (uint64_t i = 10; i > 0; i--)
		assert_int_equal(sockets_want(&s, i * 100), 0);
	sockets_seal(&s);
	return s;
}

static void sockets_are_told_by_inode(void **state)
{
	struct answer a = { .size = 0 };
	struct sockets s = wanted();

	(void)state;
	add_tcp(&a, 300, 8);
	add_tcp(&a, 12345, 1);		/* somebody else's */
	assert_int_equal(sockets_parse(&s, a.data, a.size), 1);
	struct socket_info *i = sockets_find(&s, 300);
	assert_true(i->found);
	assert_string_equal(i->kind, "tcp");
	assert_string_equal(i->state, "close_wait");
	assert_int_equal(i->recv_queue, 77);
	assert_int_equal(i->send_queue, 88);
	assert_true(i->has_idle);
	assert_int_equal(i->idle_ms, 1200);
	assert_string_equal(i->local, "192.0.2.1:443");
	assert_string_equal(i->peer, "192.0.2.2:50000");
	assert_false(sockets_find(&s, 400)->found);
	assert_null(sockets_find(&s, 12345));
	a.size = 0;
	add(&a, NLMSG_DONE, &(int32_t){ 0 }, 4, NULL, 0);
	assert_int_equal(sockets_parse(&s, a.data, a.size), 0);
	a.size = 0;
	add(&a, NLMSG_ERROR, &(int32_t){ -EPERM }, 4, NULL, 0);
	assert_int_equal(sockets_parse(&s, a.data, a.size), -EPERM);
	sockets_clear(&s);
}

static void unix_sockets_are_told_too(void **state)
{
	struct unix_diag_msg m = { .udiag_family = AF_UNIX, .udiag_type = SOCK_STREAM, .udiag_state = 1, .udiag_ino = 500 };
	struct { struct rtattr a; char name[12]; } name = { { 4 + 9, UNIX_DIAG_NAME }, "/run/x.sk" };
	struct answer a = { .size = 0 };
	struct sockets s = wanted();

	(void)state;
	add(&a, SOCK_DIAG_BY_FAMILY, &m, sizeof m, &name, sizeof name);
	assert_int_equal(sockets_parse(&s, a.data, a.size), 1);
	assert_string_equal(sockets_find(&s, 500)->kind, "unix");
	assert_string_equal(sockets_find(&s, 500)->local, "unix:/run/x.sk");
	sockets_clear(&s);
}

/* Cut at each byte, and with every length field a lie: it ends, and reads nothing beyond. */
static void a_broken_answer_is_survived(void **state)
{
	struct answer a = { .size = 0 };

	(void)state;
	add_tcp(&a, 300, 1);
	add_tcp(&a, 400, 1);
	for (size_t size = 0; size < a.size; size++) {
		struct sockets s = wanted();
		void *exact = malloc(size ? size : 1);
		memcpy(exact, a.data, size);
		sockets_parse(&s, exact, size);
		free(exact);
		sockets_clear(&s);
	}
	for (size_t at = 0; at + 4 <= a.size; at += 2) {
		static const uint32_t lies[] = { 0, 1, 3, 15, 16, 0x7fffffff, 0xffffffff };
		for (size_t k = 0; k < sizeof lies / sizeof lies[0]; k++) {
			struct sockets s = wanted();
			void *exact = malloc(a.size);
			memcpy(exact, a.data, a.size);
			memcpy((char *)exact + at, &lies[k], 4);
			sockets_parse(&s, exact, a.size);
			free(exact);
			sockets_clear(&s);
		}
	}
}

static void the_kernel_answers(void **state)
{
	struct sockets s;
	struct stat st;
	int pair[2], tcp = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(listen(tcp, 7), 0);
	assert_int_equal(send(pair[0], "12345", 5, 0), 5);
	sockets_init(&s);
	fstat(tcp, &st);
	sockets_want(&s, st.st_ino);
	fstat(pair[1], &st);
	ino_t local = st.st_ino;
	sockets_want(&s, local);
	sockets_seal(&s);
	assert_int_equal(sockets_ask(&s), 0);
	fstat(tcp, &st);
	assert_string_equal(sockets_find(&s, st.st_ino)->state, "listen");
	assert_string_equal(sockets_find(&s, local)->state, "established");
	sockets_clear(&s);
	close(tcp);
	close(pair[0]);
	close(pair[1]);
}

/* ---- owners ---- */

static void make_ledger(struct ledger *l, uint32_t conns_n)
{
	struct ledger reader;
	int fd;

	assert_int_equal(ledger_new(&reader, &fd, ROLE_WORKER, 1, 1, conns_n, 0), 0);
	assert_int_equal(ledger_attach(l, fd), 0);
	close(fd);
	ledger_clear(&reader);
}

static void make_conn(struct ledger *l, uint32_t slot, uint32_t client_fd, uint32_t backend_fd)
{
	struct ledger_conn *c = &l->conns[slot];

	ledger_conn_begin(c);
	c->phase = PHASE_RELAY;
	c->id = slot + 1;
	c->client_fd = client_fd;
	c->backend_fd = backend_fd;
	snprintf(c->sni, sizeof c->sni, "name%u.example", slot);
	ledger_conn_end(c);
}

static void every_descriptor_has_an_owner_or_nobody(void **state)
{
	struct ledger l;
	struct owners o;
	const struct owner *who;

	(void)state;
	make_ledger(&l, 8);
	make_conn(&l, 5, 20, 21);
	make_conn(&l, 6, 15, 0);
	l.conns[6].phase = PHASE_NONE;	/* free: what it says does not count */
	make_conn(&l, 7, UINT32_MAX, 22);
	ledger_own_fd(&l, 3, true);
	assert_int_equal(owners_init(&o, &l, ledger_now_ns()), 0);
	assert_int_equal(owners_find(&o, 3, &who), OWNER_SELF);
	assert_int_equal(owners_find(&o, 20, &who), OWNER_CONNECTION);
	assert_false(who->backend);
	assert_int_equal(owners_find(&o, 21, &who), OWNER_CONNECTION);
	assert_true(who->backend);
	json_t *v = owners_view(&o, who);
	assert_int_equal(json_integer_value(json_object_get(v, "connection")), 6);
	assert_string_equal(json_string_value(json_object_get(v, "side")), "backend");
	assert_string_equal(json_string_value(json_object_get(v, "sni")), "name5.example");
	json_decref(v);
	assert_int_equal(owners_find(&o, 22, &who), OWNER_CONNECTION);
	assert_int_equal(owners_find(&o, 15, &who), OWNER_NOBODY);
	assert_int_equal(owners_find(&o, 23, &who), OWNER_NOBODY);
	owners_clear(&o);
	ledger_clear(&l);
	make_ledger(&l, 0);		/* a role without connections does not tell all */
	assert_int_equal(owners_init(&o, &l, ledger_now_ns()), 0);
	assert_int_equal(owners_find(&o, 9, &who), OWNER_UNTOLD);
	owners_clear(&o);
	ledger_clear(&l);
}

static const json_t *entry(const json_t *view, int fd)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(view, "list"), i, v)
		if (json_integer_value(json_object_get(v, "fd")) == fd)
			return v;
	fail_msg("descriptor %d is not listed", fd);
	return NULL;
}

static const char *owner_of(const json_t *view, int fd)
{
	return json_string_value(json_object_get(entry(view, fd), "owner"));
}

static void descriptors_of_nobody_come_first(void **state)
{
	struct ledger l;

	(void)state;
	make_ledger(&l, 4);
	ledger_own_open_fds(&l);
	int owned = socket(AF_INET, SOCK_STREAM, 0), listener = socket(AF_INET, SOCK_STREAM, 0), leaked = dup(owned), late = dup(listener);
	assert_int_equal(listen(listener, 3), 0);
	make_conn(&l, 0, (uint32_t)owned, 0);
	json_t *v = fds_view(getpid(), &l);
	assert_string_equal(owner_of(v, 0), "process");
	assert_string_equal(owner_of(v, owned), "connection");
	assert_string_equal(owner_of(v, leaked), "nobody");
	assert_int_equal(json_integer_value(json_object_get(entry(v, leaked), "same_as")), owned);
	assert_string_equal(owner_of(v, listener), "process");
	assert_string_equal(owner_of(v, late), "nobody");
	assert_string_equal(json_string_value(json_object_get(entry(v, owned), "state")), "unconnected");
	assert_string_equal(json_string_value(json_object_get(entry(v, listener), "state")), "listen");
	json_t *first = json_array_get(json_object_get(v, "list"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "owner")), "nobody");
	json_decref(v);
	close(owned);
	close(listener);
	close(leaked);
	close(late);
	ledger_clear(&l);
}

/* ---- reports ---- */

static void a_report_fits(void **state)
{
	json_t *report = json_pack("{s:s, s:{s:[]}, s:{s:[]}}", "id", "x", "descriptors", "list", "connections", "list");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		json_array_append_new(json_object_get(json_object_get(report, "descriptors"), "list"), json_sprintf("descriptor %d", i));
		json_array_append_new(json_object_get(json_object_get(report, "connections"), "list"), json_integer(i));
	}
	char *text = report_text(report, 20000);
	assert_non_null(text);
	assert_true(strlen(text) <= 20000);
	assert_non_null(strstr(text, "the end of descriptors: the report would be too large"));
	assert_non_null(strstr(text, "\"descriptor 0\""));
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	json_decref(report);
	report = json_pack("{s:s}", "id", "x");
	text = report_text(report, 20000);
	assert_null(strstr(text, "missing"));
	free(text);
	json_decref(report);
}

static char dir_path[] = "/tmp/witness-XXXXXX";
static int dir;

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir_path, "/tmp/witness-XXXXXX");
	if (!mkdtemp(dir_path))
		return -1;
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int remove_dir(void **state)
{
	(void)state;
	store_prune(dir, 0, 0);
	close(dir);
	return rmdir(dir_path);
}

static void write_one(int i)
{
	char id[32], text[128];

	snprintf(id, sizeof id, "20260101-%06d-000", i);
	snprintf(text, sizeof text, "{\"id\": \"%s\", \"verdict\": \"stall\", \"worker\": %d, \"secret\": 1}\n", id, i);
	assert_int_equal(store_write(dir, id, text, strlen(text)), 0);
}

static void reports_are_written_whole_and_the_oldest_go(void **state)
{
	size_t size;
	struct stat st;

	(void)state;
	for (int i = 0; i < 7; i++)
		write_one(i);
	assert_int_equal(fstatat(dir, "20260101-000006-000.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	const struct timespec hour_ago[2] = { { .tv_sec = time(NULL) - 3600 }, { .tv_sec = time(NULL) - 3600 } };
	close(openat(dir, ".20260101-000009-000.new", O_CREAT | O_WRONLY, 0600));	/* its writer died */
	utimensat(dir, ".20260101-000009-000.new", hour_ago, 0);
	close(openat(dir, ".20260101-000010-000.new", O_CREAT | O_WRONLY, 0600));	/* its writer works */
	store_prune(dir, 5, 1 << 20);
	json_t *list = store_list(dir);
	assert_int_equal(json_array_size(list), 5);
	json_t *one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "id")), "20260101-000002-000");
	assert_string_equal(json_string_value(json_object_get(one, "verdict")), "stall");
	assert_null(json_object_get(one, "secret"));
	json_decref(list);
	assert_int_equal(faccessat(dir, ".20260101-000009-000.new", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir, ".20260101-000010-000.new", 0), 0);
	store_prune(dir, 5, (size_t)2 * (size_t)st.st_size + 1);
	list = store_list(dir);
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	json_t *report = store_read(dir, "20260101-000006-000", &size);
	assert_int_equal(size, st.st_size);
	assert_int_equal(json_integer_value(json_object_get(report, "worker")), 6);
	json_decref(report);
}

static void what_is_no_report_does_no_harm(void **state)
{
	size_t size;
	int fd = openat(dir, "20260101-000001-000.json", O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(write(fd, "{\"id\": ", 7), 7);
	close(fd);
	fd = openat(dir, "20260101-000002-000.json", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, STORE_FILE_BYTES + 1), 0);
	close(fd);
	assert_int_equal(symlinkat("/etc/passwd", dir, "20260101-000003-000.json"), 0);
	assert_int_equal(mkfifoat(dir, "20260101-000004-000.json", 0600), 0);
	json_t *list = store_list(dir);
	assert_int_equal(json_array_size(list), 4);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(json_object_get(json_array_get(list, i), "error"));
	json_decref(list);
	assert_null(store_read(dir, "20260101-000001-000", &size));
	assert_int_equal(errno, EBADMSG);
	assert_null(store_read(dir, "none", &size));
	assert_int_equal(errno, ENOENT);
	close(dir);
	dir = -1;
	assert_int_equal(store_write(dir, "x", "{}", 2), -EBADF);
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- stacks, and all of it ---- */

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

	make_ledger(&l, 1);
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
		cmocka_unit_test(a_stat_line_is_read_whatever_the_name_is),
		cmocka_unit_test(a_system_call_is_named_without_its_arguments),
		cmocka_unit_test(a_descriptor_says_its_kind),
		cmocka_unit_test(sockets_are_told_by_inode),
		cmocka_unit_test(unix_sockets_are_told_too),
		cmocka_unit_test(a_broken_answer_is_survived),
		cmocka_unit_test(the_kernel_answers),
		cmocka_unit_test(every_descriptor_has_an_owner_or_nobody),
		cmocka_unit_test(descriptors_of_nobody_come_first),
		cmocka_unit_test(a_report_fits),
		cmocka_unit_test_setup_teardown(reports_are_written_whole_and_the_oldest_go, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_is_no_report_does_no_harm, make_dir, remove_dir),
		/* OF_PROCESSES: */
		cmocka_unit_test(a_spin_is_named),
		cmocka_unit_test(one_that_sleeps_or_stands_still_is_seen_and_left_so),
		cmocka_unit_test(one_that_no_signal_reaches_is_told_and_left_so),
		cmocka_unit_test(what_cannot_be_had_is_named),
	};

	size_t n = sizeof tests / sizeof tests[0];

	/* Children would be valgrind, of whose stack and state no program of ours is the cause. */
	return _cmocka_run_group_tests("tests", tests, getenv("TEST_UNDER_VALGRIND") ? n - OF_PROCESSES : n, NULL, NULL);
}
