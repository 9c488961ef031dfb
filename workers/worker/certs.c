/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define PLACES CERTS_CACHED	/* a power of two */

struct certs {
	struct cert *newest, *oldest;
	struct cert *table[PLACES];	/* by entry: going through all of them costs as much as a system call */
	int n;
	certs_sign *sign;
	void *data;
};

/*
 * Whose key the running handshake may use: GnuTLS hands the function that we
 * interpose below nothing of ours.
 */
static struct cert *cert_in_hand;

void certs_in_hand(struct cert *cert)
{
	cert_in_hand = cert;
}

/* TLS SignatureScheme numbers (RFC 8446 4.2.3) of what GnuTLS may ask for. */
static const struct { gnutls_sign_algorithm_t algo; uint16_t scheme; } schemes[] = {
	{ GNUTLS_SIGN_RSA_SHA256, 0x0401 },
	{ GNUTLS_SIGN_RSA_SHA384, 0x0501 },
	{ GNUTLS_SIGN_RSA_SHA512, 0x0601 },
	{ GNUTLS_SIGN_ECDSA_SHA256, 0x0403 },
	{ GNUTLS_SIGN_ECDSA_SHA384, 0x0503 },
	{ GNUTLS_SIGN_ECDSA_SHA512, 0x0603 },
	{ GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 0x0403 },
	{ GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 0x0503 },
	{ GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, 0x0603 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0x0804 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, 0x0805 },
	{ GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 0x0806 },
	{ GNUTLS_SIGN_EDDSA_ED25519, 0x0807 },
};

static uint16_t scheme_of(gnutls_sign_algorithm_t algo)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (schemes[i].algo == algo)
			return schemes[i].scheme;
	return 0;
}

static gnutls_pk_algorithm_t pk_of(enum catalog_key key)
{
	switch (key) {
	case CATALOG_RSA: return GNUTLS_PK_RSA;
	case CATALOG_ED25519: return GNUTLS_PK_EDDSA_ED25519;
	default: return GNUTLS_PK_ECDSA;
	}
}

/* The named group (RFC 8446 4.2.7) of an ECDSA key. */
static uint16_t group_of(enum catalog_key key)
{
	switch (key) {
	case CATALOG_ECDSA_P256: return 23;
	case CATALOG_ECDSA_P384: return 24;
	default: return 25;
	}
}

/*
 * TLS 1.3 signs a fixed frame that begins with 64 spaces (RFC 8446 4.4.3); a
 * TLS 1.2 client_random that does would be refused by the keeper, no more.
 */
static uint8_t form_of(const gnutls_datum_t *data)
{
	static const char frame[] = "TLS 1.3, server CertificateVerify";
	bool framed = data->size > 64 + sizeof frame &&
		memcmp(data->data + 64, frame, sizeof frame) == 0;

	return framed ? SIGN_TLS13_CERTIFICATE_VERIFY : SIGN_TLS12_SERVER_KEY_EXCHANGE;
}

static int ask(struct cert *cert, uint16_t scheme, const gnutls_datum_t *data, gnutls_datum_t *signature)
{
	struct msg_sign_req req = {
		.key_id = { cert->entry->key_id, KEY_ID_BYTES },
		.scheme = scheme,
		.form = form_of(data),
		.data = { data->data, data->size },
	};
	struct bytes answer;

	if (cert->owner->sign(cert->owner->data, &req, &answer) < 0)
		return GNUTLS_E_PK_SIGN_FAILED;
	signature->data = gnutls_malloc(answer.size);
	if (!signature->data)
		return GNUTLS_E_MEMORY_ERROR;
	memcpy(signature->data, answer.data, answer.size);
	signature->size = (unsigned)answer.size;
	return 0;
}

/*
 * GnuTLS gives its callbacks for external keys only the hash (but for Ed25519),
 * and the keeper signs nothing that it cannot read. So this function of
 * GnuTLS's is replaced by symbol interposition: its own handshake code calls
 * it through the procedure linkage table, with the bytes to be signed.
 */
int gnutls_privkey_sign_data2(gnutls_privkey_t signer, gnutls_sign_algorithm_t algo, unsigned flags,
	const gnutls_datum_t *data, gnutls_datum_t *signature)
{
	(void)flags;
	if (!cert_in_hand || cert_in_hand->key != signer)
		return GNUTLS_E_INVALID_REQUEST;
	return ask(cert_in_hand, scheme_of(algo), data, signature);
}

/* Reached only with a GnuTLS whose calls to itself cannot be interposed. */
static int on_sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algo, void *userdata, unsigned flags,
	const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
	(void)key;
	(void)algo;
	(void)userdata;
	(void)flags;
	(void)hash;
	(void)signature;
	log_error("this build of GnuTLS signs hashes only (is it linked with -Bsymbolic?): the keeper cannot");
	return GNUTLS_E_PK_SIGN_FAILED;
}

static int on_info(gnutls_privkey_t key, unsigned flags, void *userdata)
{
	const struct cert *cert = userdata;

	(void)key;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return (int)pk_of(cert->entry->key);
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
		return (int)cert->entry->key_bits;
	if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
		return scheme_of(GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) != 0;
	return -1;
}

struct certs *certs_new(certs_sign *sign, void *data)
{
	struct certs *c = calloc(1, sizeof *c);

	if (c) {
		c->sign = sign;
		c->data = data;
	}
	return c;
}

static bool accepts(const struct hello *hello, enum catalog_key key)
{
	switch (key) {
	case CATALOG_RSA: return hello_accepts_rsa(hello);
	case CATALOG_ED25519: return hello_accepts_ed25519(hello);
	default: return hello_accepts_ecdsa(hello, group_of(key));
	}
}

int certs_choose(const struct catalog_found *found, const struct hello *hello, const struct chain_order *sources,
	int64_t now, struct chain_choice *chain)
{
	int best = -1, best_score = -1;

	for (int i = 0; i < found->n; i++) {
		const struct catalog_entry *e = found->entries[i];
		struct chain_choice choice;
		if (!accepts(hello, e->key))
			continue;
		chain_choose(found->segment, e, sources, now, &choice);
		bool rsa = e->key == CATALOG_RSA;
		int score = 8 * hello_offers_aead(hello, rsa)
			+ 4 * (e->not_before <= now && now <= e->not_after) + 2 * choice.whole + !rsa;
		if (score <= best_score)
			continue;
		best = i;
		best_score = score;
		*chain = choice;
	}
	return best;
}

static void unlink_cert(struct certs *c, struct cert *cert)
{
	*(cert->newer ? &cert->newer->older : &c->newest) = cert->older;
	*(cert->older ? &cert->older->newer : &c->oldest) = cert->newer;
	cert->newer = cert->older = NULL;
	c->n--;
}

static void link_newest(struct certs *c, struct cert *cert)
{
	cert->older = c->newest;
	cert->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = cert;
	c->newest = cert;
	c->n++;
}

/* Entries lie in a segment, one behind the other. */
static struct cert **place_of(struct certs *c, const struct catalog_entry *entry)
{
	return &c->table[(uintptr_t)entry / sizeof *entry % PLACES];
}

static void enter(struct certs *c, struct cert *cert)
{
	struct cert **place = place_of(c, cert->entry);

	cert->next = *place;
	*place = cert;
}

static void take_out(struct certs *c, struct cert *cert)
{
	struct cert **at = place_of(c, cert->entry);

	while (*at != cert)
		at = &(*at)->next;
	*at = cert->next;
}

static void cert_free(struct cert *cert)
{
	if (cert->chain[0].pubkey)
		gnutls_pubkey_deinit(cert->chain[0].pubkey);
	if (cert->key)
		gnutls_privkey_deinit(cert->key);
	catalog_unref(cert->segment);
	free(cert);
}

void cert_unref(struct cert *cert)
{
	if (cert && --cert->refs == 0)
		cert_free(cert);
}

/*
 * What is sent lies in the segment, and the librarian has parsed it. GnuTLS
 * would do so again to fill a gnutls_pcert_st, which costs a tenth of a handshake.
 */
static int add_bytes(struct cert *cert, uint32_t off, uint32_t size)
{
	const uint8_t *der = catalog_bytes(cert->segment, off, size);

	if (!der)
		return -EINVAL;
	cert->chain[cert->chain_n++] = (gnutls_pcert_st){ .type = GNUTLS_CRT_X509,
		.cert = { (unsigned char *)(uintptr_t)der, size } };
	return 0;
}

/* By it GnuTLS decides what may be signed, and how: of the server's own certificate alone. */
static int import_public_key(struct cert *cert)
{
	const struct catalog_entry *e = cert->entry;
	gnutls_pcert_st *own = &cert->chain[0];
	const gnutls_datum_t spki = { own->cert.data + e->spki_at, e->spki_size };

	if (gnutls_pubkey_init(&own->pubkey) < 0)
		return -ENOMEM;
	if (gnutls_pubkey_import(own->pubkey, &spki, GNUTLS_X509_FMT_DER) < 0)
		return -EINVAL;
	return gnutls_pubkey_set_key_usage(own->pubkey, e->key_usage) < 0 ? -EINVAL : 0;
}

static int import_chain(struct cert *cert, uint32_t links_n)
{
	int rc = add_bytes(cert, cert->entry->cert_off, cert->entry->cert_size);

	if (rc == 0)
		rc = import_public_key(cert);
	for (uint32_t i = 0; i < links_n && rc == 0; i++)
		rc = add_bytes(cert, cert->links->links[i].off, cert->links->links[i].size);
	return rc;
}

static int import_key(struct cert *cert)
{
	if (gnutls_privkey_init(&cert->key) < 0)
		return -ENOMEM;
	if (gnutls_privkey_import_ext4(cert->key, cert, NULL, on_sign_hash, NULL, NULL, on_info, 0) < 0)
		return -EINVAL;
	return 0;
}

static int import_staple(struct cert *cert)
{
	const struct catalog_staple *s = catalog_staple(cert->segment, cert->entry);

	if (!s || s->size == 0)
		return 0;
	const uint8_t *der = catalog_bytes(cert->segment, s->off, s->size);
	if (!der)
		return -EINVAL;
	cert->staple.version = 0;
	cert->staple.response = (gnutls_datum_t){ (unsigned char *)(uintptr_t)der, s->size };
	cert->staple.exptime = s->until;
	return 0;
}

bool cert_must_staple(const struct cert *cert)
{
	const struct catalog_staple *s = catalog_staple(cert->segment, cert->entry);

	return s && s->flags & CATALOG_MUST_STAPLE;
}

gnutls_ocsp_data_st *cert_staple(struct cert *cert, int64_t now)
{
	return catalog_has_staple(cert->segment, cert->entry, now) ? &cert->staple : NULL;
}

static struct cert *make(struct certs *c, struct catalog_segment *segment, const struct catalog_entry *entry,
	const struct chain_choice *chain)
{
	struct cert *cert = calloc(1, sizeof *cert);

	if (!cert)
		return NULL;
	cert->owner = c;
	cert->refs = 1;		/* the cache's */
	cert->segment = catalog_ref(segment);
	cert->entry = entry;
	cert->links = chain->chain;
	int rc = import_chain(cert, chain->links_n);
	if (rc == 0)
		rc = import_key(cert);
	if (rc == 0)
		rc = import_staple(cert);
	if (rc < 0) {
		cert_free(cert);
		errno = -rc;
		return NULL;
	}
	return cert;
}

static void drop(struct certs *c, struct cert *cert)
{
	take_out(c, cert);
	unlink_cert(c, cert);
	cert_unref(cert);
}

static bool is_it(const struct cert *cert, const struct catalog_entry *entry, const struct chain_choice *chain)
{
	/* Without links one chain is as good as the other. */
	return cert->entry == entry && cert->chain_n == 1 + chain->links_n &&
		(chain->links_n == 0 || cert->links == chain->chain);
}

struct cert *certs_get(struct certs *c, struct catalog_segment *segment, const struct catalog_entry *entry,
	const struct chain_choice *chain)
{
	struct cert *cert = *place_of(c, entry);

	while (cert && !is_it(cert, entry, chain))
		cert = cert->next;
	if (cert) {
		unlink_cert(c, cert);
	} else {
		cert = make(c, segment, entry, chain);
		if (!cert)
			return NULL;
		enter(c, cert);
	}
	link_newest(c, cert);
	if (c->n > CERTS_CACHED)
		drop(c, c->oldest);
	cert->refs++;
	return cert;
}

void certs_follow(struct certs *c, const struct catalog *catalog)
{
	for (struct cert *cert = c->newest, *older; cert; cert = older) {
		older = cert->older;
		if (!catalog_has(catalog, cert->segment))
			drop(c, cert);
	}
}

void certs_free(struct certs *c)
{
	if (!c)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	free(c);
}
