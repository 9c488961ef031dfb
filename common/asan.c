/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What AddressSanitizer does in a build with it. Processes get no environment,
 * so it is said here. Nothing calls it: configure.ac makes the linker look for
 * the string, and so take this file.
 */
#include <sanitizer/asan_interface.h>

/* Of 256 MB of freed memory that is kept to catch its use, 4: tests look at what a process gives back. */
extern const char asan_options[];
const char asan_options[] = "quarantine_size_mb=4:thread_local_quarantine_size_kb=256:allocator_release_to_os_interval_ms=500";

const char *__asan_default_options(void)
{
	return asan_options;
}
