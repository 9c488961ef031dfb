/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The role programs, found and opened once at start and executed by descriptor
 * ever after, so that one run uses one build, also after a package upgrade.
 */
#ifndef SUPERVISOR_PROGRAMS_H
#define SUPERVISOR_PROGRAMS_H

#include <stddef.h>

#include "common/msg.h"

#define PROGRAM_HOOK "tlsward-acme-hook"
#define PROGRAM_OPENER "tlsward-opener"	/* argv[0] of our own program as the opener */

struct programs {
	int fds[ROLE_COUNT];	/* -1: not a program of its own */
	int hook;		/* that uacme calls */
};

/*
 * Looks beside this program, in ../libexec/tlsward from there, and in ROLEDIR.
 * Returns 0, or -ENOENT with err saying what is missing and where it was sought.
 */
int programs_open(struct programs *p, char *err, size_t errsize);
void programs_close(struct programs *p);
/* argv[0] of a role: "tlsward-worker". */
const char *program_name(enum role r);

#endif
