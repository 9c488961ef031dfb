/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "t/unit/control_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/roles.h"
#include "supervisor/workers.h"

#define READ_DEADLINE_S 20
#define NO_PROCESS 1000000000	/* past every pid_max */

static char name_https[] = "https", name_imaps[] = "imaps", group[] = "", admin[] = "64010", admin_group[] = "@64020";
static char user[] = "64001", keeper_user[] = "64002", librarian_user[] = "64003";
static char *admins[] = { admin, admin_group, NULL };

/* No process: its number is one that is never given, and its channel is closed. */
static void make_child(struct fixture *f, struct child *c, const struct child_ops *ops, uint32_t index)
{
	child_init(c, &f->s, ops, index);
	c->generation = 1;
	c->state = CHILD_READY;
	c->introduced = true;
	c->pid = NO_PROCESS + (pid_t)index;
	c->state_since_ns = f->now_ns - 50 * SECOND_NS;
	c->started_ns = f->now_ns - 60 * SECOND_NS;
}

static void make_worker(struct fixture *f, int i)
{
	struct child *w = &f->s.workers[i];
	int fd;

	make_child(f, w, &worker_ops, (uint32_t)i + 1);
	assert_int_equal(ledger_new(&w->ledger, &fd, ROLE_WORKER, w->index, 1, FIXTURE_CONNS, FIXTURE_ENDED), 0);
	assert_int_equal(ledger_attach(&f->writers[i], fd), 0);
	close(fd);
	ledger_heartbeat(&f->writers[i], f->now_ns);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	*state = f;
	log_init(open("/dev/null", O_WRONLY | O_CLOEXEC), "test", LOG_LEVEL_INFO);
	f->now_ns = ledger_now_ns();
	strcpy(f->dir, "/tmp/control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	chmod(f->dir, 0755);
	snprintf(f->path, sizeof f->path, "%s/run/control.sock", f->dir);
	f->listeners[0].name = name_https;
	f->listeners[1].name = name_imaps;
	f->conf = (struct conf){ .user = user, .keeper_user = keeper_user, .librarian_user = librarian_user,
		.control = { .socket = f->path, .group = group, .admins = admins },
		.listeners = f->listeners, .listeners_n = 2 };
	f->s = (struct supervisor){ .conf = &f->conf, .started_ns = f->now_ns - 90 * SECOND_NS,
		.names = 5, .certificates = 3, .workers_n = FIXTURE_WORKERS, .workers_wanted = FIXTURE_WORKERS,
		.listener_names = f->listener_names, .listener_names_n = 2 };
	f->listener_names[0] = name_https;
	f->listener_names[1] = name_imaps;
	make_child(f, &f->s.keeper, &keeper_ops, 0);
	make_child(f, &f->s.librarian, &librarian_ops, 0);
	make_child(f, &f->s.logger, &logger_ops, 0);
	for (int i = 0; i < FIXTURE_WORKERS; i++)
		make_worker(f, i);
	return 0;
}

static void on_term(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)w; (void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static int serve(struct fixture *f, int fd)
{
	ev_signal term;

	f->s.loop = ev_loop_new(EVFLAG_NOENV);
	ev_signal_init(&term, on_term, SIGTERM);
	ev_signal_start(f->s.loop, &term);
	f->s.control = control_new(&f->s, fd);
	if (!f->s.control)
		return 99;
	if (f->in_server)
		f->in_server(f);
	ev_run(f->s.loop, 0);
	control_free(f->s.control);
	ev_signal_stop(f->s.loop, &term);
	ev_loop_destroy(f->s.loop);
	return 0;
}

void fixture_serve(struct fixture *f)
{
	char err[512];
	int fd = control_listen(&f->conf, err, sizeof err);

	assert_true(fd >= 0);
	/* What the parent has not printed yet must not be printed twice. */
	fflush(NULL);
	f->server = fork();
	assert_true(f->server >= 0);
	if (f->server == 0)
		exit(serve(f, fd));
	close(fd);
}

static void end_server(struct fixture *f)
{
	int status;

	if (f->server == 0)
		return;
	kill(f->server, SIGTERM);
	assert_int_equal(waitpid(f->server, &status, 0), f->server);
	assert_int_equal(status, 0);
	assert_int_equal(access(f->path, F_OK), -1);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	char dir[64];

	end_server(f);
	for (int i = 0; i < FIXTURE_WORKERS; i++) {
		ledger_clear(&f->writers[i]);
		ledger_clear(&f->s.workers[i].ledger);
	}
	snprintf(dir, sizeof dir, "%s/run", f->dir);
	rmdir(dir);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

struct ledger_conn *fixture_conn(struct fixture *f, int w, uint32_t slot, enum phase phase, const char *peer,
	const char *sni, unsigned age_s)
{
	struct ledger_conn *c = &f->writers[w - 1].conns[slot];
	struct addr a;

	assert_int_equal(addr_from_ip(&a, peer, 40000), 0);
	ledger_conn_begin(c);
	c->phase = phase;
	c->id = (uint64_t)w << 40 | (slot + 1);
	c->peer = a.ss;
	c->accepted_ns = c->phase_since_ns = f->now_ns - age_s * SECOND_NS;
	c->deadline = DEADLINE_COUNT;
	snprintf(c->sni, sizeof c->sni, "%s", sni);
	ledger_conn_end(c);
	return c;
}

void fixture_end(struct fixture *f, int w, struct ledger_conn *c, enum end end)
{
	c->end = end;
	c->phase = PHASE_CLOSING;
	c->ended_ns = f->now_ns;
	ledger_add(&f->writers[w - 1].head->ends[end], 1);
	ledger_conn_retire(&f->writers[w - 1], c);
}

int fixture_connect(const struct fixture *f)
{
	const struct timeval deadline = { .tv_sec = READ_DEADLINE_S };
	struct addr a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(addr_from_path(&a, f->path), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a.ss, a.len), 0);
	return fd;
}

void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

char *read_line(int fd)
{
	size_t size = 0, cap = 0;
	char *line = NULL;

	for (;;) {
		if (size + 1 >= cap) {
			cap = cap ? 2 * cap : 65536;
			line = realloc(line, cap);
			assert_non_null(line);
		}
		/* What follows the line has to stay in the socket. */
		ssize_t n = recv(fd, line + size, cap - size - 1, MSG_PEEK);
		char *newline = n > 0 ? memchr(line + size, '\n', (size_t)n) : NULL;
		if (n <= 0) {
			assert_true(n == 0 || errno == ECONNRESET);
			free(line);
			return NULL;
		}
		size_t take = newline ? (size_t)(newline - (line + size)) + 1 : (size_t)n;
		assert_int_equal(recv(fd, line + size, take, 0), take);
		size += take;
		line[size] = '\0';
		if (newline)
			return line;
	}
}

json_t *ask_line(const struct fixture *f, const char *line)
{
	int fd = fixture_connect(f);

	send_text(fd, line);
	send_text(fd, "\n");
	char *answer = read_line(fd);
	assert_non_null(answer);
	json_t *v = json_loads(answer, 0, NULL);
	assert_true(json_is_object(v));
	free(answer);
	close(fd);
	return v;
}

json_t *ask_for_room(const struct fixture *f, const char *line)
{
	for (int tries = 0; tries < 1000; tries++, usleep(10000)) {
		int fd = fixture_connect(f);
		/* One that is refused may be closed by now. */
		send(fd, line, strlen(line), MSG_NOSIGNAL);
		char *answer = read_line(fd);
		json_t *v = answer ? json_loads(answer, 0, NULL) : NULL, *result = json_incref(json_object_get(v, "result"));
		json_decref(v);
		free(answer);
		shutdown(fd, SHUT_WR);
		close(fd);
		if (result)
			return result;
	}
	fail_msg("there is no room");
	return NULL;
}

json_t *ask(const struct fixture *f, const char *method, const char *params)
{
	char line[1024];

	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}", method, params ? params : "{}");
	json_t *answer = ask_line(f, line), *result = json_incref(json_object_get(answer, "result"));
	assert_non_null(result);
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), 7);
	json_decref(answer);
	return result;
}

int ask_wrong(const struct fixture *f, const char *line, char *text)
{
	json_t *answer = ask_line(f, line), *error = json_object_get(answer, "error");

	assert_non_null(error);
	assert_null(json_object_get(answer, "result"));
	int code = (int)json_integer_value(json_object_get(error, "code"));
	snprintf(text, 512, "%s", json_string_value(json_object_get(error, "message")));
	json_decref(answer);
	return code;
}

json_int_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

void assert_text(const json_t *o, const char *key, const char *expected)
{
	const char *v = json_string_value(json_object_get(o, key));

	assert_non_null(v);
	assert_string_equal(v, expected);
}
