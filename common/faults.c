/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/faults.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TICKS_PER_S 10

static const char *const names[FAULT_COUNT] = {
#define X(id, name, help) [id] = name,
	FAULTS(X)
#undef X
};

/* What goes on while the process does its work is done by a timer's handler. */
static struct { volatile uint32_t descriptors, megabytes; } per_tick;

const char *fault_name(enum fault f) { return f < FAULT_COUNT ? names[f] : "unknown"; }

enum fault fault_by_name(const char *name)
{
	for (int f = 0; f < FAULT_COUNT; f++)
		if (strcmp(names[f], name) == 0)
			return (enum fault)f;
	return FAULT_COUNT;
}

static void on_alarm(int sig)
{
	size_t size = (size_t)per_tick.megabytes << 20;

	(void)sig;
	for (uint32_t i = 0; i < per_tick.descriptors; i++)
		if (dup(STDIN_FILENO) < 0)
			break;
	void *p = size > 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
	if (p != MAP_FAILED)
		memset(p, 1, size);
}

static uint32_t each_tick(uint32_t rate) { return rate < TICKS_PER_S ? 1 : rate / TICKS_PER_S; }

/* Below ten a second the ticks are rarer. */
static void go_on(uint32_t rate)
{
	suseconds_t us = 1000000 / (rate == 0 ? 1 : rate < TICKS_PER_S ? (suseconds_t)rate : TICKS_PER_S);
	struct itimerval every = { .it_interval.tv_usec = us % 1000000, .it_interval.tv_sec = us / 1000000 };
	struct sigaction act = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	sigset_t alarm_only;

	every.it_value = every.it_interval;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &act, NULL);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

void fault_spin(void)
{
	for (volatile unsigned n = 0; ; n++)
		;
}

void fault_sleep(void)
{
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 3600 }, NULL);
}

void fault_crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 0;
}

bool fault_obey(enum fault f, uint32_t rate)
{
	switch (f) {
	case FAULT_LEAK:
		per_tick.descriptors = each_tick(rate);
		go_on(rate);
		return true;
	case FAULT_GROW:
		per_tick.megabytes = each_tick(rate);
		go_on(rate);
		return true;
	case FAULT_SPIN: fault_spin(); return true;
	case FAULT_SLEEP: fault_sleep(); return true;
	case FAULT_CRASH: fault_crash(); return true;
	default: return false;
	}
}
