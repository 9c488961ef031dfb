/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for common/msg.c: what a process that was taken over sends
 * is refused, or decodes to what would be sent as the very same packet.
 */
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct channel sender, receiver;

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void connect_once(void)
{
	int fds[2];

	if (receiver.fd > 0)
		return;
	demand(channel_pair(fds) == 0);
	channel_init(&sender, fds[0]);
	channel_init(&receiver, fds[1]);
}

/* Descriptors are of no interest here: they are not part of the bytes. */
static void demand_same_packet(const struct msg *m, const struct packet *p)
{
	static struct packet again;

	connect_once();
	demand(msg_send(&sender, m, NULL, 0) == 0);
	demand(channel_recv(&receiver, &again) == 0);
	demand(again.size == p->size && memcmp(again.data, p->data, p->size) == 0);
}

/* First bytes: who sends, who receives, how many descriptors came along. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct packet *p;
	struct msg m;

	if (size < 4 || size - 3 > CHANNEL_PACKET_MAX)
		return 0;
	/* Ends with the packet, so that a read past the end is seen. */
	size_t bytes = offsetof(struct packet, data) + size - 3;
	demand((p = malloc(bytes)) != NULL);
	p->size = size - 3;
	p->nfds = data[2] % (FDPASS_MAX + 1);
	memcpy((uint8_t *)p + offsetof(struct packet, data), data + 3, p->size);
	int rc = msg_decode(p, data[0] % ROLE_COUNT, data[1] % ROLE_COUNT, &m, &why);
	demand(rc == 0 ? why == NULL : why != NULL);
	if (rc == 0)
		demand_same_packet(&m, p);
	free(p);
	return 0;
}
