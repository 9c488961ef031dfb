/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of host sets. All is checked at load, so look-ups are bare. */
#include "common/hostset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"
#include "common/names.h"

struct hostset {
	const uint8_t *data;
	const struct hostset_head *head;
	const struct hostset_slot *slots;
	size_t size;
	unsigned refs;
};

uint64_t hostset_hash_end(uint64_t h, enum hostset_kind kind)
{
	h ^= (uint64_t)kind + 1;
	h ^= h >> 32;			/* FNV leaves the low bits to the last byte alone */
	h *= 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t hash_name(const uint8_t *name, size_t size, enum hostset_kind kind)
{
	uint64_t h = HOSTSET_HASH_START;

	while (size > 0)
		h = hostset_hash_more(h, (char)name[--size]);
	return hostset_hash_end(h, kind);
}

static bool name_is_good(const struct hostset *s, const struct hostset_slot *slot)
{
	size_t names = sizeof *s->head + (size_t)s->head->slots_n * sizeof *slot;

	if (slot->off < names || slot->off > s->size || s->size - slot->off < 3)
		return false;
	const uint8_t *at = s->data + slot->off;
	if (at[0] >= HOSTSET_KINDS || at[1] == 0 || at[1] >= NAME_BYTES || s->size - slot->off < 3u + at[1])
		return false;
	return at[2 + at[1]] == '\0' && (uint32_t)(hash_name(at + 2, at[1], at[0]) >> 32) == slot->tag;
}

static bool slots_are_good(const struct hostset *s)
{
	uint32_t kinds_n[HOSTSET_KINDS] = { 0 }, names_n = 0;

	for (uint32_t i = 0; i < s->head->slots_n; i++) {
		if (s->slots[i].off == 0)
			continue;
		if (!name_is_good(s, &s->slots[i]))
			return false;
		kinds_n[s->data[s->slots[i].off]]++;
		names_n++;
	}
	/* Half empty, or looking for what is not there would cost a walk. */
	return names_n == s->head->names_n && names_n <= s->head->slots_n / 2 &&
		memcmp(kinds_n, s->head->kinds_n, sizeof kinds_n) == 0;
}

static bool is_good(const struct hostset *s)
{
	const struct hostset_head *h = s->head;

	if (s->size < sizeof *h || h->magic != HOSTSET_MAGIC || h->size != s->size)
		return false;
	if (h->slots_n == 0 || (h->slots_n & (h->slots_n - 1)) != 0 ||
	    h->slots_n > (s->size - sizeof *h) / sizeof *s->slots)
		return false;
	return slots_are_good(s);
}

struct hostset *hostset_load(int fd)
{
	struct hostset *s = calloc(1, sizeof *s);
	int err = ENOMEM;

	if (!s)
		goto out;
	s->data = memfd_map_sealed(fd, HOSTSET_BYTES_MAX, &s->size);
	if (!s->data) {
		err = errno;
		goto out;
	}
	s->head = (const void *)s->data;
	s->slots = (const void *)(s->head + 1);
	s->refs = 1;
	err = is_good(s) ? 0 : EINVAL;
out:
	close(fd);
	if (err == 0)
		return s;
	hostset_unref(s);
	errno = err;
	return NULL;
}

struct hostset *hostset_ref(struct hostset *s)
{
	if (s)
		s->refs++;
	return s;
}

void hostset_unref(struct hostset *s)
{
	if (!s || (s->refs > 0 && --s->refs > 0))
		return;
	if (s->data)
		munmap((void *)(uintptr_t)s->data, s->size);
	free(s);
}

uint32_t hostset_names(const struct hostset *s) { return s->head->names_n; }
uint32_t hostset_slots(const struct hostset *s) { return s->head->slots_n; }

const char *hostset_exact(const struct hostset *s, uint32_t slot)
{
	const uint8_t *at = s->data + s->slots[slot].off;

	return s->slots[slot].off != 0 && at[0] == HOSTSET_EXACT ? (const char *)at + 2 : NULL;
}

static bool has(const struct hostset *s, uint64_t h, enum hostset_kind kind, const char *name, size_t size)
{
	uint32_t mask = s->head->slots_n - 1;

	if (s->head->kinds_n[kind] == 0)
		return false;
	h = hostset_hash_end(h, kind);
	for (uint32_t i = 0; i <= mask; i++) {
		const struct hostset_slot *slot = &s->slots[(h + i) & mask];
		if (slot->off == 0)
			return false;
		const uint8_t *at = s->data + slot->off;
		if (slot->tag == (uint32_t)(h >> 32) && at[0] == kind && at[1] == size && memcmp(at + 2, name, size) == 0)
			return true;
	}
	return false;
}

bool hostset_contains(const struct hostset *s, const char *name)
{
	size_t size = strlen(name), at = size;
	const char *parent = strchr(name, '.');
	uint64_t h = HOSTSET_HASH_START;

	while (at > 0) {
		h = hostset_hash_more(h, name[--at]);
		if (at > 0 && name[at - 1] != '.')
			continue;
		if (has(s, h, HOSTSET_SUFFIX, name + at, size - at))
			return true;
		if (parent && name + at == parent + 1 && has(s, h, HOSTSET_WILDCARD, name + at, size - at))
			return true;
	}
	return size > 0 && has(s, h, HOSTSET_EXACT, name, size);
}
