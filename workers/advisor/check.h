/* SPDX-License-Identifier: BSD-2-Clause */
/* The first look at a script: its file is read, compiled and run once, without host sets. */
#ifndef ADVISOR_CHECK_H
#define ADVISOR_CHECK_H

#include "common/msg.h"

#define SCRIPT_BYTES_MAX ((size_t)256 << 10)
#define CHECK_SETS_BYTES 4096

/*
 * Answers MSG_SCRIPT_REQ. *fd gets its text as a sealed memfd, or -1; `sets`
 * and `error` are memory for the answer's fields.
 */
void check_script(const struct msg_script_req *q, int file, struct msg_script_ans *a, int *fd,
	uint8_t sets[CHECK_SETS_BYTES], char error[MSG_TEXT_MAX]);

#endif
