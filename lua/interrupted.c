/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/interrupted.h"

#include <ucontext.h>

#if defined __x86_64__
uintptr_t interrupted_pc(const void *ucontext)
{
	return (uintptr_t)((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP];
}

uintptr_t interrupted_return(const void *ucontext)
{
	return *(const uintptr_t *)((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RSP];
}
#elif defined __aarch64__
uintptr_t interrupted_pc(const void *ucontext)
{
	return (uintptr_t)((const ucontext_t *)ucontext)->uc_mcontext.pc;
}

uintptr_t interrupted_return(const void *ucontext)
{
	return (uintptr_t)((const ucontext_t *)ucontext)->uc_mcontext.regs[30];
}
#else
#error "lua/interrupted.c knows x86-64 and aarch64; say here where others keep the program counter"
#endif
