/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* What every role needs: its descriptors, its memory, the clock. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(fstat), SCMP_SYS(recvmsg),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(dup),
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
	SCMP_SYS(set_tid_address), SCMP_SYS(membarrier), SCMP_SYS(uname), SCMP_SYS(sysinfo),
};
/* For those that make or get sockets; a channel needs none of it. */
static const int for_sockets[] = {
	SCMP_SYS(recvfrom), SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};
static const int for_accept[] = { SCMP_SYS(accept4) };
static const int for_connect[] = { SCMP_SYS(connect) };
static const int for_epoll[] = {
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(signalfd4),
};
static const int for_fork[] = {
	SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(wait4),
	SCMP_SYS(waitid), SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(gettid), SCMP_SYS(setpgid),
	SCMP_SYS(socketpair), SCMP_SYS(close_range), SCMP_SYS(seccomp),
};
static const int for_open[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(getcwd),
	SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(flock), SCMP_SYS(fchmod), SCMP_SYS(linkat),
};
static const int for_resolve[] = { SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(recvmmsg) };
static const int for_syslog[] = { SCMP_SYS(connect) };
static const int for_landlock[] = {
	SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule), SCMP_SYS(landlock_restrict_self),
};
static const int for_affinity[] = { SCMP_SYS(sched_setaffinity) };

static const int for_lock[] = { SCMP_SYS(mlock), SCMP_SYS(munlock) };
static const int for_timer[] = { SCMP_SYS(setitimer) };
static const int for_trace[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(getxattr),
};

/* Nobody here has a use for these: no error code, an end with a core's worth of log. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(setns), SCMP_SYS(unshare),
};

#define COUNT(list) (sizeof list / sizeof list[0])

static bool is_one_of(int call, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i] == call)
			return true;
	return false;
}

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (rc == -EEXIST || rc == -EDOM)	/* given twice; not on this machine */
			rc = 0;
	}
	return rc;
}

/* Memory that may be executed is never made after start. */
static int allow_memory(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

/* One call with any of these values of an argument. */
static int allow_values(scmp_filter_ctx ctx, int call, unsigned argument, const unsigned *values, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_CMP64(argument, SCMP_CMP_EQ, values[i], 0));
	return rc;
}

static int allow_fcntl(scmp_filter_ctx ctx)
{
	static const unsigned commands[] = { F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS };

	return allow_values(ctx, SCMP_SYS(fcntl), 1, commands, COUNT(commands));
}

/* Questions about a descriptor; TIOCSTI would type commands on an operator's terminal. */
static int allow_ioctl(scmp_filter_ctx ctx)
{
	static const unsigned requests[] = { TCGETS, FIONREAD, FIONBIO, SIOCOUTQ, SIOCOUTQNSD };

	return allow_values(ctx, SCMP_SYS(ioctl), 1, requests, COUNT(requests));
}

/* Of itself only: names and further restrictions, and no way to be dumpable again. */
static int allow_own_state(scmp_filter_ctx ctx)
{
	static const unsigned options[] = { PR_SET_NAME, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS };
	static const unsigned own[] = { 0 };
	int rc = allow_values(ctx, SCMP_SYS(prctl), 0, options, COUNT(options));

	return rc < 0 ? rc : allow_values(ctx, SCMP_SYS(prlimit64), 0, own, COUNT(own));
}

/*
 * Not into new namespaces: a user namespace has all capabilities. A filter
 * cannot see clone3's flags; the C library then goes on with clone.
 */
static int allow_fork(scmp_filter_ctx ctx)
{
	const scmp_datum_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int rc = allow(ctx, for_fork, COUNT(for_fork));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

/* glibc asks for fstat(2) with newfstatat(2) and an empty path. */
static int allow_fstat(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
		SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
}

/* abort(3) signals itself; without it a failed assert would pass for a crash. */
static int allow_abort(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

/* Not with MSG_FASTOPEN: it connects, and Landlock does not see it. */
static int allow_sending(scmp_filter_ctx ctx, unsigned may)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
		SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	if (rc == 0 && may & SANDBOX_RESOLVE)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendmmsg), 1,
			SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	return rc;
}

static int allow_protocol(scmp_filter_ctx ctx, int family, int type, int protocol)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0),
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)type),
		SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)protocol, 0));
}

/* The family's ordinary protocol, also by its number: Landlock's ports are TCP's, not MPTCP's or SCTP's. */
static int allow_sockets(scmp_filter_ctx ctx, int family, int type)
{
	int rc = allow_protocol(ctx, family, type, 0);

	if (rc == 0 && (family == AF_INET || family == AF_INET6))
		rc = allow_protocol(ctx, family, type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	return rc;
}

/* Faults on demand are driven by a timer of real time, in every role. */
static int allow_faults(scmp_filter_ctx ctx)
{
#ifdef WITH_FAULTS
	static const unsigned timers[] = { ITIMER_REAL };

	return allow_values(ctx, SCMP_SYS(setitimer), 0, timers, COUNT(timers));
#else
	(void)ctx;
	return 0;
#endif
}

static int allow_may(scmp_filter_ctx ctx, unsigned may)
{
	int rc = 0;

	if (may & (SANDBOX_ACCEPT | SANDBOX_CONNECT | SANDBOX_RESOLVE | SANDBOX_SYSLOG))
		rc = allow(ctx, for_sockets, COUNT(for_sockets));
	if (rc == 0 && may & SANDBOX_ACCEPT)
		rc = allow(ctx, for_accept, COUNT(for_accept));
	if (rc == 0 && may & SANDBOX_EPOLL)
		rc = allow(ctx, for_epoll, COUNT(for_epoll));
	if (rc == 0 && may & SANDBOX_FORK)
		rc = allow_fork(ctx);
	if (rc == 0 && may & SANDBOX_OPEN)
		rc = allow(ctx, for_open, COUNT(for_open));
	if (rc == 0 && may & SANDBOX_LANDLOCK)
		rc = allow(ctx, for_landlock, COUNT(for_landlock));
	if (rc == 0 && may & SANDBOX_AFFINITY)
		rc = allow(ctx, for_affinity, COUNT(for_affinity));
	if (rc == 0 && may & SANDBOX_LOCK)
		rc = allow(ctx, for_lock, COUNT(for_lock));
	if (rc == 0 && may & SANDBOX_TIMER)
		rc = allow(ctx, for_timer, COUNT(for_timer));
	if (rc == 0 && may & SANDBOX_TRACE)
		rc = allow(ctx, for_trace, COUNT(for_trace));
	if (rc == 0 && may & SANDBOX_TRACE)
		rc = allow_protocol(ctx, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	if (rc == 0 && may & SANDBOX_CONNECT) {
		rc = allow(ctx, for_connect, COUNT(for_connect));
		if (rc == 0)
			rc = allow_sockets(ctx, AF_INET, SOCK_STREAM);
		if (rc == 0)
			rc = allow_sockets(ctx, AF_INET6, SOCK_STREAM);
		if (rc == 0)
			rc = allow_sockets(ctx, AF_UNIX, SOCK_STREAM);
	}
	if (rc == 0 && may & SANDBOX_RESOLVE) {
		rc = allow(ctx, for_resolve, COUNT(for_resolve));
		if (rc == 0)
			rc = allow_sockets(ctx, AF_INET, SOCK_DGRAM);
		if (rc == 0)
			rc = allow_sockets(ctx, AF_INET6, SOCK_DGRAM);
		if (rc == 0)
			rc = allow_sockets(ctx, AF_NETLINK, SOCK_RAW);
	}
	if (rc == 0 && may & SANDBOX_SYSLOG) {
		rc = allow(ctx, for_syslog, COUNT(for_syslog));
		if (rc == 0)
			rc = allow_sockets(ctx, AF_UNIX, SOCK_DGRAM);
	}
	return rc;
}

int sandbox_enter(unsigned may)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return -ENOMEM;
	int rc = allow(ctx, always, COUNT(always));
	if (rc == 0)
		rc = allow_memory(ctx);
	if (rc == 0)
		rc = allow_fcntl(ctx);
	if (rc == 0)
		rc = allow_ioctl(ctx);
	if (rc == 0)
		rc = allow_own_state(ctx);
	if (rc == 0)
		rc = allow_fstat(ctx);
	if (rc == 0)
		rc = allow_abort(ctx);
	if (rc == 0)
		rc = allow_sending(ctx, may);
	if (rc == 0)
		rc = allow_faults(ctx);
	if (rc == 0)
		rc = allow_may(ctx, may);
	for (size_t i = 0; i < COUNT(deadly) && rc == 0; i++)
		if (!(may & SANDBOX_TRACE) || !is_one_of(deadly[i], for_trace, COUNT(for_trace)))
			rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}
