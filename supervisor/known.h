/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of certificates and keys that were read before, with what stat(2) said
 * of them then: the supervisor keeps them, the opener looks into a copy and
 * opens only what has changed. A file is known by its group (which setting of
 * the configuration asks for it) and its path; its number stands for what it
 * held, so that a file that changes gets another.
 */
#ifndef SUPERVISOR_KNOWN_H
#define SUPERVISOR_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define KNOWN_BYTES_MAX ((size_t)1 << 28)	/* of a copy */

struct known_file {
	uint32_t group, number;
	uint64_t stamp;		/* 0: is to be opened in any case */
	int64_t until;		/* Unix seconds: from then on, too, there being more to say of it */
	const char *path;
	bool seen;		/* for the opener */
};

struct known;

struct known *known_new(void);		/* NULL: out of memory */
void known_free(struct known *k);	/* NULL does nothing */
size_t known_count(const struct known *k);
uint32_t known_last(const struct known *k);	/* the greatest number */
/* Lent until the next change; NULL: there is none. */
struct known_file *known_find(const struct known *k, uint32_t group, const char *path);
struct known_file *known_find_number(const struct known *k, uint32_t number);
/* Adds it, or replaces that of its group and path. The path is copied. 0 or -ENOMEM. */
int known_put(struct known *k, const struct known_file *f);
void known_drop(struct known *k, uint32_t number);
/* The i-th of all there have been; NULL: that has been dropped. For going through them up to known_places(). */
struct known_file *known_at(const struct known *k, size_t i);
size_t known_places(const struct known *k);

/* A copy in a sealed memfd, the caller's; or a negative errno. */
int known_write(const struct known *k);
/* Takes fd. Nothing in it is believed. NULL with errno set. */
struct known *known_read(int fd);

/*
 * What will differ when the file has changed. 0 if it has changed so lately
 * that its times cannot tell.
 */
uint64_t known_stamp(const struct stat *st);
/* Whether it need not be opened now. */
bool known_is_fresh(const struct known_file *f, const struct stat *st, int64_t now);

#endif
