/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/storefile.h"

#include <errno.h>

#include "workers/librarian/file.h"
#include "workers/librarian/pem.h"
#include "workers/librarian/words.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* Takes c. */
static int add(struct pool *p, struct chain_cert *c, char *warning)
{
	int rc = pool_add(p, c);

	chain_cert_unref(c);
	if (rc == -E2BIG)
		words_say(warning, "the store holds more than %d certificates; the rest is left out", POOL_CERTS_MAX);
	return rc;
}

static int add_all(struct pool *p, const char *pem, size_t size, char *warning)
{
	const char *at = pem, *end = pem + size;
	struct pem_block b;
	unsigned n = 0, bad = 0;
	int rc = 0;

	while (rc >= 0 && pem_next(&at, end, &b)) {
		if (!pem_is_certificate(&b))
			continue;
		n++;
		struct chain_cert *c = b.cut ? NULL : chain_cert_from_pem(b.text, b.size);
		if (c)
			rc = add(p, c, warning);
		else if (!b.cut && errno == ENOMEM)
			return -ENOMEM;
		else if (bad++ == 0)
			words_say(warning, "certificate %u in it is damaged and left out", n);
	}
	if (bad > 1)
		words_say(warning, "and %u more of them", bad - 1);
	return rc == -ENOMEM ? rc : 0;
}

int storefile_read(struct pool *p, int fd, char *warning)
{
	size_t size;
	char *data;

	if (file_read(fd, FILE_BYTES_MAX, &data, &size, warning) < 0)
		return 0;
	int rc;
	struct chain_cert *c = size > 0 && data[0] == 0x30 ? chain_cert_new(data, size) : NULL;
	if (c)
		rc = add(p, c, warning);
	else
		rc = add_all(p, data, size, warning);
	file_forget(data, size);
	return rc == -ENOMEM ? rc : 0;
}
