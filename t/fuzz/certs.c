/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes the reading of files of certificates (PEM), and of a host set's text. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hostset.h"
#include "common/hostset_build.h"
#include "common/names.h"
#include "workers/librarian/certs.h"

#define NOW 1795280000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void read_certs(const uint8_t *data, size_t size)
{
	char again[NAME_BYTES];
	struct certs c;
	int rc = certs_parse(&c, data, size, NOW);

	must(rc < 0 ? c.error[0] != '\0' : c.names_n > 0 && c.cert && c.der.size > 0);
	for (uint32_t i = 0; rc == 0 && i < c.names_n; i++)
		must(name_normalize(c.names[i], strlen(c.names[i]), true, again) && strcmp(again, c.names[i]) == 0);
	certs_clear(&c);
}

/* What is made of it is taken back. */
static void read_set(const uint8_t *data, size_t size)
{
	char error[256] = "";
	uint32_t names = 0;
	int fd = -1, rc = hostset_build((const char *)data, size, &fd, &names, error, sizeof error);

	if (rc < 0) {
		must(error[0] != '\0');
		return;
	}
	struct hostset *s = hostset_load(fd);
	must(s && hostset_names(s) == names);
	hostset_contains(s, "a.example.org");
	hostset_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_certs(data, size);
	read_set(data, size);
	return 0;
}
