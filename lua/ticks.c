/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/ticks.h"

#include <errno.h>
#include <link.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "lua/interrupted.h"

/*
 * What a signal handler needs must be found without an argument: the call
 * that runs now, and where liblua's instructions are.
 */
static struct tick_call *volatile running;
static volatile sig_atomic_t held;
static struct { uintptr_t from, to; } text;

static bool in_lua(uintptr_t pc) { return pc >= text.from && pc < text.to; }

/*
 * What liblua may call over and over without coming back to it for long. All
 * are leaves without a stack of their own, in every variant; strcoll goes on
 * to strcmp. The return address alone would not do: an older one may still lie
 * in the stack of another function, and malloc is not to be left.
 */
static void (*const leaves[])(void) = {
	(void (*)(void))memcmp, (void (*)(void))memchr, (void (*)(void))strcmp,
	(void (*)(void))memcpy, (void (*)(void))memmove,
};
#define LEAF_BYTES 4096		/* more than any variant has */

static bool in_leaf(uintptr_t pc)
{
	for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
		if (pc - (uintptr_t)leaves[i] < LEAF_BYTES)
			return true;
	return false;
}

static bool may_leave(const void *ucontext)
{
	uintptr_t pc = interrupted_pc(ucontext);

	if (held)
		return false;
	return in_lua(pc) || (in_leaf(pc) && in_lua(interrupted_return(ucontext)));
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void __attribute__((noreturn)) leave(struct tick_call *c)
{
	running = NULL;
	siglongjmp(c->out, 1);
}

/* Called by Lua between two instructions of a script. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
	struct tick_call *c = running;
	int line = 0;

	if (!c || c->L != L)
		return;
	if (lua_getinfo(L, "l", ar) && ar->currentline > 0)
		line = ar->currentline;
	if (c->over) {
		c->line = line > 0 ? line : c->line;
		leave(c);
	}
	if (line > 0 && c->where)
		__atomic_store_n(c->where, (uint32_t)line, __ATOMIC_RELAXED);
	c->hooked = 0;
	lua_sethook(L, NULL, 0, 0);
	/* A tick may have come just before, and its end must not be lost. */
	if (c->over)
		leave(c);
}

/* May be called at any time, also by a signal handler. */
static void set_hook(struct tick_call *c)
{
	c->hooked = 1;
	lua_sethook(c->L, on_hook, LUA_MASKCOUNT, 1);
}

static void on_tick(int sig, siginfo_t *info, void *ucontext)
{
	struct tick_call *c = running;
	int saved = errno;

	(void)sig;
	(void)info;
	if (!c)
		return;
	uint64_t now = cpu_ns();
	errno = saved;
	if (c->started_ns == 0)
		c->started_ns = c->looked_ns = now;
	if (now - c->started_ns < c->budget_ns) {
		if (now - c->looked_ns < TICKS_LOOK_NS)
			return;
		c->looked_ns = now;
		set_hook(c);
	} else if (!c->over) {
		c->over = 1;
		set_hook(c);
	} else if (may_leave(ucontext)) {
		leave(c);
	}
}

static int find_text(struct dl_phdr_info *object, size_t size, void *data)
{
	uintptr_t inside = (uintptr_t)data;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + p->p_vaddr;
		if (p->p_type == PT_LOAD && p->p_flags & PF_X && inside >= from && inside < from + p->p_memsz) {
			text.from = from;
			text.to = from + p->p_memsz;
			return 1;
		}
	}
	return 0;
}

int ticks_start(void)
{
	const struct itimerval every = { .it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US };
	struct sigaction act = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER };
	sigset_t prof;

	/* In a position-independent program the address is the library's own. */
	if (text.to == 0 && !dl_iterate_phdr(find_text, (void *)(uintptr_t)lua_newstate))
		return -ENOENT;
	sigemptyset(&act.sa_mask);
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	if (sigaction(SIGPROF, &act, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &prof, NULL) < 0 ||
	    setitimer(ITIMER_PROF, &every, NULL) < 0)
		return -errno;
	return 0;
}

/* The handler stays: a tick may be on its way. */
void ticks_stop(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_PROF, &never, NULL);
}

void ticks_hold(void) { held = 1; }
void ticks_release(void) { held = 0; }

void ticks_enter(struct tick_call *c)
{
	c->started_ns = 0;
	c->line = 0;
	c->hooked = c->over = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	running = c;
}

void ticks_leave(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	running = NULL;
}
