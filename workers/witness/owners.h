/* SPDX-License-Identifier: BSD-2-Clause */
/* Which connection of a worker a descriptor belongs to, by its ledger. */
#ifndef WITNESS_OWNERS_H
#define WITNESS_OWNERS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ledger.h"

struct owner {
	int fd;
	uint32_t slot;
	bool backend;			/* it is the socket to the backend */
};

struct owners {
	const struct ledger *ledger;
	struct owner *list;		/* by fd */
	size_t n;
	uint64_t now_ns;
};

/* OWNER_UNTOLD: the process does not tell which of the descriptors that it got later are its own. */
enum owner_kind { OWNER_NOBODY, OWNER_SELF, OWNER_CONNECTION, OWNER_UNTOLD };
const char *owner_kind_name(enum owner_kind k);

/* The ledger is lent and has to be mapped until owners_clear(). 0 or -ENOMEM. */
int owners_init(struct owners *o, const struct ledger *l, uint64_t now_ns);
void owners_clear(struct owners *o);

enum owner_kind owners_find(const struct owners *o, int fd, const struct owner **owner);
/* The connection as far as it says what the descriptor is for. */
json_t *owners_view(const struct owners *o, const struct owner *owner);

#endif
