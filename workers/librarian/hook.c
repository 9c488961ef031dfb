/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsward-acme-hook: uacme runs it for each challenge. It hands its arguments
 * to the librarian through the socket that it has inherited, waits for one
 * byte, and ends with it: 0 accepts the challenge. It looks at nothing itself.
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workers/librarian/hook.h"

#define REFUSED 1

int main(int argc, char **argv)
{
	char packet[HOOK_PACKET_MAX];
	size_t size = 0;
	unsigned char answer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 1 + HOOK_ARGUMENTS)
		return REFUSED;
	for (int i = 1; i < argc; i++) {
		size_t n = strlen(argv[i]) + 1;
		if (n > sizeof packet - size)
			return REFUSED;
		memcpy(packet + size, argv[i], n);
		size += n;
	}
	if (send(RUNNER_HOOK_FD, packet, size, MSG_NOSIGNAL) != (ssize_t)size)
		return REFUSED;
	return recv(RUNNER_HOOK_FD, &answer, 1, 0) == 1 ? answer : REFUSED;
}
