/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of pki.h as chains are built of them. */
#ifndef UNIT_PKI_CHAIN_H
#define UNIT_PKI_CHAIN_H

#include "plugins/chain/cert.h"
#include "t/unit/pki.h"

/* A reference; whatever fails ends the test. */
struct chain_cert *pki_chain_cert(const struct pki_cert *c);

#endif
