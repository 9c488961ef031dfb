/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/spki.h"

#include <string.h>

#define HEAD(text) text, sizeof text - 1

/* RFC 5480 2: id-ecPublicKey with a named curve, then a BIT STRING with the point. */
const struct spki_form spki_forms[SPKI_FORMS] = {
	[SPKI_P256] = { 256, HEAD("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
		"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"), 65 },
	[SPKI_P384] = { 384, HEAD("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
		"\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"), 97 },
};

int spki_form_of(const uint8_t *spki, size_t size)
{
	for (int i = 0; i < SPKI_FORMS; i++) {
		const struct spki_form *f = &spki_forms[i];
		if (size == f->head_size + f->point_size && memcmp(spki, f->head, f->head_size) == 0 && spki[f->head_size] == 4)
			return i;
	}
	return -1;
}
