/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator should know about the chain of a certificate when it is loaded. */
#ifndef LIBRARIAN_REMARKS_H
#define LIBRARIAN_REMARKS_H

#include "workers/librarian/build.h"
#include "workers/librarian/certs.h"

/* Appends to c->warning. */
void remarks_on_chain(struct certs *c, const struct built *b, int64_t now);

#endif
