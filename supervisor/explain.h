/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the advisor what would be decided; answers clients of the control socket. */
#ifndef SUPERVISOR_EXPLAIN_H
#define SUPERVISOR_EXPLAIN_H

#include <ev.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/conf.h"

struct call;
struct supervisor;

#define EXPLAIN_MAX 16		/* questions that may be open */
#define EXPLAIN_FROM "192.0.2.1"	/* the client's address if none is given (RFC 5737) */

struct explain {
	struct { uint32_t ticket; char host[256], from[64], listener[CONF_NAME_MAX + 1]; } asked[EXPLAIN_MAX];
	ev_timer deadline;
};

void explain_init(struct supervisor *s);
/* Nobody is answered any more. */
void explain_stop(struct supervisor *s);

/* What is asked about; host "" for none. */
struct explain_question {
	const char *host, *from;
	const struct conf_listener *listener;
	struct chain_order sources;	/* of chains, as configured */
	uint8_t alpn[1024];
	size_t alpn_size;
};
/* Adds protocols with commas between to alpn; 0 or -EINVAL. */
int explain_alpn(struct explain_question *q, const char *protocols);
struct msg_explain_req explain_message(const struct explain_question *q);

/* Sends it; the client of the call is answered later, or has failed now. */
void explain_ask(struct call *call, const struct explain_question *q);

/* From the advisor. */
void explain_on_answer(struct supervisor *s, const struct msg *m);
void explain_on_advisor_down(struct supervisor *s);

/* "unrecognized_name" of a TLS alert's number (RFC 8446 6), or "unknown". */
const char *explain_alert(uint8_t alert);

#endif
