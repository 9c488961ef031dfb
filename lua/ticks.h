/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends calls into Lua that have used their CPU time, whatever they do.
 *
 * A coarse timer on the process's CPU time (ITIMER_PROF, SIGPROF) ticks only
 * while the process computes. Its handler does nothing unless a call runs. At
 * the first tick of a call its time begins; at the first one after the budget
 * a hook is set, which ends whatever runs in Lua's virtual machine, and knows
 * the line. What is still there at the next tick is inside one long library
 * call, and is left by siglongjmp as soon as the interrupted instruction is
 * one of liblua's, or of a leaf function that liblua has called (memcmp,
 * memchr, strcoll): no state of libc or of ours can be torn there. A call so
 * ends at most about three ticks after its budget; the kernel's own ticks (4 ms
 * at 250 Hz) are the finest it gets.
 * The state that was left is good for nothing but to be thrown away whole.
 * Long before, such a hook is set now and then to look where the call is; it
 * writes the line down for whoever watches the process, and removes itself.
 */
#ifndef LUA_TICKS_H
#define LUA_TICKS_H

#include <setjmp.h>
#include <stdint.h>

#define TICK_US 1000
#define TICKS_LOOK_NS 20000000ull	/* of CPU time between two looks at where a long call is */

struct lua_State;

/* A call under a budget; in place. */
struct tick_call {
	sigjmp_buf out;
	struct lua_State *L;
	uint64_t budget_ns;
	uint64_t started_ns;		/* CPU time at its first tick; 0: none yet */
	int line;			/* where it was ended, if known, else 0 */
	int hooked;
	int over;			/* the hook is there to end it, not to look */
	uint64_t looked_ns;		/* CPU time of the last look, or of its first tick */
	uint32_t *where;		/* gets the line of each look; or NULL */
};

/*
 * Starts the timer, once per process; needs setitimer(2) and rt_sigaction(2).
 * 0 or a negative errno. Without it no call ever runs out of budget.
 */
int ticks_start(void);
void ticks_stop(void);

/*
 * c runs from now on. Only one at a time, in the thread that made it:
 *	if (sigsetjmp(c->out, 0) == 0) { ticks_enter(c); ...; ticks_leave(); }
 *	else it ran out of budget
 */
void ticks_enter(struct tick_call *c);
void ticks_leave(void);

/*
 * Around what a binding does outside of Lua and must finish (locks and memory
 * of libc). Nothing in between may raise an error of Lua.
 */
void ticks_hold(void);
void ticks_release(void);

#endif
