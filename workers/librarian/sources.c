/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/sources.h"

static const struct {
	const struct chain_ops *ops;
	size_t self;		/* where in struct sources what it works with is; 0 with none: unused */
	bool has_self;
} linked[] = {
	{ .ops = &chain_file },
	{ .ops = &chain_store, .self = offsetof(struct sources, store), .has_self = true },
	{ .ops = &chain_cache, .self = offsetof(struct sources, fetched), .has_self = true },
	{ .ops = &chain_aia, .self = offsetof(struct sources, fetched), .has_self = true },
	{ .ops = &chain_acme, .self = offsetof(struct sources, ordered), .has_self = true },
};

static struct chain_use use_of(const struct sources *s, enum chain_source source)
{
	for (size_t i = 0; i < sizeof linked / sizeof linked[0]; i++)
		if (linked[i].ops->source == source)
			return (struct chain_use){ linked[i].ops,
				linked[i].has_self ? *(void *const *)((const char *)s + linked[i].self) : NULL };
	return (struct chain_use){ .ops = NULL };
}

void sources_use(const struct sources *s, const struct chain_order *order, struct chain_use uses[SOURCES_MAX + 1])
{
	int n = 0;

	for (int i = 0; i < order->n; i++) {
		uses[n] = use_of(s, order->at[i]);
		n += uses[n].ops != NULL;
	}
	uses[n].ops = NULL;
}
