/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the parser: a ClientHello built piece by piece, and what is to come of it. cmocka.h comes before. */
#ifndef T_UNIT_HELLO_SAMPLE_H
#define T_UNIT_HELLO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "workers/worker/hello.h"

/* What a test varies; the rest is a plain, good ClientHello. */
struct sample {
	uint16_t version;
	uint16_t ciphers[300];
	size_t n_ciphers;
	size_t session_id_bytes;
	uint8_t compression;
	bool no_extensions;
	uint8_t ext_mem[20000];
	struct buf ext;
};

/* To be freed by the one who parses it, or with free(). */
struct sample *new_sample(void);
/* An extension; one that lists numbers of 16 bits; server_name with that host. */
void add(struct sample *s, uint16_t type, const void *body, size_t size);
void add_numbers(struct sample *s, uint16_t type, size_t count, const uint16_t *list);
void add_name(struct sample *s, const char *name, size_t size);
/* A name of that many bytes, in labels. */
void fill_name(char *name, size_t size);

/* The handshake message with its header; and cut into records of at most `each` bytes. Both give their size. */
size_t message(const struct sample *s, uint8_t *out, size_t cap);
size_t records(const uint8_t *msg, size_t size, size_t each, uint8_t *out, size_t cap);

/* On memory of its own, so that sanitizers and valgrind see a read too far. parse() begins anew, parse_copy() goes on with h. */
enum hello_result parse_copy(const uint8_t *data, size_t size, struct hello *h);
enum hello_result parse(const uint8_t *data, size_t size, struct hello *h);
/* These free the sample. */
enum hello_result parse_sample(struct sample *s, struct hello *h);
void assert_bad(struct sample *s, enum hello_alert alert, const char *why);

void assert_raw_bad(const void *data, size_t size, enum hello_alert alert, const char *why);
/* sni NULL: the client named none. */
void assert_sni(const char *name, size_t size, const char *sni);
void assert_bad_sni(const char *name, size_t size, const char *why);

#define NUMBERS(s, type, ...) \
	add_numbers(s, type, sizeof((uint16_t[]){ __VA_ARGS__ }) / 2, (uint16_t[]){ __VA_ARGS__ })

#endif
