/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests the program tlsward-worker as the supervisor meets it: what it does
 * with messages that come twice, late, or with contents that are no good.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/memfd.h"
#include "common/role.h"
#include "config.h"
#include "t/unit/pki.h"
#include "workers/librarian/segment.h"

#define WAIT_MS 30000
#define NAME "a.example.org"

struct peer {
	pid_t pid;
	struct channel channel;
	struct ledger ledger;
	struct packet packet;
	uint16_t port;
};

static struct peer peer;
static struct pki_cert leaf;

static void run(int channel, const char *build)
{
	char program[4096];

	snprintf(program, sizeof program, "%s/tlsward-worker", build);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int copy = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	dup2(copy, ROLE_CHANNEL_FD);
	execl(program, program, (char *)NULL);
	_exit(127);
}

static void tell(const struct msg *m, int fd)
{
	assert_int_equal(msg_send(&peer.channel, m, &fd, fd >= 0), 0);
	assert_int_equal(channel_pending(&peer.channel), 0);
}

static void expect(enum msg_type type)
{
	struct msg m;
	const char *why = "";

	assert_int_equal(channel_recv_wait(&peer.channel, &peer.packet, WAIT_MS), 0);
	if (msg_decode(&peer.packet, ROLE_WORKER, ROLE_SUPERVISOR, &m, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(msg_name(m.type), msg_name(type));
}

static void tell_settings(void)
{
	tell(&(struct msg){ .type = MSG_SETTINGS, .settings = { .priority = "", .tickets = true, .connections = 10,
		.spill_worker_kb = 1024, .spill_connection_kb = 64, .keeper_deadline_ms = 250 } }, -1);
}

static void tell_listener(void)
{
	struct msg m = { .type = MSG_LISTENER, .listener = { .name = "l", .backend = "b", .default_certificate = "" } };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	for (int i = 0; i < DEADLINE_COUNT; i++)
		m.listener.deadlines.ms[i] = deadline_default_ms((enum deadline)i);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 10), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	peer.port = at.sin_port;
	tell(&m, fd);
	close(fd);
}

static int begin_case(void **state)
{
	const char *build = getenv("TLSWARD_BUILD");
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION, .role = ROLE_WORKER, .index = 1, .log_level = 0 } };
	int pair[2], fd;

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (peer.pid == 0)
		run(pair[1], build ? build : ".");
	close(pair[1]);
	channel_init(&peer.channel, pair[0]);
	assert_int_equal(ledger_new(&peer.ledger, &fd, ROLE_WORKER, 1, 0, 10, 10), 0);
	tell(&m, fd);
	close(fd);
	expect(MSG_INTRO_ANS);
	tell_settings();
	tell_listener();
	tell(&(struct msg){ .type = MSG_BACKEND, .backend = { .name = "b" } }, -1);
	tell(&(struct msg){ .type = MSG_START }, -1);
	expect(MSG_READY);
	return 0;
}

static int end_case(void **state)
{
	int status = -1;

	(void)state;
	channel_clear(&peer.channel);
	assert_int_equal(waitpid(peer.pid, &status, 0), peer.pid);
	ledger_clear(&peer.ledger);
	return status == 0 ? 0 : -1;
}

/* A catalog with one certificate for NAME. */
static void tell_catalog(uint32_t generation)
{
	char name[] = NAME, *names[] = { name };
	struct certs c = { .key = CATALOG_ECDSA_P256, .key_bits = 256, .not_before = 1, .not_after = INT64_MAX,
		.names = names, .names_n = 1 };
	struct built chains = { .n = 1, .chains[0] = { .flags = CATALOG_COMPLETE, .not_after = INT64_MAX, .missing = "" } };
	struct segment *s = segment_new();
	uint32_t n, certificates;
	gnutls_datum_t der;

	assert_true(gnutls_x509_crt_export2(leaf.crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	gnutls_datum_t spki = pki_spki(&leaf, &der);
	c.der = (struct bytes){ der.data, der.size };
	c.spki = (struct bytes){ spki.data, spki.size };
	pki_key_id(&leaf, c.key_id);
	segment_serve(s, segment_add(s, &c, &chains, NULL, "/a.pem"));
	int fd = segment_finish(s, generation, time(NULL), &n, &certificates);
	assert_true(fd >= 0);
	tell(&(struct msg){ .type = MSG_CATALOG, .catalog = { .generation = generation, .names = n, .certificates = certificates } }, fd);
	close(fd);
	gnutls_free(der.data);
	segment_free(s);
}

static void wait_until(uint64_t *at, uint64_t v)
{
	for (int i = 0; i < WAIT_MS && ledger_get(at) != v; i++)
		usleep(1000);
	assert_int_equal(ledger_get(at), v);
}

/*
 * A handshake, which ends with an alert because nobody signs; that alert. The
 * client guesses a wrong group first, and meanwhile something else happens.
 */
static int handshake_with(void (*meanwhile)(void))
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = peer.port };
	gnutls_certificate_credentials_t nothing;
	gnutls_session_t session;
	struct pollfd answer = { .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
	int fd = answer.fd, rc;

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	gnutls_certificate_allocate_credentials(&nothing);
	gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_KEY_SHARE_TOP);
	gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-FFDHE2048:+GROUP-SECP256R1", NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, nothing);
	gnutls_server_name_set(session, GNUTLS_NAME_DNS, NAME, strlen(NAME));
	gnutls_transport_set_int(session, fd);
	while ((rc = gnutls_handshake(session)) == GNUTLS_E_AGAIN) {
		assert_int_equal(poll(&answer, 1, WAIT_MS), 1);
		if (meanwhile)
			meanwhile();
		meanwhile = NULL;
	}
	assert_int_equal(rc, GNUTLS_E_FATAL_ALERT_RECEIVED);
	int alert = (int)gnutls_alert_get(session);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(nothing);
	close(fd);
	return alert;
}

static int handshake(void) { return handshake_with(NULL); }

/* How many segments the worker has mapped. */
static int segments_mapped(void)
{
	char path[64], line[4096];
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)peer.pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, "/memfd:") != NULL && strstr(line, "ledger") == NULL;
	fclose(f);
	return n;
}

static void a_catalog_that_is_no_good_leaves_the_old_one(void **state)
{
	int fd = memfd_new("bad", 100);

	(void)state;
	tell_catalog(1);
	wait_until(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION], 1);
	assert_int_equal(memfd_seal_all(fd), 0);
	tell(&(struct msg){ .type = MSG_CATALOG, .catalog = { .generation = 2 } }, fd);
	close(fd);
	assert_int_equal(handshake(), GNUTLS_A_INTERNAL_ERROR);
	assert_int_equal(ledger_get(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION]), 1);
	tell_catalog(3);
	wait_until(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION], 3);
}

static void an_old_catalog_is_let_go_of(void **state)
{
	(void)state;
	for (uint32_t g = 1; g <= 5; g++) {
		tell_catalog(g);
		wait_until(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION], g);
		assert_int_equal(handshake(), GNUTLS_A_INTERNAL_ERROR);
	}
	wait_until(&peer.ledger.head->gauges[GAUGE_CONNS], 0);
	assert_int_equal(segments_mapped(), 1);
}

static void tell_settings_and_wait(void)
{
	tell_settings();
	tell_catalog(2);
	wait_until(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION], 2);
}

static void settings_may_come_again_during_a_handshake(void **state)
{
	(void)state;
	tell_catalog(1);
	wait_until(&peer.ledger.head->gauges[GAUGE_CATALOG_GENERATION], 1);
	assert_int_equal(handshake_with(tell_settings_and_wait), GNUTLS_A_INTERNAL_ERROR);
}

static int make_all(void **state)
{
	(void)state;
	pki_make(&leaf, &(struct pki_want){ .cn = NAME, .names = { NAME } });
	return 0;
}

static int clear_all(void **state)
{
	(void)state;
	pki_clear(&leaf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_catalog_that_is_no_good_leaves_the_old_one, begin_case, end_case),
		cmocka_unit_test_setup_teardown(an_old_catalog_is_let_go_of, begin_case, end_case),
		cmocka_unit_test_setup_teardown(settings_may_come_again_during_a_handshake, begin_case, end_case),
	};
	return cmocka_run_group_tests_name("worker", tests, make_all, clear_all);
}
