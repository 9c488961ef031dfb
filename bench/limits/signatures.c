/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/limits/signatures.h"

#include <dlfcn.h>
#include <gnutls/abstract.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static unsigned count;
static uint64_t sum_ns;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int gnutls_privkey_sign_data2(gnutls_privkey_t key, gnutls_sign_algorithm_t algo, unsigned flags,
	const gnutls_datum_t *data, gnutls_datum_t *signature)
{
	static int (*sign)(gnutls_privkey_t, gnutls_sign_algorithm_t, unsigned, const gnutls_datum_t *, gnutls_datum_t *);

	if (!sign) {
		void *found = dlsym(RTLD_NEXT, "gnutls_privkey_sign_data2");
		if (!found)
			return GNUTLS_E_PK_SIGN_FAILED;
		memcpy(&sign, &found, sizeof sign);	/* ISO C knows no conversion to a function */
	}
	uint64_t began = cpu_ns();
	int rc = sign(key, algo, flags, data, signature);
	sum_ns += cpu_ns() - began;
	count++;
	return rc;
}

void signatures_print(void)
{
	printf("{\"signatures\":%u,\"cpu_us\":%.3f}\n", count, count ? (double)sum_ns / 1000 / count : 0);
}
