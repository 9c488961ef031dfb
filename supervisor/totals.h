/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a place of a process has counted over all the processes that had it, so
 * that no sum goes backwards when one of them ends and its ledger with it.
 */
#ifndef SUPERVISOR_TOTALS_H
#define SUPERVISOR_TOTALS_H

#include "common/ledger.h"

/* Of the processes before the one whose ledger is mapped. All zero: none. */
struct totals {
	uint64_t counters[COUNT_COUNT], ends[END_COUNT];
	struct ledger_server servers[LEDGER_SERVERS];
	struct ledger_policy policies[LEDGER_POLICIES];
};

/* The ledger is about to be replaced. */
void totals_keep(struct totals *t, const struct ledger *l);

/* With what the ledger (it may be unmapped) has now. */
uint64_t totals_counter(const struct totals *t, const struct ledger *l, enum counter c);
uint64_t totals_end(const struct totals *t, const struct ledger *l, enum end e);
/* Adds what came of a server of a backend to *sum; the longest rest counts. */
void totals_server(const struct totals *t, const struct ledger *l, const char *backend, const char *label,
	struct ledger_server *sum);
/*
 * The same for the script of that file name; the latest error counts. Scripts
 * that were not in the last policy of a process are forgotten with it.
 */
void totals_policy(const struct totals *t, const struct ledger *l, const char *file, struct ledger_policy *sum);

#endif
