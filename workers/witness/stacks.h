/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stack samples, alike ones counted together, and their names (libdw). Taking
 * one needs the process stopped, names do not. Only return addresses are kept;
 * what else lies in the stack is read to find them, and forgotten.
 */
#ifndef WITNESS_STACKS_H
#define WITNESS_STACKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STACK_FRAMES 48
#define STACKS_MAX 64		/* different ones */
#define STACKS_SHOWN 10

struct stack {
	pid_t tid;
	unsigned samples, frames;
	uint64_t pc[STACK_FRAMES];
};

struct stacks;

/* Reads the map of the process and prepares for unwinding. NULL with err saying why not. */
struct stacks *stacks_new(pid_t pid, const char **err);
void stacks_free(struct stacks *s);
/* The process is stopped by this one. False with err: no frame could be read. */
bool stacks_take(struct stacks *s, const char **err);
bool stacks_empty(const struct stacks *s);
/* {samples, functions: [...], stacks: [...]} */
json_t *stacks_view(struct stacks *s);

#endif
