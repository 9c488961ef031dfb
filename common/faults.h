/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on purpose, for tests of those who watch: a build with --enable-faults
 * obeys MSG_FAULT, which no other build knows. Nobody who watches knows it.
 */
#ifndef COMMON_FAULTS_H
#define COMMON_FAULTS_H

/* X(enum, name, help) */
#define FAULTS(X) \
	X(FAULT_LEAK, "leak", "opens `rate` descriptors a second and forgets them") \
	X(FAULT_GROW, "grow", "takes `rate` MiB of memory a second") \
	X(FAULT_SPIN, "spin", "computes for ever") \
	X(FAULT_SLEEP, "sleep", "sleeps for ever in a system call") \
	X(FAULT_CRASH, "crash", "touches memory that is not there") \
	X(FAULT_SPIN_CONNECTION, "spin_connection", "a worker's watcher of that connection has always something to do") \
	X(FAULT_CRASH_CONNECTION, "crash_connection", "the next call of that watcher touches memory that is not there")

enum fault {
#define X(id, name, help) id,
	FAULTS(X)
#undef X
	FAULT_COUNT
};

#ifdef WITH_FAULTS

#include <stdbool.h>
#include <stdint.h>

const char *fault_name(enum fault f);
/* FAULT_COUNT: there is none of that name. */
enum fault fault_by_name(const char *name);

/* Does it, if every process can; false: it is for the role itself. */
bool fault_obey(enum fault f, uint32_t rate);
/* Named in stack samples and reports, so not static. */
void fault_crash(void);
void fault_spin(void);
void fault_sleep(void);

#endif
#endif
