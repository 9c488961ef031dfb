/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/server.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "common/log.h"
#include "workers/keeper/forms.h"
#include "workers/keeper/heap.h"

enum turn { TURN_DONE, TURN_END, TURN_FAILED };

static struct sign_key *key_by_id(struct server *s, const uint8_t *id)
{
	struct sign_key *key = keycache_find(&s->cache, id);
	size_t size;

	if (key)
		return key;
	const uint8_t *der = keystore_find(s->store, id, &size);
	if (!der && s->added)
		der = keystore_find(s->added, id, &size);
	if (!der && s->made)
		der = keystore_find(s->made, id, &size);
	key = der ? sign_key_new(s->lib, der, size) : NULL;
	if (key)
		keycache_put(&s->cache, id, key);
	heap_lock();
	return key;
}

enum sign_error server_sign(struct server *s, const struct msg_sign_req *req, size_t *size)
{
	*size = 0;
	if (req->key_id.size != KEY_ID_BYTES || !form_holds(req->form, req->data.data, req->data.size))
		return SIGN_REFUSED;
	struct sign_key *key = key_by_id(s, req->key_id.data);
	if (!key)
		return SIGN_NO_KEY;
	if (!form_allows(req->form, req->scheme, sign_key_kind(key)))
		return SIGN_REFUSED;
	int n = sign_data(key, req->scheme, req->data.data, req->data.size, s->signature);
	if (n <= 0)
		return SIGN_FAILED;
	*size = (size_t)n;
	__atomic_fetch_add(s->signatures, 1, __ATOMIC_RELAXED);
	return SIGN_OK;
}

static enum turn answer(struct server *s)
{
	struct msg m, a = { .type = MSG_SIGN_ANS };
	const char *why;
	size_t size;
	int rc = channel_recv(&s->worker, &s->packet);

	if (rc < 0)
		return rc == -EAGAIN ? TURN_DONE : TURN_END;
	if (msg_decode(&s->packet, ROLE_WORKER, ROLE_SIGNER, &m, &why) < 0) {
		packet_close_fds(&s->packet);
		log_error("message from the worker breaks the protocol: %s", why);
		return TURN_FAILED;
	}
	a.id = m.id;
	a.sign_ans.error = server_sign(s, &m.sign_req, &size);
	a.sign_ans.signature = (struct bytes){ s->signature, size };
	if (a.sign_ans.error == SIGN_REFUSED)
		log_warning("a request was refused: form %u, scheme 0x%04x, %zu bytes",
			m.sign_req.form, m.sign_req.scheme, m.sign_req.data.size);
	rc = msg_send(&s->worker, &a, NULL, 0);
	/* A worker waits for each answer; one that leaves them lying has gone wrong. */
	return rc < 0 || channel_pending(&s->worker) > 0 ? TURN_END : TURN_DONE;
}

static enum turn take_store(struct server *s, struct keystore **place)
{
	struct keystore *store = keystore_open(packet_take_fd(&s->packet, 0));

	if (!store) {
		log_error("the new key store cannot be mapped");
		return TURN_FAILED;
	}
	keystore_free(*place);
	*place = store;
	return TURN_DONE;
}

/* Parsed keys may be of the store that goes: none of it signs from now on. */
static void drop(struct server *s, struct keystore **store)
{
	keycache_clear(&s->cache);
	keystore_free(*store);
	*store = NULL;
}

static void commit(struct server *s)
{
	if (!s->added)
		return;
	drop(s, &s->store);
	s->store = s->added;
	s->added = NULL;
}

static enum turn obey(struct server *s)
{
	struct msg m;
	const char *why;
	int rc = channel_recv(&s->keeper, &s->packet);

	if (rc < 0)
		return rc == -EAGAIN ? TURN_DONE : TURN_END;
	if (msg_decode(&s->packet, ROLE_KEEPER, ROLE_SIGNER, &m, &why) < 0) {
		packet_close_fds(&s->packet);
		return TURN_FAILED;
	}
	switch (m.type) {
	case MSG_KEY_STORE: return take_store(s, m.key_store.made ? &s->made : &s->added);
	case MSG_KEYS_COMMIT: commit(s); break;
	case MSG_DISCARD: drop(s, &s->added); break;
	default: log_set_level(m.log_level.log_level); break;
	}
	return TURN_DONE;
}

/*
 * The kernel looks at the worker's descriptor first, and the keeper's is
 * served first: so a request for a new key, which comes after the keeper has
 * said that it has it, always finds the new store.
 */
static enum turn turn(struct server *s)
{
	struct pollfd fds[2] = { { .fd = s->worker.fd, .events = POLLIN }, { .fd = s->keeper.fd, .events = POLLIN } };
	enum turn t = TURN_DONE;

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? TURN_DONE : TURN_FAILED;
	if (fds[1].revents)
		t = obey(s);
	if (t == TURN_DONE && fds[0].revents)
		t = answer(s);
	return t;
}

int server_run(struct server *s)
{
	enum turn t;

	do
		t = turn(s);
	while (t == TURN_DONE);
	keycache_clear(&s->cache);
	return t == TURN_FAILED;
}
