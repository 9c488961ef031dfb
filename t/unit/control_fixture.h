/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A supervisor made up for tests of the control socket: three workers with
 * ledgers that the test writes, served by a process of its own.
 */
#ifndef T_UNIT_CONTROL_FIXTURE_H
#define T_UNIT_CONTROL_FIXTURE_H

#include <jansson.h>
#include <sys/types.h>

#include "supervisor/supervisor.h"

#define FIXTURE_WORKERS 3
#define FIXTURE_CONNS 2048
#define FIXTURE_ENDED 8
#define SECOND_NS 1000000000ull

struct fixture {
	char dir[32], path[64];
	struct supervisor s;
	struct conf conf;
	struct conf_listener listeners[2];
	char *listener_names[2];
	struct ledger writers[FIXTURE_WORKERS];	/* what worker i + 1 would write */
	uint64_t now_ns;
	pid_t server;				/* 0: none */
	void (*in_server)(struct fixture *f);	/* called by the server before it serves; or NULL */
};

/* Setup and teardown for cmocka: the state is a struct fixture, not served yet. */
int fixture_setup(void **state);
/* Fails if the server did not end well or left its socket. */
int fixture_teardown(void **state);
/* Starts the server; what was written to f->s before is what it knows. */
void fixture_serve(struct fixture *f);

/* A record for worker w (1...) at slot, accepted age_s ago, to be changed by the test. */
struct ledger_conn *fixture_conn(struct fixture *f, int w, uint32_t slot, enum phase phase, const char *peer,
	const char *sni, unsigned age_s);
/* Ends that record now. */
void fixture_end(struct fixture *f, int w, struct ledger_conn *c, enum end end);

/* A blocking client whose reads fail after 20 s. */
int fixture_connect(const struct fixture *f);
void send_text(int fd, const char *text);
/* One line, from malloc; NULL at the end of the stream. */
char *read_line(int fd);
/* Sends a line on a new connection; the answer. */
json_t *ask_line(const struct fixture *f, const char *line);

/*
 * The result, asked for (with a newline) again and again until there is room for
 * one more client. Each shuts its sending side first, as `echo ... | nc -N` does.
 */
json_t *ask_for_room(const struct fixture *f, const char *line);
/* The result of method with params (JSON text or NULL); fails on an error. */
json_t *ask(const struct fixture *f, const char *method, const char *params);
/* The code of the error; its message goes to text (512 bytes). Fails if there is none. */
int ask_wrong(const struct fixture *f, const char *line, char *text);
/* Members of an answer: an integer that must be there, and a string that must be that. */
json_int_t number(const json_t *o, const char *key);
void assert_text(const json_t *o, const char *key, const char *expected);

#endif
