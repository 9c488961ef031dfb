/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the kernel's header; Debian 12's ends at ABI 2. */
#define ACCESS_FS_ABI_1 ((1ull << 13) - 1)
#define ACCESS_FS_REFER (1ull << 13)
#define ACCESS_FS_TRUNCATE (1ull << 14)
#define ACCESS_READING ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define ACCESS_OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_FS_TRUNCATE)
#define ACCESS_NET_BIND_TCP (1ull << 0)
#define ACCESS_NET_CONNECT_TCP (1ull << 1)
#define RULE_NET_PORT 2

struct ruleset_attr { uint64_t access_fs, access_net; };
struct net_port_attr { uint64_t access, port; };

static struct ruleset_attr handled(int abi)
{
	struct ruleset_attr a = { .access_fs = ACCESS_FS_ABI_1 };

	if (abi >= 2)
		a.access_fs |= ACCESS_FS_REFER;
	if (abi >= 3)
		a.access_fs |= ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		a.access_net = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP;
	return a;
}

static int allow_ports(int ruleset, const uint16_t *ports, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct net_port_attr rule = { .access = ACCESS_NET_CONNECT_TCP, .port = ports[i] };
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
			return -errno;
	}
	return 0;
}

static int restrict_self(int ruleset)
{
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;

	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = -errno;
	return rc;
}

int landlock_enter(const uint16_t *ports, size_t n)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return -errno;
	struct ruleset_attr attr = handled((int)abi);
	size_t size = abi >= 4 ? sizeof attr : sizeof attr.access_fs;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	int rc = abi >= 4 ? allow_ports(ruleset, ports, n) : 0;
	if (rc == 0)
		rc = restrict_self(ruleset);
	close(ruleset);
	return rc < 0 ? rc : (int)abi;
}

/* Of those that are handled. */
static uint64_t access_of(const struct landlock_place *place, uint64_t access)
{
	uint64_t writing = ~(ACCESS_READING | LANDLOCK_ACCESS_FS_EXECUTE);
	struct stat st;

	if (fstat(place->fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= ACCESS_OF_FILES;
	return access & ((place->read ? ACCESS_READING : 0) | (place->write ? writing : 0) |
		(place->execute ? LANDLOCK_ACCESS_FS_EXECUTE : 0));
}

static int allow_places(int ruleset, uint64_t access, const struct landlock_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct landlock_path_beneath_attr rule = { .parent_fd = places[i].fd, .allowed_access = access_of(&places[i], access) };
		if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			return -errno;
	}
	return 0;
}

int landlock_enter_places(const struct landlock_place *places, size_t n, enum landlock_reads reads)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return -errno;
	uint64_t access = handled((int)abi).access_fs & ~(reads == LANDLOCK_READS_ALL ? ACCESS_READING : 0);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &access, sizeof access, 0);
	if (ruleset < 0)
		return -errno;
	int rc = allow_places(ruleset, access, places, n);
	if (rc == 0)
		rc = restrict_self(ruleset);
	close(ruleset);
	return rc;
}

const char *landlock_enter_all(void)
{
	return landlock_enter(NULL, 0) < 0 ? LANDLOCK_MISSING : "";
}
