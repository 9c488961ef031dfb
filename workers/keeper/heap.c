/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

#define START_BRK 47	/* its field in /proc/PID/stat, proc(5) */

/* There is one heap in a process. */
static struct { uintptr_t begin, locked; } heap;

/* ---- wiping ---- */

#ifndef WITH_SANITIZERS

/* The next one, not the C library's by its other name: valgrind has one of its own. */
static void give_back(void *p)
{
	static void (*next)(void *p);

	if (!next)
		next = (void (*)(void *))(uintptr_t)dlsym(RTLD_NEXT, "free");
	next(p);
}

void free(void *p)
{
	if (!p)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	give_back(p);
}

/* The library's own would leave what it moves behind. */
void *realloc(void *p, size_t size)
{
	size_t had = p ? malloc_usable_size(p) : 0;

	if (p && size == 0) {
		free(p);
		return NULL;
	}
	if (p && size <= had)
		return p;
	void *larger = malloc(size);
	if (!larger || !p)
		return larger;
	memcpy(larger, p, had);
	free(p);
	return larger;
}

#endif

/* ---- locking ---- */

/* The sanitizers' heap is none that could be locked. */
#ifdef WITH_SANITIZERS
int heap_begin(void)
{
	return -ENOTSUP;
}
#else
/* The name of a program may have spaces and brackets in it; fields are counted from its end. */
static uintptr_t start_of_heap(void)
{
	char text[1024] = "";
	FILE *f = fopen("/proc/self/stat", "re");
	const char *at = f && fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;

	if (f)
		fclose(f);
	for (int field = 2; at && field < START_BRK; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? (uintptr_t)strtoull(at, NULL, 10) : 0;
}

int heap_begin(void)
{
	if (!mallopt(M_MMAP_MAX, 0))
		return -ENOTSUP;
	heap.begin = heap.locked = start_of_heap();
	return heap.begin > 1 ? 0 : -ENOENT;
}
#endif

bool heap_lock(void)
{
	uintptr_t end = (uintptr_t)sbrk(0);

	if (heap.begin <= 1)
		return false;
	if (end <= heap.locked) {
		heap.locked = end;	/* it may have shrunk; what comes back is not locked */
		return true;
	}
	if (mlock((void *)heap.locked, end - heap.locked) < 0)
		return false;
	heap.locked = end;
	return true;
}

void heap_forked(void)
{
	heap.locked = heap.begin;
}
