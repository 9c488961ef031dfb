/* SPDX-License-Identifier: BSD-2-Clause */
/* The first look at a script: its file is read, compiled and run once, without host sets. */
#ifndef ADVISOR_CHECK_H
#define ADVISOR_CHECK_H

#include "common/msg.h"

#define SCRIPT_BYTES_MAX ((size_t)256 << 10)
#define CHECK_SETS_BYTES 4096

/* What the answer's fields point into. */
struct check_memory {
	uint8_t sets[CHECK_SETS_BYTES], wrong[MSG_WRONG_MAX];
	char error[MSG_TEXT_MAX];
};

/*
 * Answers MSG_SCRIPT_REQ. *fd gets its text as a sealed memfd, or -1 if it has
 * an error or a setting is wrong.
 */
void check_script(const struct msg_script_req *q, int file, struct msg_script_ans *a, int *fd, struct check_memory *m);

#endif
