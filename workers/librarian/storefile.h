/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of the store: certificates of authorities, PEM or one in DER. */
#ifndef LIBRARIAN_STOREFILE_H
#define LIBRARIAN_STOREFILE_H

#include "plugins/chain/pool.h"

/*
 * Adds the authorities in it to the pool; whatever else a folder of
 * certificates has in it is passed over. What is damaged is said in warning
 * (of MSG_TEXT_MAX bytes). Returns 0, or -ENOMEM.
 */
int storefile_read(struct pool *p, int fd, char *warning);

#endif
