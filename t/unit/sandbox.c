/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/sandbox.c; each case in a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/landlock.h"
#include "common/memfd.h"
#include "common/sandbox.h"

/* The exit status of a child that enters the sandbox and does it; or 128 and its signal. */
static int in_sandbox(unsigned may, int (*act)(void))
{
	const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		if (sandbox_enter(may) < 0)
			_exit(99);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int map_a_sealed_memfd(void)
{
	size_t size;
	int fd = memfd_new("t", 100);

	return fd < 0 || memfd_seal_all(fd) < 0 || !memfd_map_sealed(fd, 100, &size);
}

static int open_a_file(void) { return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0; }
static int make_a_udp_socket(void) { return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : 0; }
static int make_a_tcp_socket(void) { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) < 0 ? errno : 0; }
static int make_an_mptcp_socket(void) { return socket(AF_INET, SOCK_STREAM, 262) < 0 ? errno : 0; }
static int make_a_socket_of_numbered_tcp(void) { return socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) < 0 ? errno : 0; }

static struct sockaddr_in nobody = { .sin_family = AF_INET };

static int send_with_fast_open(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&nobody, sizeof nobody) < 0 ? errno : 0;
}

static int send_message_with_fast_open(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char x[] = "x";
	struct iovec v = { x, 1 };
	struct msghdr m = { .msg_name = &nobody, .msg_namelen = sizeof nobody, .msg_iov = &v, .msg_iovlen = 1 };

	return sendmsg(fd, &m, MSG_FASTOPEN) < 0 ? errno : 0;
}

static int send_on_a_pair(void)
{
	int fds[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	return send(fds[0], "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

static int make_a_log_socket(void) { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0; }
static int set_up_a_socket(void)
{
	int fds[2], one = 1;	/* of no socket: only the filter is asked */

	return pipe2(fds, 0) < 0 || setsockopt(fds[0], SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ? errno : 0;
}

static int kill_the_parent(void) { return kill(getppid(), 0) < 0 ? errno : 0; }
static int start_a_timer(void) { return setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_sec = 9 }, NULL) < 0 ? errno : 0; }
static int type_on_a_terminal(void) { return ioctl(STDERR_FILENO, TIOCSTI, "x") < 0 ? errno : 0; }
static int ask_what_is_queued(void)
{
	int fds[2], n = -1;

	return pipe2(fds, 0) < 0 || ioctl(fds[0], FIONREAD, &n) < 0 ? errno : n;
}

static int be_dumpable_again(void) { return prctl(PR_SET_DUMPABLE, 1) < 0 ? errno : 0; }
static int name_itself(void) { return prctl(PR_SET_NAME, "t") < 0 ? errno : 0; }

static int limit_the_parent(void)
{
	struct rlimit now;

	return prlimit(getppid(), RLIMIT_CORE, NULL, &now) < 0 ? errno : 0;
}

static int read_its_own_limit(void)
{
	struct rlimit now;

	return getrlimit(RLIMIT_NOFILE, &now) < 0 ? errno : 0;
}

static int fork_and_wait(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid ? errno : status;
}

/* A user namespace would give a child all capabilities, and the kernel code behind them. */
static int fork_into_a_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int fork_with_clone3(void)
{
	uint64_t args[8] = { [0] = CLONE_NEWUSER, [4] = SIGCHLD };
	long pid = syscall(SYS_clone3, args, sizeof args);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int run_a_program(void) { return execl("/bin/true", "true", (char *)NULL); }
static int call_abort(void) { signal(SIGABRT, SIG_DFL); abort(); }

static void every_role_maps_what_it_gets(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(0, map_a_sealed_memfd), 0);
}

static void what_is_not_allowed_fails(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_CONNECT | SANDBOX_ACCEPT, open_a_file), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT | SANDBOX_ACCEPT, make_a_udp_socket), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_SYSLOG, make_a_tcp_socket), EPERM);
	assert_int_equal(in_sandbox(0, make_a_log_socket), EPERM);
	assert_int_equal(in_sandbox(0, set_up_a_socket), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_FORK, set_up_a_socket), EPERM);
	assert_int_equal(in_sandbox(0, kill_the_parent), EPERM);
	assert_int_equal(in_sandbox(0, start_a_timer), EPERM);
}

static void what_is_allowed_works(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_OPEN, open_a_file), 0);
	assert_int_equal(in_sandbox(SANDBOX_ACCEPT, set_up_a_socket), ENOTSOCK);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, make_a_tcp_socket), 0);
	assert_int_equal(in_sandbox(SANDBOX_TIMER, start_a_timer), 0);
	assert_int_equal(in_sandbox(SANDBOX_SYSLOG, make_a_log_socket), 0);
}

static void no_way_to_connect_passes_landlock_by(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, make_an_mptcp_socket), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, send_with_fast_open), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, send_message_with_fast_open), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, make_a_socket_of_numbered_tcp), 0);
	assert_int_equal(in_sandbox(SANDBOX_FORK, send_on_a_pair), 0);
}

static void no_role_reaches_a_terminal_or_another_process(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(~0u, type_on_a_terminal), EPERM);
	assert_int_equal(in_sandbox(~0u, be_dumpable_again), EPERM);
	assert_int_equal(in_sandbox(~0u, limit_the_parent), EPERM);
	assert_int_equal(in_sandbox(0, ask_what_is_queued), 0);
	assert_int_equal(in_sandbox(0, name_itself), 0);
	assert_int_equal(in_sandbox(0, read_its_own_limit), 0);
}

static void forking_makes_no_namespace(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_FORK, fork_into_a_namespace), EPERM);
	/* The C library goes on with clone(2), whose flags can be seen. */
	assert_int_equal(in_sandbox(SANDBOX_FORK, fork_with_clone3), ENOSYS);
	assert_int_equal(in_sandbox(SANDBOX_FORK, fork_and_wait), 0);
}

/* 0: no path opens any more, and what was open before goes on. */
static int files_stay_shut(void)
{
	char byte;
	int before = open("/etc/passwd", O_RDONLY | O_CLOEXEC), log = memfd_new("log", 0);

	if (*landlock_enter_all())
		return 99;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 1;
	if (open("/tmp/none", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
		return 2;
	return read(before, &byte, 1) == 1 && write(log, "x", 1) == 1 ? 0 : 3;
}

static void roles_that_open_no_file_cannot(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(files_stay_shut());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 99)
		print_message("# no Landlock here: not tested\n");
	else
		assert_int_equal(status, 0);
}

static void starting_a_program_kills(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(~0u, run_a_program), 128 + SIGSYS);
}

static int trace_the_parent(void) { return ptrace(PTRACE_SEIZE, getppid(), 0, 0) < 0 ? errno == EPERM ? 0 : errno : 0; }
static int ask_for_sockets(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) < 0 ? errno : 0; }
static int ask_for_routes(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) < 0 ? errno : 0; }

static void only_a_witness_traces(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(SANDBOX_OPEN | SANDBOX_FORK, trace_the_parent), 128 + SIGSYS);
	assert_int_equal(in_sandbox(SANDBOX_TRACE, trace_the_parent), 0);
	assert_int_equal(in_sandbox(SANDBOX_TRACE, ask_for_sockets), 0);
	assert_int_equal(in_sandbox(SANDBOX_TRACE, ask_for_routes), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_CONNECT, ask_for_sockets), EPERM);
	assert_int_equal(in_sandbox(SANDBOX_TRACE, run_a_program), 128 + SIGSYS);
}

/* In a folder of its own it may write; elsewhere only read; and execute only what it is given. */
static int write_read_and_execute(const char *folder, const char *outside)
{
	char *const no_arguments[] = { NULL };
	int dir = open(folder, O_PATH | O_DIRECTORY);
	struct landlock_place places[] = { { .fd = dir, .write = true } };
	int rc = dir < 0 ? -errno : landlock_enter_places(places, 1, LANDLOCK_READS_ALL);

	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return 0;
	if (rc < 0 || openat(dir, "f", O_WRONLY | O_CREAT, 0600) < 0 || unlinkat(dir, "f", 0) < 0)
		return 1;
	if (open("/etc/passwd", O_RDONLY) < 0 || open(outside, O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
		return 2;
	execv("/bin/sh", no_arguments);
	return errno == EACCES ? 0 : 3;
}

static void a_program_of_others_is_confined(void **state)
{
	char folder[] = "/tmp/tlsward-sandbox-XXXXXX", outside[] = "/tmp/tlsward-sandbox-XXXXXX";
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_non_null(mkdtemp(outside));
	assert_int_equal(rmdir(outside), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write_read_and_execute(folder, outside));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Reading, too, in its places alone; what is open stays open, and no folder that is open is a way in. */
static int read_and_write_in_places(const char *folder)
{
	int dir = open(folder, O_PATH | O_DIRECTORY), etc = open("/etc", O_RDONLY | O_DIRECTORY), passwd = open("/etc/passwd", O_RDONLY);
	struct landlock_place places[] = { { .fd = dir, .read = true, .write = true }, { .fd = etc, .read = true } };
	char byte;

	int rc = landlock_enter_places(places, 1, LANDLOCK_READS_PLACES);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return 0;
	if (rc < 0)
		return 1;
	if (openat(dir, "f", O_RDWR | O_CREAT, 0600) < 0 || openat(dir, "f", O_RDONLY) < 0 || unlinkat(dir, "f", 0) < 0)
		return 2;
	if (openat(etc, "passwd", O_RDONLY) >= 0 || errno != EACCES || open("/", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES)
		return 3;
	return read(passwd, &byte, 1) == 1 && landlock_enter_places(places, 2, LANDLOCK_READS_PLACES) == 0 &&
		openat(etc, "passwd", O_RDONLY) < 0 ? 0 : 4;
}

static void a_role_reads_in_its_places_alone(void **state)
{
	char folder[] = "/tmp/tlsward-sandbox-XXXXXX";
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	pid_t pid = fork();
	if (pid == 0)
		_exit(read_and_write_in_places(folder));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rmdir(folder), 0);
}

static void abort_is_told_from_a_crash(void **state)
{
	(void)state;
	assert_int_equal(in_sandbox(0, call_abort), 128 + SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_maps_what_it_gets),
		cmocka_unit_test(what_is_not_allowed_fails),
		cmocka_unit_test(what_is_allowed_works),
		cmocka_unit_test(no_way_to_connect_passes_landlock_by),
		cmocka_unit_test(no_role_reaches_a_terminal_or_another_process),
		cmocka_unit_test(forking_makes_no_namespace),
		cmocka_unit_test(roles_that_open_no_file_cannot),
		cmocka_unit_test(starting_a_program_kills),
		cmocka_unit_test(only_a_witness_traces),
		cmocka_unit_test(a_program_of_others_is_confined),
		cmocka_unit_test(a_role_reads_in_its_places_alone),
		cmocka_unit_test(abort_is_told_from_a_crash),
	};
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
