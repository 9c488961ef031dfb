/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as the bench's programs take them: 127.0.0.1:443 or unix:/path. */
#ifndef BENCH_COMMON_ADDRESS_H
#define BENCH_COMMON_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False if the text is no address. */
bool address_parse(const char *text, struct sockaddr_storage *out, socklen_t *size);
/* Small requests are not to wait for one another's acknowledgement. */
void address_nodelay(int fd);

#endif
