/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a signal has found the program, by kind of processor. */
#ifndef LUA_INTERRUPTED_H
#define LUA_INTERRUPTED_H

#include <stdint.h>

/* Of the third argument of a signal handler: the instruction that comes next. */
uintptr_t interrupted_pc(const void *ucontext);
/*
 * The address that the interrupted function returns to if it is a leaf that
 * keeps nothing on the stack; otherwise whatever lies there.
 */
uintptr_t interrupted_return(const void *ucontext);

#endif
