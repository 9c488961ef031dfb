/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc tells of a process without its help: where it sleeps, and that it lives. */
#ifndef WITNESS_PROC_H
#define WITNESS_PROC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From the text of /proc/PID/stat: its state (a letter) and start time. False if it is none. */
bool proc_parse_stat(const char *text, char *state, uint64_t *start);
/* The text of /proc/PID/syscall in words, never arguments but a descriptor: "epoll_wait on descriptor 4". */
void proc_parse_syscall(const char *text, char *out, size_t size);

/* Its state, 0 if there is no process with that number that started then. */
char proc_state(pid_t pid, uint64_t start);

json_t *proc_view(pid_t pid);

#endif
