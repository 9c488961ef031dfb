/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/keeper_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memfd.h"

#define WAIT_MS 10000

static void __attribute__((noreturn)) exec_keeper(int log_fd, int channel_fd)
{
	const char *build = getenv("TLSWARD_BUILD");
	char path[4096];

	snprintf(path, sizeof path, "%s/tlsward-keeper", build ? build : ".");
	dup2(log_fd, 2);	/* first: it may be 3 */
	if (channel_fd == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(channel_fd, 3);
	execl(path, path, (char *)NULL);
	_exit(127);
}

static void hear(struct play *p, enum msg_type expected)
{
	const char *why = "";

	assert_int_equal(channel_recv_wait(&p->channel, &p->packet, WAIT_MS), 0);
	msg_decode(&p->packet, ROLE_KEEPER, ROLE_SUPERVISOR, &p->m, &why);
	assert_string_equal(why, "");
	assert_int_equal(p->m.type, expected);
}

int keeper_setup(void **state)
{
	struct play *p = calloc(1, sizeof *p);
	int pair[2], ledger_fd;
	struct msg intro = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION,
		.role = ROLE_KEEPER, .log_level = 0, .sandbox = SANDBOX } };

	p->log_fd = memfd_new("log", 0);
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(ledger_new(&p->ledger, &ledger_fd, ROLE_KEEPER, 0, 1, 0, 0), 0);
	p->pid = fork();
	if (p->pid == 0)
		exec_keeper(p->log_fd, pair[1]);
	close(pair[1]);
	channel_init(&p->channel, pair[0]);
	assert_int_equal(msg_send(&p->channel, &intro, &ledger_fd, 1), 0);
	close(ledger_fd);
	hear(p, MSG_INTRO_ANS);
	p->key = tlskeys_ec("P-256");
	tlskeys_id(p->key, p->id);
	*state = p;
	return 0;
}

int keeper_exit(struct play *p)
{
	int status = -1;

	for (int i = 0; i < WAIT_MS / 10 && p->pid > 0; i++) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		usleep(10000);
	}
	return -1;
}

int keeper_teardown(void **state)
{
	struct play *p = *state;

	channel_clear(&p->channel);
	if (p->pid > 0 && keeper_exit(p) < 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	ledger_clear(&p->ledger);
	close(p->log_fd);
	EVP_PKEY_free(p->key);
	free(p);
	return 0;
}

void send_file(struct play *p, int fd, bool mixed)
{
	struct msg m = { .type = MSG_KEY_FILE_REQ, .id = 77, .key_file_req = { .mixed = mixed, .path = "/etc/x.pem" } };

	assert_int_equal(msg_send(&p->channel, &m, &fd, 1), 0);
	close(fd);
	hear(p, MSG_KEY_FILE_ANS);
	assert_int_equal(p->m.id, 77);
}

void send_text(struct play *p, const char *text, bool mixed)
{
	int fd = memfd_new("file", 0);

	assert_int_equal(memfd_write(fd, 0, text, strlen(text)), 0);
	send_file(p, fd, mixed);
}

void send_key(struct play *p, EVP_PKEY *key, bool old_form)
{
	char *pem = tlskeys_pem(key, old_form, NULL);

	send_text(p, pem, false);
	assert_string_equal(p->m.key_file_ans.error, "");
	assert_int_equal(p->m.key_file_ans.keys, 1);
	free(pem);
}

size_t end_keys(struct play *p, uint8_t *ids, size_t room)
{
	struct msg m = { .type = MSG_KEYS_END, .id = 5, .keys_end = { .generation = 1 } };
	size_t n = 0;

	assert_int_equal(msg_send(&p->channel, &m, NULL, 0), 0);
	for (;;) {
		const char *why;
		assert_int_equal(channel_recv_wait(&p->channel, &p->packet, WAIT_MS), 0);
		assert_int_equal(msg_decode(&p->packet, ROLE_KEEPER, ROLE_SUPERVISOR, &p->m, &why), 0);
		if (p->m.type == MSG_READY)
			return n;
		assert_int_equal(p->m.type, MSG_KEY_IDS);
		assert_int_equal(p->m.id, 5);
		size_t here = p->m.key_ids.ids.size / KEY_ID_BYTES;
		assert_in_range(here, 1, 256);
		assert_true(n + here <= room);
		memcpy(ids + n * KEY_ID_BYTES, p->m.key_ids.ids.data, here * KEY_ID_BYTES);
		n += here;
	}
}

void load_key(struct play *p)
{
	uint8_t ids[KEY_ID_BYTES];

	send_key(p, p->key, false);
	assert_int_equal(end_keys(p, ids, 1), 1);
	assert_memory_equal(ids, p->id, KEY_ID_BYTES);
}

pid_t ask_for_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker)
{
	struct msg m = { .type = MSG_SIGNER_REQ, .id = 9, .signer_req = { .worker = number, .cpu = cpu } };
	int pair[2];

	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(msg_send(&p->channel, &m, &pair[1], 1), 0);
	close(pair[1]);
	channel_init(worker, pair[0]);
	hear(p, MSG_SIGNER_ANS);
	assert_int_equal(p->m.id, 9);
	assert_int_equal(p->m.signer_ans.worker, number);
	return (pid_t)p->m.signer_ans.pid;
}

pid_t start_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker)
{
	pid_t pid = ask_for_server(p, number, cpu, worker);

	assert_string_equal(p->m.signer_ans.error, "");
	assert_true(pid > 0);
	return pid;
}

enum sign_error sign(struct play *p, struct channel *worker, EVP_PKEY *key, uint16_t scheme)
{
	static uint32_t next;
	uint8_t id[KEY_ID_BYTES], data[512];
	struct msg m = { .type = MSG_SIGN_REQ, .id = ++next, .sign_req = { .key_id = { id, sizeof id },
		.scheme = scheme, .form = SIGN_TLS13_CERTIFICATE_VERIFY,
		.data = { data, tlskeys_tls13(data, 32) } } };
	const char *why;

	tlskeys_id(key, id);
	assert_int_equal(msg_send(worker, &m, NULL, 0), 0);
	assert_int_equal(channel_recv_wait(worker, &p->packet, WAIT_MS), 0);
	assert_int_equal(msg_decode(&p->packet, ROLE_SIGNER, ROLE_WORKER, &p->m, &why), 0);
	assert_int_equal(p->m.id, next);
	if (p->m.sign_ans.error == SIGN_OK)
		assert_true(tlskeys_verify(key, scheme, data, m.sign_req.data.size,
			p->m.sign_ans.signature.data, p->m.sign_ans.signature.size));
	return p->m.sign_ans.error;
}

void assert_ends(struct play *p, struct channel *worker)
{
	int rc = channel_recv_wait(worker, &p->packet, WAIT_MS);

	assert_true(rc == -EPIPE || rc == -ECONNRESET);
	channel_clear(worker);
}

void process_status(pid_t pid, const char *name, char *out, size_t room)
{
	char path[64], line[256];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	*out = '\0';
	while (fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			snprintf(out, room, "%s", line + strlen(name) + 2);
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

void assert_status(pid_t pid, const char *name, const char *expected)
{
	char value[256];

	process_status(pid, name, value, sizeof value);
	assert_string_equal(value, expected);
}
