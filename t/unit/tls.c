/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/tls.c and certs.c: what a handshake brings its client. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "common/chains.h"
#include "t/unit/pki.h"
#include "workers/librarian/segment.h"
#include "workers/worker/tls.h"

#define NAME "a.example.org"
#define STAPLE "a response that nobody here parses"

static struct pki_cert leaf;
static struct catalog catalog;

/* What one side has sent and the other has not read. */
struct pipe_end { uint8_t data[65536]; size_t size, at; };

static struct pipe_end to_client, to_server;

static ssize_t client_push(gnutls_transport_ptr_t p, const void *data, size_t size)
{
	(void)p;
	assert_true(size <= sizeof to_server.data - to_server.size);
	memcpy(to_server.data + to_server.size, data, size);
	to_server.size += size;
	return (ssize_t)size;
}

static ssize_t client_pull(gnutls_transport_ptr_t session, void *data, size_t size)
{
	size_t left = to_client.size - to_client.at;

	if (left == 0) {
		gnutls_transport_set_errno(session, EAGAIN);
		return -1;
	}
	size = size < left ? size : left;
	memcpy(data, to_client.data + to_client.at, size);
	to_client.at += size;
	return (ssize_t)size;
}

/* In place of the keeper; not by the function that certs.c replaces. */
static int sign(void *data, const struct msg_sign_req *req, struct bytes *signature)
{
	static gnutls_datum_t last;
	gnutls_privkey_t key;
	uint8_t digest[32];
	gnutls_datum_t hash = { digest, sizeof digest };

	(void)data;
	assert_int_equal(req->scheme, 0x0403);
	assert_true(gnutls_hash_fast(GNUTLS_DIG_SHA256, req->data.data, req->data.size, digest) >= 0);
	assert_true(gnutls_privkey_init(&key) >= 0);
	assert_true(gnutls_privkey_import_x509(key, leaf.key, 0) >= 0);
	gnutls_free(last.data);
	assert_true(gnutls_privkey_sign_hash(key, GNUTLS_DIG_SHA256, 0, &hash, &last) >= 0);
	gnutls_privkey_deinit(key);
	*signature = (struct bytes){ last.data, last.size };
	return 0;
}

static void load_catalog_of(const struct segment_staple *staple, unsigned key_usage)
{
	char name[] = NAME, *names[] = { name };
	struct certs c = { .key = CATALOG_ECDSA_P256, .key_bits = 256, .not_before = 1, .not_after = INT64_MAX,
		.names = names, .names_n = 1, .key_usage = key_usage };
	struct built chains = { .n = 1, .chains[0] = { .flags = CATALOG_COMPLETE, .not_after = INT64_MAX, .missing = "" } };
	struct segment *s = segment_new();
	gnutls_datum_t der;
	uint32_t n;

	assert_true(gnutls_x509_crt_export2(leaf.crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	gnutls_datum_t spki = pki_spki(&leaf, &der);
	c.der = (struct bytes){ der.data, der.size };
	c.spki = (struct bytes){ spki.data, spki.size };
	segment_serve(s, segment_add(s, &c, &chains, staple, "/a.pem"));
	int fd = segment_finish(s, 1, time(NULL), &n, &n);
	assert_int_equal(catalog_load(&catalog, 1, &fd, 1), 0);
	gnutls_free(der.data);
	segment_free(s);
}

static void load_catalog(const struct segment_staple *staple)
{
	load_catalog_of(staple, 0);
}

static struct cert *get_cert(struct certs *certs)
{
	struct catalog_found found;
	struct chain_order order = { .n = 0 };
	struct chain_choice choice;

	chain_order_add(&order, CHAIN_FILE);
	assert_true(catalog_find(&catalog, NAME, &found));
	chain_choose(found.segment, found.entries[0], &order, time(NULL), &choice);
	struct cert *cert = certs_get(certs, found.segment, found.entries[0], &choice);
	assert_non_null(cert);
	return cert;
}

static gnutls_session_t new_client(const char *priority, gnutls_certificate_credentials_t nothing)
{
	gnutls_session_t client;

	assert_true(gnutls_init(&client, GNUTLS_CLIENT | GNUTLS_NONBLOCK) >= 0);
	assert_true(gnutls_priority_set_direct(client, priority, NULL) >= 0);
	gnutls_credentials_set(client, GNUTLS_CRD_CERTIFICATE, nothing);
	gnutls_server_name_set(client, GNUTLS_NAME_DNS, NAME, strlen(NAME));
	gnutls_ocsp_status_request_enable_client(client, NULL, 0, NULL);
	gnutls_transport_set_ptr(client, client);
	gnutls_transport_set_pull_function(client, client_pull);
	gnutls_transport_set_push_function(client, client_push);
	to_client.size = to_client.at = to_server.size = to_server.at = 0;
	return client;
}

/* What it comes to at the server. */
static enum tls_result try_handshake(gnutls_session_t client, struct tls *server, const char **text)
{
	enum tls_result rc = TLS_AGAIN;
	uint8_t alert;
	int done = GNUTLS_E_AGAIN;

	for (int i = 0; i < 20 && (rc == TLS_AGAIN || (rc == TLS_OK && done != 0)); i++) {
		if (done == GNUTLS_E_AGAIN)
			done = gnutls_handshake(client);
		assert_true(done == 0 || done == GNUTLS_E_AGAIN);
		server->in = to_server.data + to_server.at;
		server->in_left = to_server.size - to_server.at;
		if (rc == TLS_AGAIN)
			rc = tls_handshake(server, &alert, text);
		to_server.at = to_server.size - server->in_left;
		to_client.size = server->out->size;
	}
	assert_true(rc != TLS_OK || done == 0);
	return rc;
}

static void shake_hands(gnutls_session_t client, struct tls *server)
{
	const char *text = "";

	if (try_handshake(client, server, &text) != TLS_OK)
		fail_msg("%s", text);
}

/* "" if the client was brought none. */
static void assert_stapled(const char *priority, const char *staple)
{
	struct gather out = { .data = to_client.data, .cap = sizeof to_client.data };
	struct certs *certs = certs_new(sign, NULL);
	const char *why;
	struct tls_settings *settings = tls_settings_new(false, "", &why);
	struct cert *cert = get_cert(certs);
	gnutls_certificate_credentials_t nothing;
	gnutls_datum_t got = { NULL, 0 };
	struct tls server;

	gnutls_certificate_allocate_credentials(&nothing);
	gnutls_session_t client = new_client(priority, nothing);
	assert_int_equal(tls_init(&server, settings, cert, NAME, NULL, 0, &out), 0);
	cert_unref(cert);
	shake_hands(client, &server);
	int rc = gnutls_ocsp_status_request_get(client, &got);
	assert_int_equal(rc, *staple ? 0 : GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
	assert_int_equal(got.size, strlen(staple));
	assert_memory_equal(got.data, staple, got.size);
	gnutls_deinit(client);
	gnutls_certificate_free_credentials(nothing);
	tls_clear(&server);
	tls_settings_unref(settings);
	certs_free(certs);
}

static void assert_stapled_in_both(const char *staple)
{
	assert_stapled("NORMAL:-VERS-ALL:+VERS-TLS1.3", staple);
	assert_stapled("NORMAL:-VERS-ALL:+VERS-TLS1.2", staple);
}

static struct segment_staple staple_until(int64_t until)
{
	static const uint8_t id[CERT_ID_BYTES] = "id";

	return (struct segment_staple){ id, "http://ocsp/", true, 1, until, { (const uint8_t *)STAPLE, strlen(STAPLE) } };
}

static void a_staple_of_the_catalog_comes_with_the_certificate(void **state)
{
	struct segment_staple staple = staple_until(time(NULL) + 1000);

	(void)state;
	load_catalog(&staple);
	assert_stapled_in_both(STAPLE);
}

static void no_staple_is_served_after_its_time(void **state)
{
	struct segment_staple staple = staple_until(time(NULL));

	(void)state;
	load_catalog(&staple);
	assert_stapled_in_both("");
}

static void without_a_staple_handshakes_go_on(void **state)
{
	struct segment_staple staple = staple_until(time(NULL) + 1000);

	(void)state;
	load_catalog(NULL);
	assert_stapled_in_both("");
	staple.der.size = 0;
	load_catalog(&staple);
	assert_stapled_in_both("");
}

static void refuse_to_sign(const char *priority)
{
	struct gather out = { .data = to_client.data, .cap = sizeof to_client.data };
	struct certs *certs = certs_new(sign, NULL);
	const char *text = "";
	struct tls_settings *settings = tls_settings_new(false, "", &text);
	struct cert *cert = get_cert(certs);
	gnutls_certificate_credentials_t nothing;
	struct tls server;

	gnutls_certificate_allocate_credentials(&nothing);
	gnutls_session_t client = new_client(priority, nothing);
	assert_int_equal(tls_init(&server, settings, cert, NAME, NULL, 0, &out), 0);
	cert_unref(cert);
	assert_int_equal(try_handshake(client, &server, &text), TLS_ERROR);
	gnutls_deinit(client);
	gnutls_certificate_free_credentials(nothing);
	tls_clear(&server);
	tls_settings_unref(settings);
	certs_free(certs);
}

static void a_key_that_may_not_sign_is_not_asked_to(void **state)
{
	(void)state;
	load_catalog_of(NULL, GNUTLS_KEY_DIGITAL_SIGNATURE);
	assert_stapled_in_both("");
	load_catalog_of(NULL, GNUTLS_KEY_KEY_AGREEMENT);
	refuse_to_sign("NORMAL:-VERS-ALL:+VERS-TLS1.3");
	refuse_to_sign("NORMAL:-VERS-ALL:+VERS-TLS1.2");
}

static int make_all(void **state)
{
	(void)state;
	catalog_init(&catalog);
	pki_make(&leaf, &(struct pki_want){ .cn = NAME, .names = { NAME } });
	return 0;
}

static int clear_all(void **state)
{
	(void)state;
	catalog_clear(&catalog);
	pki_clear(&leaf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_staple_of_the_catalog_comes_with_the_certificate),
		cmocka_unit_test(no_staple_is_served_after_its_time),
		cmocka_unit_test(without_a_staple_handshakes_go_on),
		cmocka_unit_test(a_key_that_may_not_sign_is_not_asked_to),
	};
	return cmocka_run_group_tests_name("tls", tests, make_all, clear_all);
}
