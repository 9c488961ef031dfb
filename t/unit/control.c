/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/control*.c, rpc.c, methods.c, rights.c and view.c over a real socket; connections.c has its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/control.h"
#include "supervisor/rights.h"
#include "supervisor/rpc.h"
#include "t/unit/control_fixture.h"

#define STATUS "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n"

static void status_adds_the_workers_up(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < FIXTURE_WORKERS; i++) {
		ledger_set(&f->writers[i].head->counters[COUNT_ACCEPTED], 10);
		ledger_set(&f->writers[i].head->gauges[GAUGE_CONNS], 2);
		ledger_set(&f->writers[i].head->gauges[GAUGE_CATALOG_GENERATION], 4);
		ledger_set(&f->writers[i].head->ends[END_CLIENT_CLOSED], 3);
	}
	fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	fixture_conn(f, 2, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	fixture_conn(f, 3, 5, PHASE_HELLO, "192.0.2.1", "", 1);
	f->s.keeper.deaths = 2;
	strcpy(f->s.keeper.last_death, "killed by signal 9 (Killed)");
	strcpy(f->s.workers[1].missing, "landlock: not in this kernel");
	fixture_serve(f);
	json_t *r = ask(f, "status", NULL), *keeper = json_object_get(json_object_get(r, "processes"), "keeper");
	assert_int_equal(number(json_object_get(r, "counters"), "accepted"), 30);
	assert_int_equal(number(json_object_get(r, "counters"), "bytes_up"), 0);
	assert_int_equal(number(json_object_get(r, "gauges"), "connections"), 6);
	assert_int_equal(number(json_object_get(r, "gauges"), "catalog_generation"), 4);
	assert_int_equal(number(json_object_get(r, "phases"), "relay"), 2);
	assert_int_equal(number(json_object_get(r, "phases"), "hello"), 1);
	assert_int_equal(json_object_size(json_object_get(r, "ends")), 1);
	assert_int_equal(number(json_object_get(r, "ends"), "client_closed"), 9);
	assert_text(r, "state", "ready");
	assert_int_equal(number(r, "pid"), f->server);
	assert_true(number(r, "uptime_ms") >= 90000);
	assert_int_equal(number(r, "names"), 5);
	assert_int_equal(number(r, "certificates"), 3);
	assert_int_equal(json_array_size(json_object_get(r, "workers")), FIXTURE_WORKERS);
	assert_int_equal(number(keeper, "deaths"), 2);
	assert_text(keeper, "last_death", "killed by signal 9 (Killed)");
	assert_text(json_object_get(r, "protections_missing"), "worker", "landlock: not in this kernel");
	json_decref(r);
}

static void status_says_starting_until_a_worker_is_ready(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < FIXTURE_WORKERS; i++)
		f->s.workers[i].state = CHILD_STARTING;
	/* One that has never run has no ledger. */
	ledger_clear(&f->s.workers[2].ledger);
	f->s.workers[2].pid = 0;
	fixture_serve(f);
	json_t *r = ask(f, "status", NULL);
	assert_text(r, "state", "starting");
	json_decref(r);
}

static void status_says_stopping_once_told_to(void **state)
{
	struct fixture *f = *state;

	f->s.stopping = true;
	fixture_serve(f);
	json_t *r = ask(f, "status", NULL);
	assert_text(r, "state", "stopping");
	json_decref(r);
}

static void workers_and_worker_tell_of_each(void **state)
{
	struct fixture *f = *state;
	char text[512];

	ledger_set(&f->writers[1].head->counters[COUNT_BYTES_DOWN], 77);
	ledger_set(&f->writers[1].head->gauges[GAUGE_FDS], 12);
	fixture_conn(f, 2, 3, PHASE_HANDSHAKE, "192.0.2.9", "b.example.org", 2);
	ledger_doing(&f->writers[1], DOING_SIGN, 3);
	f->s.workers[0].state = CHILD_BACKOFF;
	f->s.workers[0].pid = 0;
	f->s.workers[0].backoff_ms = 400;
	fixture_serve(f);
	json_t *r = ask(f, "workers", NULL), *list = json_object_get(r, "workers");
	assert_text(json_array_get(list, 0), "state", "backoff");
	assert_int_equal(number(json_array_get(list, 0), "backoff_ms"), 400);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "pid")));
	assert_text(json_array_get(list, 1), "doing", "signing");
	assert_int_equal(number(json_array_get(list, 1), "descriptors"), 12);
	assert_int_equal(number(json_array_get(list, 1), "bytes_down"), 77);
	assert_true(number(json_array_get(list, 1), "heartbeat_ms_ago") < 30000);
	json_decref(r);
	r = ask(f, "worker", "{\"worker\":2}");
	assert_int_equal(json_object_size(json_object_get(r, "counters")), COUNT_COUNT);
	assert_int_equal(json_object_size(json_object_get(r, "gauges")), GAUGE_COUNT);
	assert_text(json_object_get(r, "doing_connection"), "sni", "b.example.org");
	json_decref(r);
	assert_int_equal(ask_wrong(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker\",\"params\":{\"worker\":4}}", text), RPC_NOT_FOUND);
	assert_non_null(strstr(text, "from 1 to 3"));
}

#define REQUEST(rest) "{\"jsonrpc\":\"2.0\",\"id\":1," rest "}"
#define CONNECTIONS(params) REQUEST("\"method\":\"connections\",\"params\":{" params "}")

static void errors_have_code_and_remedy(void **state)
{
	static const struct { const char *line; int code; const char *says; } cases[] = {
		{ "{", RPC_PARSE_ERROR, "no JSON" },
		{ "GET / HTTP/1.1", RPC_PARSE_ERROR, "no JSON" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"help\"}", RPC_PARSE_ERROR, "duplicate" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0000\",\"method\":\"help\"}", RPC_PARSE_ERROR, "no JSON" },
		{ "[]", RPC_INVALID_REQUEST, "one object per line" },
		{ "7", RPC_INVALID_REQUEST, "\"method\"" },
		{ "{\"id\":1,\"method\":\"status\"}", RPC_INVALID_REQUEST, "\"2.0\"" },
		{ REQUEST("\"params\":{}"), RPC_INVALID_REQUEST, "help" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"status\"}", RPC_INVALID_REQUEST, "\"id\"" },
		{ REQUEST("\"method\":\"\xc2\x9breboot\""), RPC_UNKNOWN_METHOD, "\"\\xc2\\x9breboot\"" },
		{ REQUEST("\"method\":\"reboot\""), RPC_UNKNOWN_METHOD, "the method help" },
		{ REQUEST("\"method\":\"status\",\"params\":[]"), RPC_INVALID_PARAMS, "by name" },
		{ REQUEST("\"method\":\"status\",\"params\":{\"x\":1}"), RPC_INVALID_PARAMS, "no such parameter" },
		{ REQUEST("\"method\":\"worker\""), RPC_INVALID_PARAMS, "worker: is missing" },
		{ REQUEST("\"method\":\"worker\",\"params\":{\"worker\":\"1\"}"), RPC_INVALID_PARAMS, "integer from 1 to 64" },
		{ CONNECTIONS("\"sin\":\"a\""), RPC_INVALID_PARAMS, "sin: connections has no such parameter; it takes phase, sni, peer" },
		{ CONNECTIONS("\"limit\":501"), RPC_INVALID_PARAMS, "limit: must be an integer from 1 to 500" },
		{ CONNECTIONS("\"limit\":1.5"), RPC_INVALID_PARAMS, "limit: must be an integer" },
		{ CONNECTIONS("\"ended\":1"), RPC_INVALID_PARAMS, "ended: must be a boolean" },
		{ CONNECTIONS("\"older\":-1"), RPC_INVALID_PARAMS, "older: must be a number, 0 or more" },
		{ CONNECTIONS("\"older\":\"5\""), RPC_INVALID_PARAMS, "older: must be a number" },
		{ CONNECTIONS("\"sni\":null"), RPC_INVALID_PARAMS, "sni: must be a string" },
		{ CONNECTIONS("\"phase\":\"dance\""), RPC_INVALID_PARAMS, "one of hello, hold" },
		{ CONNECTIONS("\"end\":\"none\""), RPC_INVALID_PARAMS, "no end reason" },
		{ CONNECTIONS("\"peer\":\"10.0.0\""), RPC_INVALID_PARAMS, "10.0.0.0/8" },
		{ CONNECTIONS("\"peer\":\"10.0.0.0/33\""), RPC_INVALID_PARAMS, "prefix" },
		{ CONNECTIONS("\"peer\":\"::/\""), RPC_INVALID_PARAMS, "prefix" },
		{ CONNECTIONS("\"listener\":\"smtp\""), RPC_INVALID_PARAMS, "none named \"smtp\"" },
		{ CONNECTIONS("\"worker\":4"), RPC_NOT_FOUND, "from 1 to 3" },
		{ CONNECTIONS("\"after\":{}"), RPC_INVALID_PARAMS, "after: must be" },
		{ CONNECTIONS("\"after\":{\"worker\":1,\"slot\":-1}"), RPC_INVALID_PARAMS, "after: must be" },
		{ CONNECTIONS("\"ended\":true,\"after\":{\"worker\":1,\"slot\":1}"), RPC_INVALID_PARAMS, "after: must be" },
		{ CONNECTIONS("\"ended\":true,\"after\":{\"worker\":1,\"slot\":1,\"ended_ns\":-1}"), RPC_INVALID_PARAMS, "after: must be" },
		{ CONNECTIONS("\"after\":7"), RPC_INVALID_PARAMS, "after: must be an object" },
	};
	struct fixture *f = *state;
	char text[512];

	fixture_serve(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int code = ask_wrong(f, cases[i].line, text);
		if (code != cases[i].code || !strstr(text, cases[i].says))
			print_error("%s\n  %d %s\n", cases[i].line, code, text);
		assert_int_equal(code, cases[i].code);
		assert_non_null(strstr(text, cases[i].says));
	}
}

static void ids_come_back_as_they_were(void **state)
{
	static const char *const ids[] = { "\"x\"", "12", "null", "1.5" };
	struct fixture *f = *state;
	char line[256];

	fixture_serve(f);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"help\"}", ids[i]);
		json_t *answer = ask_line(f, line);
		char *id = json_dumps(json_object_get(answer, "id"), JSON_ENCODE_ANY);
		assert_string_equal(id, ids[i]);
		free(id);
		json_decref(answer);
	}
}

static int id_of_next(int fd)
{
	char *line = read_line(fd);

	if (!line)
		return -1;
	json_t *answer = json_loads(line, 0, NULL);
	int id = (int)json_integer_value(json_object_get(answer, "id"));
	json_decref(answer);
	free(line);
	return id;
}

static void requests_of_one_connection_are_answered_in_order(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f);
	int fd = fixture_connect(f);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}\r\n\n \n{\"jsonrpc\":\"2.0\",\"id\":2,\"met");
	assert_int_equal(id_of_next(fd), 1);
	/* No id: carried out, not answered. */
	send_text(fd, "hod\":\"status\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"status\"}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"nope\"}\n");
	assert_int_equal(id_of_next(fd), 2);
	assert_int_equal(id_of_next(fd), 3);
	/* The last line may lack its newline if the client says that it ends. */
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"status\"}\n{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"status\"}");
	shutdown(fd, SHUT_WR);
	assert_int_equal(id_of_next(fd), 4);
	assert_int_equal(id_of_next(fd), 5);
	assert_int_equal(id_of_next(fd), -1);
	close(fd);
}

/* A request with some of its bytes changed, or bytes that never were one. */
static size_t spoil(unsigned char *line, size_t cap)
{
	static const char *const good[] = { STATUS, CONNECTIONS("\"limit\":3,\"after\":{\"worker\":1,\"slot\":2}") "\n",
		"[[[[{{\"\\ud800\"}}", "{\"jsonrpc\":\"2.0\",\"id\":1e999,\"method\":[]}\n" };
	const char *from = good[random() % 4];
	size_t n = strlen(from);

	memcpy(line, from, n);
	if (random() % 4 == 0)
		for (n = (size_t)random() % cap, from = NULL; n > 0 && random() % cap > 0; )
			line[--n] = (unsigned char)random();
	n = from ? n : (size_t)random() % cap;
	for (int changes = (int)(random() % 8); from && changes > 0; changes--)
		line[(size_t)random() % n] = (unsigned char)random();
	return n;
}

static void malformed_requests_leave_the_server_alive(void **state)
{
	struct fixture *f = *state;
	unsigned char line[4096] = { 0 };
	char sink[65536];

	srandom(1);
	fixture_serve(f);
	for (int i = 0; i < 1000; i++) {
		size_t n = spoil(line, sizeof line);
		int fd = fixture_connect(f);
		assert_int_equal(send(fd, line, n, MSG_NOSIGNAL), n);
		shutdown(fd, SHUT_WR);
		ssize_t got;
		while ((got = recv(fd, sink, sizeof sink, 0)) > 0)
			;
		assert_true(got == 0 || errno == ECONNRESET);
		close(fd);
	}
	json_decref(ask(f, "status", NULL));
}

static void a_deep_request_is_an_error(void **state)
{
	struct fixture *f = *state;
	char line[60001], text[512];

	memset(line, '[', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	fixture_serve(f);
	assert_int_equal(ask_wrong(f, line, text), RPC_PARSE_ERROR);
}

static void a_line_over_64_kb_is_cut_and_one_of_64_kb_is_not(void **state)
{
	struct fixture *f = *state;
	char *line = malloc(CONTROL_LINE_MAX + 2), *answer;

	assert_non_null(line);
	memset(line, ' ', CONTROL_LINE_MAX);
	memcpy(line, STATUS, strlen(STATUS) - 1);
	line[CONTROL_LINE_MAX - 1] = '\n';
	line[CONTROL_LINE_MAX] = '\0';
	fixture_serve(f);
	int fd = fixture_connect(f);
	send_text(fd, line);
	assert_int_equal(id_of_next(fd), 1);
	line[CONTROL_LINE_MAX - 1] = ' ';
	send_text(fd, line);
	answer = read_line(fd);
	assert_non_null(answer);
	assert_non_null(strstr(answer, "at most 65536 bytes"));
	assert_null(read_line(fd));
	close(fd);
	free(answer);
	free(line);
	json_decref(ask(f, "status", NULL));
}

static void a_flood_that_is_not_read_is_cut_while_others_are_served(void **state)
{
	struct fixture *f = *state;
	time_t end = time(NULL) + 60;
	int waits = 0;

	fixture_serve(f);
	int fd = fixture_connect(f);
	for (ssize_t n = 0; n >= 0 || errno == EAGAIN; ) {
		assert_true(time(NULL) < end);
		n = send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			json_decref(ask(f, "workers", NULL));
			waits++;
			errno = EAGAIN;
		}
	}
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(waits > 0);
	close(fd);
}

static void a_client_that_stops_reading_is_cut_after_a_while(void **state)
{
	struct fixture *f = *state;
	char params[64] = "{\"limit\":500}", line[256];
	struct pollfd p = { .events = 0 };

	for (uint32_t i = 0; i < 1000; i++)
		fixture_conn(f, 1, i, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	fixture_serve(f);
	p.fd = fixture_connect(f);
	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"connections\",\"params\":%s}\n", params);
	uint64_t begin = ledger_now_ns();
	/* More than a socket holds, less than what is cut at once. */
	for (int i = 0; i < 4; i++)
		send_text(p.fd, line);
	assert_int_equal(poll(&p, 1, (int)(CONTROL_STALL_S * 4000)), 1);
	assert_true(p.revents & POLLHUP);
	assert_true(ledger_now_ns() - begin > (uint64_t)(CONTROL_STALL_S * 0.9e9));
	close(p.fd);
}

static void more_than_32_clients_are_refused(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX];

	fixture_serve(f);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = fixture_connect(f);
		send_text(fds[i], STATUS);
		assert_int_equal(id_of_next(fds[i]), 1);
	}
	int fd = fixture_connect(f);
	char *refusal = read_line(fd);
	assert_non_null(refusal);
	assert_non_null(strstr(refusal, "-32000"));
	assert_null(read_line(fd));
	free(refusal);
	close(fd);
	close(fds[0]);
	/* Its place is free as soon as the server has seen it go. */
	json_decref(ask_for_room(f, STATUS));
	for (int i = 1; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void rights_follow_user_and_group(void **state)
{
	struct fixture *f = *state;
	gid_t plain[] = { 100 }, admins[] = { 100, 64020 };
	struct rights r;

	assert_int_equal(rights_init(&r, &f->conf), 0);
	assert_int_equal(rights_of(&r, 0, plain, 1), RIGHT_CHANGE);
	assert_int_equal(rights_of(&r, geteuid(), plain, 1), RIGHT_CHANGE);
	assert_int_equal(rights_of(&r, 64010, plain, 1), RIGHT_CHANGE);
	assert_int_equal(rights_of(&r, 64011, plain, 1), RIGHT_READ);
	assert_int_equal(rights_of(&r, 64011, admins, 2), RIGHT_CHANGE);
	assert_int_equal(rights_of(&r, 64001, admins, 2), RIGHT_NONE);
	assert_int_equal(rights_of(&r, 64003, admins, 2), RIGHT_NONE);
	rights_clear(&r);
}

static void a_role_that_runs_as_we_do_takes_no_right_from_us(void **state)
{
	struct fixture *f = *state;
	char self[16];
	gid_t plain[] = { 100 };
	struct rights r;

	snprintf(self, sizeof self, "%u", geteuid());
	f->conf.user = self;
	assert_int_equal(rights_init(&r, &f->conf), 0);
	assert_int_equal(rights_of(&r, geteuid(), plain, 1), RIGHT_CHANGE);
	assert_int_equal(r.roles_n, 2);
	rights_clear(&r);
}

/* What a process of that user and group gets to hear. */
static void hear_as(const struct fixture *f, uid_t uid, gid_t gid, char *text, size_t size)
{
	int out[2], status;

	assert_int_equal(pipe(out), 0);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		gid_t groups[] = { gid };
		if (setgroups(1, groups) < 0 || setresgid(99, 99, 99) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(1);
		int fd = fixture_connect(f);
		send(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}\n", 41, MSG_NOSIGNAL);
		char *line = read_line(fd);
		if (!line || write(out[1], line, strlen(line)) < 0)
			_exit(2);
		_exit(0);
	}
	close(out[1]);
	ssize_t n, used = 0;
	while ((n = read(out[0], text + used, size - 1 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_kernel_says_who_connects(void **state)
{
	struct fixture *f = *state;
	char text[16384];

	if (geteuid() != 0) {
		print_message("# not root: who connects is tested in one process only\n");
		return;
	}
	fixture_serve(f);
	assert_int_equal(chmod(f->path, 0666), 0);
	hear_as(f, 64001, 100, text, sizeof text);
	assert_non_null(strstr(text, "-32001"));
	assert_non_null(strstr(text, "may not use the control socket"));
	hear_as(f, 64012, 100, text, sizeof text);
	assert_non_null(strstr(text, "\"you_may\":\"read\""));
	hear_as(f, 64012, 64020, text, sizeof text);
	assert_non_null(strstr(text, "\"you_may\":\"change\""));
}

static void the_socket_is_made_with_its_directory(void **state)
{
	struct fixture *f = *state;
	char err[512], dir[64];
	struct stat st;

	int fd = control_listen(&f->conf, err, sizeof err);
	assert_true(fd >= 0);
	snprintf(dir, sizeof dir, "%s/run", f->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, geteuid() == 0 ? 0660 : 0600);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* Somebody is there. */
	assert_int_equal(control_listen(&f->conf, err, sizeof err), -EADDRINUSE);
	assert_non_null(strstr(err, "another tlsward"));
	/* Nobody is there any more. */
	close(fd);
	fd = control_listen(&f->conf, err, sizeof err);
	assert_true(fd >= 0);
	close(fd);
	unlink(f->path);
}

static void nothing_but_a_socket_is_removed(void **state)
{
	struct fixture *f = *state;
	char err[512], dir[64];

	snprintf(dir, sizeof dir, "%s/run", f->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	int fd = open(f->path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_listen(&f->conf, err, sizeof err), -EEXIST);
	assert_non_null(strstr(err, "is no socket"));
	assert_int_equal(unlink(f->path), 0);
}

static void the_socket_of_a_successor_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char err[512];

	f->s.loop = ev_loop_new(EVFLAG_NOENV);
	struct control *old = control_new(&f->s, control_listen(&f->conf, err, sizeof err));
	assert_non_null(old);
	unlink(f->path);
	int fd = control_listen(&f->conf, err, sizeof err);
	assert_true(fd >= 0);
	control_free(old);
	assert_int_equal(access(f->path, F_OK), 0);
	close(fd);
	unlink(f->path);
	ev_loop_destroy(f->s.loop);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(status_adds_the_workers_up),
		test(status_says_starting_until_a_worker_is_ready),
		test(status_says_stopping_once_told_to),
		test(workers_and_worker_tell_of_each),
		test(errors_have_code_and_remedy),
		test(ids_come_back_as_they_were),
		test(requests_of_one_connection_are_answered_in_order),
		test(malformed_requests_leave_the_server_alive),
		test(a_deep_request_is_an_error),
		test(a_line_over_64_kb_is_cut_and_one_of_64_kb_is_not),
		test(a_flood_that_is_not_read_is_cut_while_others_are_served),
		test(a_client_that_stops_reading_is_cut_after_a_while),
		test(more_than_32_clients_are_refused),
		test(rights_follow_user_and_group),
		test(a_role_that_runs_as_we_do_takes_no_right_from_us),
		test(the_kernel_says_who_connects),
		test(the_socket_is_made_with_its_directory),
		test(nothing_but_a_socket_is_removed),
		test(the_socket_of_a_successor_is_left_alone),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
