/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the program tlsward-keeper from outside: plays its supervisor and the workers. */
#ifndef T_UNIT_KEEPER_FIXTURE_H
#define T_UNIT_KEEPER_FIXTURE_H

#include "config.h"

#include <sys/types.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/msg.h"
#include "t/unit/tlskeys.h"

#ifdef WITH_SANITIZERS
#define SANDBOX 0	/* their run-time library calls what the filter forbids */
#else
#define SANDBOX 1
#endif

struct play {
	pid_t pid;
	int log_fd;
	struct channel channel;
	struct ledger ledger;
	struct packet packet;
	struct msg m;		/* last message; points into packet */
	EVP_PKEY *key;		/* the only one that load_key() sends */
	uint8_t id[KEY_ID_BYTES];
};

/* A case whose state is a struct play with a keeper that runs and has no keys. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, keeper_setup, keeper_teardown)
int keeper_setup(void **state);
int keeper_teardown(void **state);
/* Waits for the keeper's end: its status, 128 and the signal, or -1 if it has not ended in time. */
int keeper_exit(struct play *p);

/* Sends the descriptor, which it takes, and hears the answer. */
void send_file(struct play *p, int fd, bool mixed);
void send_text(struct play *p, const char *text, bool mixed);
/* As a file that must be taken. */
void send_key(struct play *p, EVP_PKEY *key, bool old_form);
/* Returns how many ids came. */
size_t end_keys(struct play *p, uint8_t *ids, size_t room);
/* Both, with p->key. */
void load_key(struct play *p);

/* Gives the process id, or 0 and the error in p->m; *worker: our end. */
pid_t ask_for_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker);
/* The same, and it must come. */
pid_t start_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker);
/* What that worker gets for a TLS 1.3 CertificateVerify; a signature must be right. */
enum sign_error sign(struct play *p, struct channel *worker, EVP_PKEY *key, uint16_t scheme);
/* The server behind it has ended, or ends; clears the channel. */
void assert_ends(struct play *p, struct channel *worker);

/* The value behind "Name:" in /proc/PID/status. */
void process_status(pid_t pid, const char *name, char *out, size_t room);
void assert_status(pid_t pid, const char *name, const char *expected);

#endif
