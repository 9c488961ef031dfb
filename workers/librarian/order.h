/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One order on its way: what is asked for it, the uacme that runs, the hook
 * that waits for an answer, the challenge that is open. What is ordered when
 * is acme.c's.
 */
#ifndef LIBRARIAN_ORDER_H
#define LIBRARIAN_ORDER_H

#include "workers/librarian/acme_names.h"
#include "workers/librarian/hook.h"

#define ORDER_OUTPUT_MAX 4096	/* the end of what uacme has written */

enum order_stage {
	ORDER_FREE,
	ORDER_ASKED,		/* policy and keeper are */
	ORDER_RUNS		/* uacme does */
};

/* What the hook waits for: of an http-01 challenge the runner, of a tls-alpn-01 challenge the others. */
enum order_wait { ORDER_WAITS_NOT, ORDER_WAITS_RUNNER, ORDER_WAITS_KEEPER, ORDER_WAITS_WORKERS };

struct order {
	enum order_stage stage;
	uint32_t id;			/* of all that is asked for it */
	struct acme_name *name;
	uint64_t deadline_ns;		/* of what is asked; of uacme, which the runner kills before */
	bool account;			/* uacme was told to make the account first */
	int hook, output;		/* sockets and pipe; owned; -1: closed */
	uint8_t key_id[KEY_ID_BYTES];	/* of the request */
	char text[ORDER_OUTPUT_MAX + 1];
	size_t text_n;

	enum order_wait waits;
	uint32_t generation;		/* of the challenges that must be with the workers */
	uint8_t *certificate;		/* of the challenge that is open; owned */
	size_t certificate_size;
};

void order_init(struct order *o);	/* ORDER_FREE */
/* Closes what is open: ORDER_FREE. */
void order_clear(struct order *o);

/* Its descriptors for a runner; the far ends, the caller's to close. 0 or a negative errno. */
int order_open(struct order *o, int *hook, int *output);
/* Reads what uacme has written. */
void order_read_output(struct order *o);
/* One call of the hook; false: none now. packet (HOOK_PACKET_MAX) holds it. */
bool order_read_hook(struct order *o, char *packet, struct hook_call *call);
void order_answer_hook(struct order *o, bool accepted);

/* The challenge is over, its certificate goes. True if there was one. */
bool order_end_challenge(struct order *o);

/* What uacme said of its failure, for people: the problem that the CA told, or the last line. */
void order_problem(const struct order *o, char *text, size_t size);

#endif
