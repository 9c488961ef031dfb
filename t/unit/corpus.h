/* SPDX-License-Identifier: BSD-2-Clause */
/* The corpus of a fuzzer, whose files' names say what comes of them. */
#ifndef UNIT_CORPUS_H
#define UNIT_CORPUS_H

#include <stddef.h>
#include <stdint.h>

/* What one file holds; lent. */
typedef void corpus_replay(const char *name, const uint8_t *data, size_t size);

/* All files of t/fuzz/NAME-corpus, which must be there: how many they are. */
size_t corpus_each(const char *name, corpus_replay *replay);

#endif
