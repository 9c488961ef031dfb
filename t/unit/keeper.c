/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests the program tlsward-keeper from outside: plays supervisor and workers. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/memfd.h"
#include "common/msg.h"
#include "t/unit/tlskeys.h"

#ifdef WITH_SANITIZERS
#define SANDBOX 0	/* their run-time library calls what the filter forbids */
#else
#define SANDBOX 1
#endif
#define WAIT_MS 10000

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

static int setup(void **state)
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

static int exit_code(struct play *p)
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

static int teardown(void **state)
{
	struct play *p = *state;

	channel_clear(&p->channel);
	if (p->pid > 0 && exit_code(p) < 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	ledger_clear(&p->ledger);
	close(p->log_fd);
	EVP_PKEY_free(p->key);
	free(p);
	return 0;
}

/* Sends the descriptor, which it takes, and hears the answer. */
static void send_file(struct play *p, int fd, bool mixed)
{
	struct msg m = { .type = MSG_KEY_FILE_REQ, .id = 77, .key_file_req = { .mixed = mixed, .path = "/etc/x.pem" } };

	assert_int_equal(msg_send(&p->channel, &m, &fd, 1), 0);
	close(fd);
	hear(p, MSG_KEY_FILE_ANS);
	assert_int_equal(p->m.id, 77);
}

static void send_text(struct play *p, const char *text, bool mixed)
{
	int fd = memfd_new("file", 0);

	assert_int_equal(memfd_write(fd, 0, text, strlen(text)), 0);
	send_file(p, fd, mixed);
}

static void assert_error(struct play *p, const char *part)
{
	assert_non_null(strstr(p->m.key_file_ans.error, part));
	assert_int_equal(p->m.key_file_ans.keys, 0);
	assert_int_equal(p->m.key_file_ans.certificates, 0);
	assert_int_equal(p->packet.nfds, 0);
}

static void send_key(struct play *p, EVP_PKEY *key, bool old_form)
{
	char *pem = tlskeys_pem(key, old_form, NULL);

	send_text(p, pem, false);
	assert_string_equal(p->m.key_file_ans.error, "");
	assert_int_equal(p->m.key_file_ans.keys, 1);
	free(pem);
}

/* Returns how many ids came. */
static size_t end_keys(struct play *p, uint8_t *ids, size_t room)
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

/* And waits until it has been obeyed. */
static void tell(struct play *p, enum msg_type type)
{
	struct msg m = { .type = type };

	assert_int_equal(msg_send(&p->channel, &m, NULL, 0), 0);
	send_text(p, "", false);
	m.type = MSG_DISCARD;
	if (type != MSG_DISCARD)
		assert_int_equal(msg_send(&p->channel, &m, NULL, 0), 0);
}

static void load_key(struct play *p)
{
	uint8_t ids[KEY_ID_BYTES];

	send_key(p, p->key, false);
	assert_int_equal(end_keys(p, ids, 1), 1);
	assert_memory_equal(ids, p->id, KEY_ID_BYTES);
}

/* Gives the process id, or 0 and the error in p->m; *worker: our end. */
static pid_t ask_for_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker)
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

static pid_t start_server(struct play *p, uint16_t number, uint16_t cpu, struct channel *worker)
{
	pid_t pid = ask_for_server(p, number, cpu, worker);

	assert_string_equal(p->m.signer_ans.error, "");
	assert_true(pid > 0);
	return pid;
}

static enum sign_error sign(struct play *p, struct channel *worker, EVP_PKEY *key, uint16_t scheme)
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

static void assert_ends(struct play *p, struct channel *worker)
{
	int rc = channel_recv_wait(worker, &p->packet, WAIT_MS);

	assert_true(rc == -EPIPE || rc == -ECONNRESET);
	channel_clear(worker);
}

/* The value behind "Name:" in /proc/PID/status. */
static void process_status(pid_t pid, const char *name, char *out, size_t room)
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

static void assert_status(pid_t pid, const char *name, const char *expected)
{
	char value[256];

	process_status(pid, name, value, sizeof value);
	assert_string_equal(value, expected);
}

static void it_is_sandboxed_from_the_start(void **state)
{
	struct play *p = *state;

	if (!SANDBOX)
		return;
	assert_string_equal(p->m.intro_ans.protections_missing, "");
	assert_status(p->pid, "Seccomp", "2");
	assert_status(p->pid, "NoNewPrivs", "1");
}

static void key_files_of_all_forms_are_taken(void **state)
{
	struct play *p = *state;
	EVP_PKEY *keys[] = { tlskeys_rsa(2048), tlskeys_ec("P-256"), tlskeys_ec("P-384"),
		tlskeys_ec("P-521"), tlskeys_ed25519() };
	uint8_t ids[6 * KEY_ID_BYTES], id[KEY_ID_BYTES];

	for (int i = 0; i < 5; i++) {
		send_key(p, keys[i], false);
		if (i < 4)
			send_key(p, keys[i], true);
	}
	size_t n = end_keys(p, ids, 6);
	assert_int_equal(n, 5);
	for (int i = 0; i < 5; i++) {
		tlskeys_id(keys[i], id);
		assert_non_null(memmem(ids, n * KEY_ID_BYTES, id, sizeof id));
		EVP_PKEY_free(keys[i]);
	}
}

#define CERT_A "-----BEGIN CERTIFICATE-----\nQUFBQQ==\n-----END CERTIFICATE-----\n"
#define CERT_B "-----BEGIN CERTIFICATE-----\nQkJCQg==\n-----END CERTIFICATE-----\n"

static void certificates_that_do_not_fit_in_a_message_come_in_a_memfd(void **state)
{
	struct play *p = *state;
	char text[100 * sizeof CERT_A] = "";
	size_t size, n = MSG_CERTS_MAX / strlen(CERT_A);

	for (size_t i = 0; i < n; i++)
		strcat(text, i % 2 ? CERT_B : CERT_A);
	send_text(p, text, true);
	assert_int_equal(p->packet.nfds, 0);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(text));
	assert_memory_equal(p->m.key_file_ans.text.data, text, strlen(text));
	strcat(text, CERT_A CERT_B);
	send_text(p, text, true);
	assert_int_equal(p->m.key_file_ans.certificates, n + 2);
	assert_int_equal(p->m.key_file_ans.text.size, 0);
	assert_int_equal(p->packet.nfds, 1);
	const char *map = memfd_map_sealed(p->packet.fds[0], 1 << 20, &size);
	assert_non_null(map);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(map, text, size);
	munmap((void *)(size_t)map, size);
	packet_close_fds(&p->packet);
}

static void a_mixed_file_gives_its_certificates_and_nothing_else(void **state)
{
	struct play *p = *state;
	char *pem = tlskeys_pem(p->key, false, NULL), text[4096];

	snprintf(text, sizeof text, "some words\n%s between\n%s\n%s and behind\n", CERT_A, pem, CERT_B);
	send_text(p, text, true);
	assert_string_equal(p->m.key_file_ans.error, "");
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->m.key_file_ans.certificates, 2);
	assert_int_equal(p->packet.nfds, 0);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(CERT_A CERT_B));
	assert_memory_equal(p->m.key_file_ans.text.data, CERT_A CERT_B, strlen(CERT_A CERT_B));

	send_text(p, text, false);
	assert_int_equal(p->m.key_file_ans.text.size, 0);
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->packet.nfds, 0);
	send_text(p, pem, true);
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->packet.nfds, 0);
	send_text(p, CERT_B, true);
	assert_int_equal(p->m.key_file_ans.keys, 0);
	assert_int_equal(p->m.key_file_ans.certificates, 1);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(CERT_B));
	free(pem);
}

static void bad_files_are_named_by_what_is_wrong(void **state)
{
	struct play *p = *state;
	EVP_PKEY *small = tlskeys_rsa(1024);
	char *pem = tlskeys_pem(small, false, NULL);
	int fd, pipe_fds[2];

	send_text(p, "", false);
	assert_error(p, "is empty");
	send_text(p, "certainly not a key\n", false);
	assert_error(p, "has no private key");
	send_text(p, CERT_A, false);
	assert_error(p, "has no private key");
	send_text(p, "hello\n", true);
	assert_error(p, "has neither");
	send_text(p, CERT_A "-----BEGIN CERTIFICATE-----\n", true);
	assert_error(p, "without its END");
	send_text(p, CERT_A "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", true);
	assert_error(p, "cannot be decoded");
	send_text(p, pem, false);
	assert_error(p, "not supported (supported: RSA of 2048");
	fd = memfd_new("large", (1 << 20) + 1);
	send_file(p, fd, false);
	assert_error(p, "is larger than 1 MB");
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	send_file(p, pipe_fds[0], false);
	assert_error(p, "is not a regular file");
	close(pipe_fds[1]);
	send_file(p, open("/", O_RDONLY | O_CLOEXEC), true);
	assert_error(p, "is not a regular file");
	send_file(p, open("/etc/passwd", O_PATH | O_CLOEXEC), false);
	assert_error(p, "cannot be read");
	free(pem);
	EVP_PKEY_free(small);
	uint8_t ids[KEY_ID_BYTES];
	assert_int_equal(end_keys(p, ids, 1), 0);
}

static void encrypted_keys_are_refused_in_plain_words(void **state)
{
	struct play *p = *state;

	for (int old_form = 0; old_form < 2; old_form++) {
		char *pem = tlskeys_pem(p->key, old_form, "secret");
		send_text(p, pem, false);
		assert_error(p, "is encrypted; tlsward needs it without a passphrase");
		free(pem);
	}
}

static void a_file_with_an_error_leaves_no_key(void **state)
{
	struct play *p = *state;
	char *pem = tlskeys_pem(p->key, false, NULL), text[4096];
	uint8_t ids[KEY_ID_BYTES];

	snprintf(text, sizeof text, "%s-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", pem);
	send_text(p, text, true);
	assert_error(p, "cannot be decoded");
	assert_int_equal(end_keys(p, ids, 1), 0);
	free(pem);
}

static void many_ids_come_in_batches(void **state)
{
	struct play *p = *state;
	enum { MANY = 600 };
	uint8_t *ids = calloc(MANY, KEY_ID_BYTES);

	for (int i = 0; i < MANY; i++) {
		EVP_PKEY *key = tlskeys_ed25519();
		send_key(p, key, false);
		EVP_PKEY_free(key);
	}
	assert_int_equal(end_keys(p, ids, MANY), MANY);
	free(ids);
}

/* How often the bytes are in the heap of a process; -1: we may not look. */
static int in_heap(pid_t pid, const uint8_t *bytes, size_t size)
{
	char path[64], line[256];
	unsigned long from, to;
	int found = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	while (maps && mem >= 0 && fgets(line, sizeof line, maps)) {
		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		uint8_t *heap = malloc(to - from);
		ssize_t n = pread(mem, heap, to - from, (off_t)from);
		assert_true(n > 0);
		for (uint8_t *at = heap; (at = memmem(at, (size_t)(heap + n - at), bytes, size)); at++)
			found++;
		free(heap);
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return maps && mem >= 0 ? found : -1;
}

/* The private number as it stands in a file, and as libraries have it in memory. */
static void private_number(EVP_PKEY *key, uint8_t big[32], uint8_t little[32])
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n), 1);
	assert_int_equal(BN_bn2binpad(n, big, 32), 32);
	assert_int_equal(BN_bn2lebinpad(n, little, 32), 32);
	BN_clear_free(n);
}

static void the_keeper_itself_forgets_keys_at_once(void **state)
{
	struct play *p = *state;
	uint8_t big[32], little[32];

	private_number(p->key, big, little);
	load_key(p);
	if (!SANDBOX || in_heap(p->pid, big, 32) < 0) {
		print_message("# may not look into the keeper: not tested\n");
		return;
	}
	assert_int_equal(in_heap(p->pid, big, 32), 0);
	assert_int_equal(in_heap(p->pid, little, 32), 0);
	/* What a server works with is locked. */
	struct channel worker;
	char locked[64];
	pid_t pid = start_server(p, 2, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_not_equal(in_heap(pid, little, 32), 0);
	process_status(pid, "VmLck", locked, sizeof locked);
	assert_true(atoi(locked) > 0);
	channel_clear(&worker);
}

static void no_server_is_started_before_there_are_keys(void **state)
{
	struct play *p = *state;
	struct channel worker;

	assert_int_equal(ask_for_server(p, 1, 0, &worker), 0);
	assert_non_null(strstr(p->m.signer_ans.error, "no keys"));
	assert_ends(p, &worker);
}

static int count_fds(pid_t pid)
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void a_server_signs_and_has_nothing_else(void **state)
{
	struct play *p = *state;
	struct channel worker, other;
	EVP_PKEY *unknown = tlskeys_ec("P-256");

	load_key(p);
	start_server(p, 3, 0, &other);
	pid_t pid = start_server(p, 2, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0503), SIGN_REFUSED);
	assert_int_equal(sign(p, &worker, p->key, 0x0203), SIGN_REFUSED);
	assert_int_equal(sign(p, &worker, unknown, 0x0403), SIGN_NO_KEY);
	assert_status(pid, "Name", "tlsw-signer.2");
	assert_status(pid, "Cpus_allowed_list", "0");
	if (SANDBOX) {
		assert_status(pid, "Seccomp_filters", "2");
		/* Only root may look: channel to the worker, channel to the keeper, the store. */
		int n = count_fds(pid);
		assert_true(n == -1 || n <= 6);
	}
	channel_clear(&worker);
	channel_clear(&other);
	EVP_PKEY_free(unknown);
}

static void a_new_server_replaces_the_older_one_of_its_worker(void **state)
{
	struct play *p = *state;
	struct channel first, second, other;

	load_key(p);
	start_server(p, 1, 0xffff, &first);
	start_server(p, 2, 60000, &other);
	start_server(p, 1, 0xffff, &second);
	assert_ends(p, &first);
	assert_int_equal(sign(p, &second, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &other, p->key, 0x0403), SIGN_OK);
	channel_clear(&second);
	channel_clear(&other);
}

static void a_stopped_server_is_replaced_too(void **state)
{
	struct play *p = *state;
	struct channel first, second;

	load_key(p);
	pid_t pid = start_server(p, 1, 0xffff, &first);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	start_server(p, 1, 0xffff, &second);
	assert_ends(p, &first);
	assert_int_equal(sign(p, &second, p->key, 0x0403), SIGN_OK);
	channel_clear(&second);
}

static void a_reload_reaches_living_servers(void **state)
{
	struct play *p = *state;
	EVP_PKEY *fresh = tlskeys_rsa(2048);
	struct channel worker;
	uint8_t ids[KEY_ID_BYTES];

	load_key(p);
	start_server(p, 1, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	send_key(p, fresh, false);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_NO_KEY);
	assert_int_equal(end_keys(p, ids, 1), 1);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_KEYS_COMMIT);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_NO_KEY);
	channel_clear(&worker);
	EVP_PKEY_free(fresh);
}

static void a_discarded_reload_leaves_nothing(void **state)
{
	struct play *p = *state;
	EVP_PKEY *fresh = tlskeys_ec("P-256"), *half = tlskeys_ec("P-256");
	struct channel worker, later;
	uint8_t ids[KEY_ID_BYTES];

	load_key(p);
	start_server(p, 1, 0, &worker);
	send_key(p, half, false);
	tell(p, MSG_DISCARD);
	send_key(p, fresh, false);
	assert_int_equal(end_keys(p, ids, 1), 1);
	start_server(p, 2, 0, &later);
	assert_int_equal(sign(p, &worker, fresh, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &later, fresh, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &later, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_DISCARD);
	assert_int_equal(sign(p, &worker, fresh, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &later, fresh, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &worker, half, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_KEYS_COMMIT);	/* of nothing */
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	channel_clear(&worker);
	channel_clear(&later);
	EVP_PKEY_free(fresh);
	EVP_PKEY_free(half);
}

static void signatures_of_all_servers_are_counted_once(void **state)
{
	struct play *p = *state;
	struct channel workers[2];

	load_key(p);
	for (int i = 0; i < 2; i++)
		start_server(p, (uint16_t)i, (uint16_t)i, &workers[i]);
	uint64_t before = ledger_now_ns();
	for (int n = 0; n < 500; n++)
		for (int i = 0; i < 2; i++)
			assert_int_equal(sign(p, &workers[i], p->key, 0x0403), SIGN_OK);
	print_message("# %u us for a round trip and the check of its signature\n",
		(unsigned)((ledger_now_ns() - before) / 1000 / 1000));
	assert_int_equal(ledger_get(&p->ledger.head->counters[COUNT_SIGNATURES]), 1000);
	assert_true(ledger_get(&p->ledger.head->heartbeat_ns) > 0);
	for (int i = 0; i < 2; i++)
		channel_clear(&workers[i]);
}

static void a_worker_that_breaks_the_protocol_loses_its_server(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	assert_int_equal(channel_send(&worker, "garbage", 7, NULL, 0), 0);
	assert_ends(p, &worker);
	start_server(p, 1, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	channel_clear(&worker);
}

static void the_end_of_the_supervisor_ends_all(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	channel_clear(&p->channel);
	assert_int_equal(exit_code(p), 0);
	assert_ends(p, &worker);
}

static void sigterm_ends_all(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	kill(p->pid, SIGINT);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	kill(p->pid, SIGTERM);
	assert_int_equal(exit_code(p), 0);
	assert_ends(p, &worker);
}

static void a_killed_keeper_takes_its_servers_along(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	kill(p->pid, SIGKILL);
	assert_int_equal(exit_code(p), 128 + SIGKILL);
	assert_ends(p, &worker);
}

static void the_log_names_files_and_no_keys(void **state)
{
	struct play *p = *state;
	char log[65536];

	load_key(p);
	ssize_t n = pread(p->log_fd, log, sizeof log - 1, 0);
	assert_true(n > 0);
	log[n] = '\0';
	assert_non_null(strstr(log, "/etc/x.pem"));
	char *pem = tlskeys_pem(p->key, false, NULL);
	for (char *line = strtok(pem, "\n"); line; line = strtok(NULL, "\n"))
		assert_null(strstr(log, line));
	free(pem);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_sandboxed_from_the_start),
		CASE(key_files_of_all_forms_are_taken),
		CASE(a_mixed_file_gives_its_certificates_and_nothing_else),
		CASE(certificates_that_do_not_fit_in_a_message_come_in_a_memfd),
		CASE(bad_files_are_named_by_what_is_wrong),
		CASE(encrypted_keys_are_refused_in_plain_words),
		CASE(a_file_with_an_error_leaves_no_key),
		CASE(many_ids_come_in_batches),
		CASE(the_keeper_itself_forgets_keys_at_once),
		CASE(no_server_is_started_before_there_are_keys),
		CASE(a_server_signs_and_has_nothing_else),
		CASE(a_new_server_replaces_the_older_one_of_its_worker),
		CASE(a_stopped_server_is_replaced_too),
		CASE(a_reload_reaches_living_servers),
		CASE(a_discarded_reload_leaves_nothing),
		CASE(signatures_of_all_servers_are_counted_once),
		CASE(a_worker_that_breaks_the_protocol_loses_its_server),
		CASE(the_end_of_the_supervisor_ends_all),
		CASE(sigterm_ends_all),
		CASE(a_killed_keeper_takes_its_servers_along),
		CASE(the_log_names_files_and_no_keys),
	};
	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
