/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap of processes that hold keys. To link it is to replace free() and
 * realloc() of the program and its libraries: what is given back is wiped, so
 * that no byte of a key outlives its owner, whoever that is. And what is in use
 * is kept from being swapped out, as far as the limit on locked memory allows.
 */
#ifndef KEEPER_HEAP_H
#define KEEPER_HEAP_H

#include <stdbool.h>

/*
 * All of the heap is in one piece from now on. Before the sandbox: it asks the
 * kernel where that begins. 0 or a negative errno: it cannot be locked.
 */
int heap_begin(void);

/*
 * Locks what the heap has grown by; costs next to nothing if it has not. False
 * if any of it is not locked. A child of fork(2) has nothing locked, and calls
 * heap_forked() first.
 */
bool heap_lock(void);
void heap_forked(void);

#endif
