/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the policy, in the advisor, what is to be done with a sick process. */
#ifndef SUPERVISOR_JUDGE_H
#define SUPERVISOR_JUDGE_H

#include <stdbool.h>

#include "common/msg.h"

#define JUDGE_MS 200

struct supervisor;
struct watched;

void judge_init(struct watched *p);
/* The question is void. */
void judge_forget(struct watched *p);
/*
 * Asks; what the policy wants is done when it answers, or the default when it
 * does not in time. False: there is nobody to ask.
 */
bool judge_ask(struct watched *p);

/* From the advisor. */
void judge_on_answer(struct supervisor *s, const struct msg *m);

#endif
