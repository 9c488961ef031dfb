/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests the program tlsward-librarian as the supervisor meets it: started with
 * a log and a channel, its filter on (off in a build with sanitizers), asked
 * by messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/catalog.h"
#include "common/memfd.h"
#include "common/role.h"
#include "config.h"
#include "t/unit/pki.h"

#define TEXT 65536
#define WAIT_MS 30000	/* valgrind and a busy machine are slow */
#define MANY 1000

/* The librarian, and what it said. */
struct peer {
	pid_t pid;
	struct channel channel;
	struct ledger ledger;
	struct packet packet;	/* what the last message points into */
};

static struct peer peer;
static struct pki_cert root, middle, a_ec, a_rsa, wild;
static char text[TEXT];

static void run(int channel, const char *build)
{
	char program[4096];
	const char *valgrind = getenv("TEST_VALGRIND");

	snprintf(program, sizeof program, "%s/tlsward-librarian", build);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* dup2() onto itself would leave it close-on-exec. */
	int copy = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	dup2(copy, ROLE_CHANNEL_FD);
	if (valgrind)
		execlp(valgrind, valgrind, "-q", "--leak-check=full", "--error-exitcode=99", program, (char *)NULL);
	else
		execl(program, program, (char *)NULL);
	_exit(127);
}

static void send_msg(const struct msg *m, const int *fds, int nfds)
{
	struct pollfd p = { .fd = peer.channel.fd, .events = POLLOUT };

	assert_int_equal(msg_send(&peer.channel, m, fds, nfds), 0);
	while (channel_pending(&peer.channel) > 0) {
		assert_true(poll(&p, 1, WAIT_MS) > 0);
		int rc = channel_flush(&peer.channel);
		assert_true(rc == 0 || rc == -EAGAIN);
	}
}

/* The next message; what it points to lives until the next call. */
static struct msg receive(enum msg_type type)
{
	struct msg m;
	const char *why = "";

	assert_int_equal(channel_recv_wait(&peer.channel, &peer.packet, WAIT_MS), 0);
	if (msg_decode(&peer.packet, ROLE_LIBRARIAN, ROLE_SUPERVISOR, &m, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(msg_name(m.type), msg_name(type));
	return m;
}

static void start(void)
{
	const char *build = getenv("TLSWARD_BUILD");
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION, .role = ROLE_LIBRARIAN,
		.log_level = 3, .sandbox = !getenv("TEST_VALGRIND") } };
	int pair[2], fd;

#ifdef WITH_SANITIZERS
	m.intro.sandbox = 0;
#endif
	assert_int_equal(channel_pair(pair), 0);
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (peer.pid == 0)
		run(pair[1], build ? build : ".");
	close(pair[1]);
	channel_init(&peer.channel, pair[0]);
	assert_int_equal(ledger_new(&peer.ledger, &fd, ROLE_LIBRARIAN, 0, 0, 0, 0), 0);
	send_msg(&m, &fd, 1);
	close(fd);
	m = receive(MSG_INTRO_ANS);
	assert_int_equal(m.intro_ans.version, MSG_VERSION);
	assert_string_equal(m.intro_ans.protections_missing, "");
}

/* Its exit status after the channel has ended. */
static int stop(void)
{
	int status;

	channel_clear(&peer.channel);
	assert_int_equal(waitpid(peer.pid, &status, 0), peer.pid);
	ledger_clear(&peer.ledger);
	return status;
}

static int begin_case(void **state)
{
	(void)state;
	start();
	return 0;
}

static int end_case(void **state)
{
	(void)state;
	return stop() == 0 ? 0 : -1;
}

/* A file with what is in `text`, empty afterwards. */
static void send_file(uint32_t id, const char *path, const char *key_path)
{
	int fd = memfd_new("certs", 0);
	struct msg m = { .type = MSG_CERT_FILE_REQ, .id = id,
		.cert_file_req = { .path = path, .key_path = key_path, .where = "tlsward.conf:7" } };

	assert_int_equal(memfd_write(fd, 0, text, strlen(text)), 0);
	send_msg(&m, &fd, 1);
	close(fd);
	text[0] = '\0';
}

static void add(const struct pki_cert *c) { pki_append(text, TEXT, c); }

static void send_keys(const struct pki_cert *const *certs, int n)
{
	uint8_t ids[8 * KEY_ID_BYTES];
	struct msg m = { .type = MSG_KEY_IDS, .key_ids.ids = { ids, (size_t)n * KEY_ID_BYTES } };

	for (int i = 0; i < n; i++)
		pki_key_id(certs[i], ids + i * KEY_ID_BYTES);
	send_msg(&m, NULL, 0);
}

static void send_end(uint32_t generation)
{
	send_msg(&(struct msg){ .type = MSG_CERTS_END, .certs_end.generation = generation }, NULL, 0);
}

/* The answer for a file; error "" means there is none, else its whole text. */
static void expect_answer(uint32_t id, unsigned names, const char *error, const char *warning_part)
{
	struct msg m = receive(MSG_CERT_FILE_ANS);

	assert_int_equal(m.id, id);
	assert_int_equal(m.cert_file_ans.names, names);
	assert_string_equal(m.cert_file_ans.error, error);
	if (warning_part[0] == '\0')
		assert_string_equal(m.cert_file_ans.warning, "");
	else if (!strstr(m.cert_file_ans.warning, warning_part))
		fail_msg("'%s' does not say '%s'", m.cert_file_ans.warning, warning_part);
}

static void expect_catalog(struct catalog *c, uint32_t generation, uint32_t names, uint32_t certificates)
{
	struct msg m = receive(MSG_CATALOG);
	int fds[FDPASS_MAX], n = peer.packet.nfds;

	assert_int_equal(m.catalog.generation, generation);
	assert_int_equal(m.catalog.names, names);
	assert_int_equal(m.catalog.certificates, certificates);
	for (int i = 0; i < n; i++)
		fds[i] = packet_take_fd(&peer.packet, i);
	catalog_init(c);
	assert_int_equal(catalog_load(c, generation, fds, n), 0);
}

/* The i-th certificate found for a name has that leaf and so many links above it. */
static void assert_serves(const struct catalog *c, const char *name, int i, const struct pki_cert *leaf, unsigned links)
{
	struct catalog_found f;
	gnutls_datum_t der;

	assert_true(catalog_find(c, name, &f));
	assert_true(i < f.n);
	assert_true(gnutls_x509_crt_export2(leaf->crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	assert_int_equal(f.entries[i]->cert_size, der.size);
	assert_memory_equal(catalog_bytes(f.segment, f.entries[i]->cert_off, der.size), der.data, der.size);
	assert_int_equal(catalog_chain(f.segment, f.entries[i], 0)->links_n, links);
	gnutls_free(der.data);
}

static void files_become_a_catalog(void **state)
{
	const struct pki_cert *keys[] = { &a_ec, &wild, &a_rsa };
	struct catalog c;

	(void)state;
	send_keys(keys, 1);
	add(&a_ec), add(&middle);
	send_file(11, "/good.pem", "/good.key");
	add(&wild), add(&root), add(&middle);
	send_file(12, "/unordered-with-root.pem", "");
	add(&a_rsa), add(&middle);
	send_file(13, "/rsa.pem", "/rsa.key");
	send_keys(keys + 1, 2);
	send_end(5);
	expect_answer(11, 1, "", "");
	expect_answer(12, 1, "", "");
	expect_answer(13, 1, "", "");
	expect_catalog(&c, 5, 2, 3);
	receive(MSG_READY);
	assert_serves(&c, "a.example.org", 0, &a_ec, 1);
	assert_serves(&c, "a.example.org", 1, &a_rsa, 1);
	assert_serves(&c, "b.example.org", 0, &wild, 1);
	assert_int_equal(ledger_get(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION]), 5);
	catalog_clear(&c);
}

static void keys_that_do_not_belong_and_cas_alone_are_told_apart(void **state)
{
	const struct pki_cert *keys[] = { &wild };
	struct catalog c;

	(void)state;
	add(&a_ec);
	send_file(1, "/a.pem", "/b.key");
	add(&a_rsa);
	send_file(2, "/dir/a.pem", "");
	add(&middle);
	send_file(3, "/dir/ca.pem", "");
	add(&middle);
	send_file(4, "/ca.pem", "/ca.key");
	add(&wild);
	send_file(5, "/wild.pem", "/wild.key");
	send_keys(keys, 1);
	send_end(1);
	expect_answer(1, 0, "/a.pem (tlsward.conf:7): the private key in /b.key does not belong to this certificate", "");
	expect_answer(2, 0, "/dir/a.pem (tlsward.conf:7): no private key for this certificate was found", "");
	expect_answer(3, 0, "", "/dir/ca.pem (tlsward.conf:7): is a CA certificate");
	expect_answer(4, 0, "/ca.pem (tlsward.conf:7): is a CA certificate (CA:TRUE),"
		" which no client takes for a server's own", "");
	expect_answer(5, 1, "", "");
	expect_catalog(&c, 1, 1, 1);
	receive(MSG_READY);
	catalog_clear(&c);
}

static void a_second_round_starts_from_nothing_and_is_not_ready_again(void **state)
{
	const struct pki_cert *keys[] = { &a_ec, &wild };
	struct catalog c;
	struct catalog_found f;

	(void)state;
	send_keys(keys, 2);
	add(&a_ec);
	send_file(1, "/a.pem", "");
	send_end(1);
	expect_answer(1, 1, "", "");
	expect_catalog(&c, 1, 1, 1);
	receive(MSG_READY);
	catalog_clear(&c);
	add(&wild);
	send_file(2, "/wild.pem", "");
	send_end(2);
	expect_answer(2, 0, "/wild.pem (tlsward.conf:7): no private key for this certificate was found", "");
	expect_catalog(&c, 2, 0, 0);
	assert_false(catalog_find(&c, "a.example.org", &f));
	catalog_clear(&c);
	send_keys(keys + 1, 1);
	add(&wild);
	send_file(3, "/wild.pem", "");
	send_end(3);
	expect_answer(3, 1, "", "");
	expect_catalog(&c, 3, 1, 1);
	catalog_clear(&c);
}

static void what_is_no_certificate_file_is_refused_alone(void **state)
{
	const struct pki_cert *keys[] = { &a_ec };
	struct msg m = { .type = MSG_CERT_FILE_REQ, .cert_file_req = { .path = "/odd", .key_path = "", .where = "" } };
	char *noise = malloc(1 << 20), long_path[4001];
	struct catalog c;
	int pipe_fds[2], fd;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	send_msg(&m, pipe_fds, 1);
	fd = open("/", O_RDONLY | O_DIRECTORY);
	send_msg(&m, &fd, 1);
	close(fd);
	for (int i = 0; i < 1 << 20; i++)
		noise[i] = (char)random();
	fd = memfd_new("noise", 1 << 20);
	assert_int_equal(memfd_write(fd, 0, noise, 1 << 20), 0);
	send_msg(&m, &fd, 1);
	close(fd);
	memset(long_path, 'x', 4000);
	long_path[4000] = '\0';
	send_file(0, long_path, "");
	add(&a_ec);
	send_file(1, "/a.pem", "");
	send_keys(keys, 1);
	send_end(1);
	expect_answer(0, 0, "/odd: it is no regular file; a file with certificates in PEM form is needed", "");
	expect_answer(0, 0, "/odd: it is a directory; a file with certificates in PEM form is needed", "");
	expect_answer(0, 0, "/odd: it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", "");
	m = receive(MSG_CERT_FILE_ANS);
	assert_non_null(strstr(m.cert_file_ans.error, "xxx (tlsward.conf:7): it is empty"));
	expect_answer(1, 1, "", "");
	expect_catalog(&c, 1, 1, 1);
	receive(MSG_READY);
	catalog_clear(&c);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	free(noise);
}

static double seconds(void) { return (double)ledger_now_ns() / 1e9; }

/* All are answered although nobody reads meanwhile: answers are not lost. */
static void a_thousand_files_are_all_answered_in_order(void **state)
{
	const struct pki_cert *keys[] = { &a_ec };
	struct pki_cert *certs = calloc(MANY, sizeof *certs);
	struct catalog c;
	char name[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "host%d.example.org", i);
		pki_make(&certs[i], &(struct pki_want){ .names = { name }, .issuer = &middle, .same_key_as = &a_ec });
	}
	double begun = seconds();
	for (uint32_t i = 0; i < MANY; i++) {
		add(&certs[i]), add(&middle);
		send_file(i, "/many.pem", "");
	}
	send_keys(keys, 1);
	send_end(9);
	send_msg(&(struct msg){ .type = MSG_RESOLVE_REQ, .id = 77, .resolve_req.host = "localhost" }, NULL, 0);
	poll(NULL, 0, 300);	/* its queue and the socket fill up */
	for (uint32_t i = 0; i < MANY; i++)
		expect_answer(i, 1, "", "");
	expect_catalog(&c, 9, MANY, MANY);
	print_message("%d files: %.3f s, 0.3 of it not reading\n", MANY, seconds() - begun);
	receive(MSG_READY);
	assert_int_equal(receive(MSG_RESOLVE_ANS).id, 77);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "host%d.example.org", i);
		assert_serves(&c, name, 0, &certs[i], 1);
		pki_clear(&certs[i]);
	}
	catalog_clear(&c);
	free(certs);
}

static void ask(uint32_t id, const char *host)
{
	send_msg(&(struct msg){ .type = MSG_RESOLVE_REQ, .id = id, .resolve_req.host = host }, NULL, 0);
}

static void names_of_backends_are_resolved(void **state)
{
	sa_family_t family;

	(void)state;
	ask(1, "localhost");
	struct msg m = receive(MSG_RESOLVE_ANS);
	assert_int_equal(m.id, 1);
	assert_string_equal(m.resolve_ans.host, "localhost");
	assert_string_equal(m.resolve_ans.error, "");
	assert_true(m.resolve_ans.addrs.size > 1);
	assert_true(m.resolve_ans.addrs.data[0] < m.resolve_ans.addrs.size);
	memcpy(&family, m.resolve_ans.addrs.data + 1 + offsetof(struct sockaddr, sa_family), sizeof family);
	assert_true(family == AF_INET || family == AF_INET6);
	ask(2, "not a name");
	m = receive(MSG_RESOLVE_ANS);
	assert_string_equal(m.resolve_ans.error, "the name not a name cannot be resolved: it is no host name");
	ask(3, "nowhere.invalid");
	m = receive(MSG_RESOLVE_ANS);
	assert_int_equal(m.id, 3);
	assert_int_equal(m.resolve_ans.addrs.size, 0);
	assert_non_null(strstr(m.resolve_ans.error, "the name nowhere.invalid cannot be resolved: "));
}

/* Eight at once, the others in turn, each answered once. */
static void many_names_at_once_are_all_answered(void **state)
{
	uint64_t seen = 0;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		ask(i, "localhost");
	for (uint32_t i = 0; i < 40; i++) {
		struct msg m = receive(MSG_RESOLVE_ANS);
		assert_string_equal(m.resolve_ans.error, "");
		assert_true(m.id < 40 && !(seen & 1ull << m.id));
		seen |= 1ull << m.id;
	}
}

static void it_stops_at_sigterm_and_its_heart_beats(void **state)
{
	uint64_t before = ledger_get(&peer.ledger.head->heartbeat_ns);
	int status, tries = 0;

	(void)state;
	while (ledger_get(&peer.ledger.head->heartbeat_ns) == before && tries++ < 100)
		poll(NULL, 0, 100);
	assert_true(tries < 100);
	kill(peer.pid, SIGTERM);
	assert_int_equal(waitpid(peer.pid, &status, 0), peer.pid);
	assert_int_equal(status, 0);
	channel_clear(&peer.channel);
	ledger_clear(&peer.ledger);
}

static void make(struct pki_cert *c, const char *name, enum pki_key key)
{
	pki_make(c, &(struct pki_want){ .names = { name }, .key = key, .issuer = &middle });
}

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	make(&a_ec, "a.example.org", PKI_P256);
	make(&a_rsa, "a.example.org", PKI_RSA);
	make(&wild, "*.example.org", PKI_P256);
	return 0;
}

static int clear_all(void **state)
{
	struct pki_cert *all[] = { &root, &middle, &a_ec, &a_rsa, &wild };

	(void)state;
	for (int i = 0; i < 5; i++)
		pki_clear(all[i]);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin_case, end_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_become_a_catalog),
		CASE(keys_that_do_not_belong_and_cas_alone_are_told_apart),
		CASE(a_second_round_starts_from_nothing_and_is_not_ready_again),
		CASE(what_is_no_certificate_file_is_refused_alone),
		CASE(a_thousand_files_are_all_answered_in_order),
		CASE(names_of_backends_are_resolved),
		CASE(many_names_at_once_are_all_answered),
		cmocka_unit_test_setup_teardown(it_stops_at_sigterm_and_its_heart_beats, begin_case, NULL),
	};
	return cmocka_run_group_tests_name("librarian", tests, make_all, clear_all);
}
