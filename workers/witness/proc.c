/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json_text.h"
#include "workers/witness/missing.h"

#define KERNEL_FRAMES 32

/* All of a small file of /proc/PID; its size or a negative errno. */
static ssize_t slurp(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, size - 1);
	int err = errno;
	close(fd);
	if (n < 0)
		return -err;
	text[n] = '\0';
	return n;
}

bool proc_parse_stat(const char *text, char *state, uint64_t *start)
{
	/* The name may hold anything, so look for its end from the right. */
	const char *end = strrchr(text, ')');

	return end && sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
		" %*d %*d %*d %*d %*d %*d %" SCNu64, state, start) == 2;
}

char proc_state(pid_t pid, uint64_t start)
{
	char text[1024], state;
	uint64_t started;

	if (slurp(pid, "stat", text, sizeof text) <= 0 || !proc_parse_stat(text, &state, &started))
		return 0;
	return started == start && state != 'Z' && state != 'X' ? state : 0;
}

/* Whose first argument is a descriptor. */
static bool takes_descriptor(const char *call)
{
	static const char *const calls[] = { "read", "write", "readv", "writev", "pread64", "pwrite64", "recvfrom", "recvmsg",
		"sendto", "sendmsg", "connect", "accept4", "epoll_wait", "epoll_pwait", "fsync", "fdatasync", "ioctl", "getdents64" };

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (strcmp(call, calls[i]) == 0)
			return true;
	return false;
}

void proc_parse_syscall(const char *text, char *out, size_t size)
{
	long number;
	unsigned long first;
	int got = sscanf(text, "%ld %lx", &number, &first);

	if (got < 1) {
		snprintf(out, size, "%s", strncmp(text, "running", 7) == 0 ? "none: it runs" : "unknown");
		return;
	}
	if (number < 0) {
		snprintf(out, size, "none: it waits outside of any");
		return;
	}
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
	if (name && got == 2 && takes_descriptor(name))
		snprintf(out, size, "%s on descriptor %ld", name, (long)first);
	else
		snprintf(out, size, "%s", name ? name : "unknown");
	free(name);
}

static void add_text(json_t *o, pid_t pid, const char *key, const char *name, void (*parse)(const char *, char *, size_t))
{
	char text[1024], words[128];
	ssize_t n = slurp(pid, name, text, sizeof text);

	if (n < 0) {
		missing_add(o, key, strerror((int)-n));
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	if (parse) {
		parse(text, words, sizeof words);
		json_object_set_new(o, key, json_text(words));
	} else {
		json_object_set_new(o, key, json_text(strcmp(text, "0") == 0 ? "" : text));
	}
}

static void add_status(json_t *o, pid_t pid)
{
	static const char *const wanted[] = { "State", "Threads", "VmRSS", "VmSize", "VmSwap", "SigQ",
		"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches" };
	char text[8192], *rest = text, *line;
	ssize_t n = slurp(pid, "status", text, sizeof text);

	if (n < 0) {
		missing_add(o, "status", strerror((int)-n));
		return;
	}
	json_t *s = json_object();
	while ((line = strsep(&rest, "\n"))) {
		char *colon = strchr(line, ':');
		for (size_t i = 0; colon && i < sizeof wanted / sizeof wanted[0]; i++) {
			if (strncmp(line, wanted[i], (size_t)(colon - line)) != 0 || wanted[i][colon - line] != '\0')
				continue;
			char *value = colon + 1 + strspn(colon + 1, "\t ");
			json_object_set_new(s, wanted[i], json_text(value));
		}
	}
	json_object_set_new(o, "status", s);
}

/* "D (disk sleep)" */
static const char *status_of(const json_t *o)
{
	const char *text = json_string_value(json_object_get(json_object_get(o, "status"), "State"));

	return text ? text : "";
}

static void add_kernel_stack(json_t *o, pid_t pid)
{
	char text[8192], *rest = text, *line;
	ssize_t n = slurp(pid, "stack", text, sizeof text);

	if (n < 0) {
		/* Of use for one that hangs there. */
		if (strncmp(status_of(o), "D", 1) == 0)
			missing_add(o, "kernel stack", n == -EPERM || n == -EACCES ?
				"only a process with CAP_SYS_ADMIN may read it, and tlsward has given that up" : strerror((int)-n));
		return;
	}
	json_t *frames = json_array();
	while ((line = strsep(&rest, "\n")) && json_array_size(frames) < KERNEL_FRAMES) {
		char *name = strchr(line, ']');	/* after the address */
		if (name && name[1] == ' ')
			json_array_append_new(frames, json_text(name + 2));
	}
	json_object_set_new(o, "kernel_stack", frames);
}

json_t *proc_view(pid_t pid)
{
	json_t *o = json_object();

	add_status(o, pid);
	add_text(o, pid, "wchan", "wchan", NULL);
	add_text(o, pid, "syscall", "syscall", proc_parse_syscall);
	add_kernel_stack(o, pid);
	return o;
}
