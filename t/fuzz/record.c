/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the reading of files of the cache: what is read is written and read the same again. */
#include <stdlib.h>
#include <string.h>

#include "workers/librarian/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r, again;
	const char *why = "";

	if (record_parse(&r, (const char *)data, size, &why) < 0) {
		must(*why != '\0' && r.body.size == 0);
		return 0;
	}
	char *text = record_text(&r);
	must(text && record_parse(&again, text, strlen(text), &why) == 0);
	must(again.kind == r.kind && strcmp(again.id, r.id) == 0 && strcmp(again.url, r.url) == 0 && strcmp(again.error, r.error) == 0);
	must(again.failures == r.failures && again.body.size == r.body.size);
	must(r.body.size == 0 || memcmp(again.body.data, r.body.data, r.body.size) == 0);
	free(text);
	record_clear(&r);
	record_clear(&again);
	return 0;
}
