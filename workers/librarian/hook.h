/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What uacme's hook says to the librarian: its arguments, a NUL after each:
 * method (begin, done or failed), type of the challenge, name, token,
 * authorization. All of it but the method may be whatever a CA has sent. The
 * answer is one byte, the hook's exit status.
 */
#ifndef LIBRARIAN_HOOK_H
#define LIBRARIAN_HOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/librarian/runner.h"

#define HOOK_ARGUMENTS 5
#define HOOK_PACKET_MAX 4096

struct hook_call { const char *method, *type, *name, *token, *authorization; };

/* Splits a packet, which is lent; false if it is none. */
bool hook_parse(const char *packet, size_t size, struct hook_call *call);

#endif
