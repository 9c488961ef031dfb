/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests what of ACME needs no process: when certificates are ordered, what a
 * hook may say, which files challenges become, what is told of a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "workers/librarian/acme_when.h"
#include "workers/librarian/challenge.h"
#include "workers/librarian/order.h"

#define DAY 86400
#define THUMB "0123456789abcdefghijABCDEFGHIJ-_0123456789a"	/* 43 characters */

static void base64_is_that_of_rfc_4648(void **state)
{
	char text[PEM_SIZE(100)];
	uint8_t out[64], data[100];

	(void)state;
	size_t n = base64_pem("X", "fooba", 5, text);
	assert_int_equal(n, strlen(text));
	assert_string_equal(text, "-----BEGIN X-----\nZm9vYmE=\n-----END X-----\n");
	base64_pem("X", "foob", 4, text);
	assert_non_null(strstr(text, "\nZm9vYg==\n"));
	memset(data, 0xff, sizeof data);
	assert_true(base64_pem("CERTIFICATE REQUEST", data, sizeof data, text) < sizeof text);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		assert_true(strchr(line, '\n') - line <= 64);
	assert_int_equal(base64url_decode("Zm9vYmE", out, sizeof out), 5);
	assert_memory_equal(out, "fooba", 5);
	assert_int_equal(base64url_decode("_-8", out, sizeof out), 2);
	assert_memory_equal(out, "\xff\xef", 2);
	assert_int_equal(base64url_decode("Zm9vYmE=", out, sizeof out), -EINVAL);
	assert_int_equal(base64url_decode("Z", out, sizeof out), -EINVAL);
	assert_int_equal(base64url_decode("", out, sizeof out), -EINVAL);
	assert_int_equal(base64url_decode("Zm9vYmE", out, 4), -EINVAL);
}

static void renewal_is_at_two_thirds_with_jitter_by_name(void **state)
{
	int64_t a = acme_renewal("a.example.org", 0, 90 * DAY), b = acme_renewal("b.example.org", 0, 90 * DAY);

	(void)state;
	assert_true(a <= 60 * DAY && a > 60 * DAY - 90 * DAY / 24 - 1);
	assert_true(b <= 60 * DAY && b > 60 * DAY - 90 * DAY / 24 - 1);
	assert_int_not_equal(a, b);
	assert_int_equal(a, acme_renewal("a.example.org", 0, 90 * DAY));
	assert_int_equal(acme_renewal("a.example.org", 100, 100), 100);
	assert_int_equal(acme_renewal("a.example.org", 100, 50), 100);
}

static void failures_back_off(void **state)
{
	(void)state;
	for (uint32_t chance = 0; chance < 100000; chance += 777) {
		int64_t most = ACME_BACKOFF_MIN_S;
		for (uint32_t n = 1; n < 40; n++) {
			int64_t s = acme_backoff(n, false, chance), limited = acme_backoff(n, true, chance);
			assert_in_range(s, most * 3 / 4, most * 5 / 4);
			assert_in_range(limited, ACME_RATE_LIMIT_S, ACME_BACKOFF_MAX_S * 5 / 4);
			most = most * 2 > ACME_BACKOFF_MAX_S ? ACME_BACKOFF_MAX_S : most * 2;
		}
	}
	assert_true(acme_is_rate_limit("{ \"type\": \"urn:ietf:params:acme:error:rateLimited\" }"));
	assert_false(acme_is_rate_limit("{ \"type\": \"urn:ietf:params:acme:error:malformed\" }"));
}

static void a_hook_says_five_things(void **state)
{
	static const char good[] = "begin\0http-01\0a.example.org\0token\0auth";
	static const char *const bad[] = { "", "begin", "begin\0b\0c\0d" };
	struct hook_call call;

	(void)state;
	assert_true(hook_parse(good, sizeof good, &call));
	assert_string_equal(call.method, "begin");
	assert_string_equal(call.type, "http-01");
	assert_string_equal(call.name, "a.example.org");
	assert_string_equal(call.token, "token");
	assert_string_equal(call.authorization, "auth");
	assert_false(hook_parse(good, sizeof good - 1, &call));
	assert_false(hook_parse("a\0b\0c\0d\0e\0f", 12, &call));
	assert_false(hook_parse("begin\0b\0c\0d", 12, &call));
	assert_false(hook_parse(good, 0, &call));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(hook_parse(bad[i], strlen(bad[i]) + 1, &call));
}

struct folder { char path[64], file[CHALLENGE_PATH_MAX]; struct order order; };

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	snprintf(f->path, sizeof f->path, "/tmp/tlsward-acme-XXXXXX");
	order_init(&f->order);
	*state = f;
	return mkdtemp(f->path) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const below[] = { "/.well-known/acme-challenge", "/.well-known", "" };
	struct folder *f = *state;
	char path[256];

	order_clear(&f->order);
	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, below[i]);
		rmdir(path);
	}
	int rc = access(f->path, F_OK) == 0 ? -1 : 0;
	free(f);
	return rc;
}

static int put(struct folder *f, const char *token, const char *authorization)
{
	return challenge_put(f->path, token, authorization, f->file);
}

static void a_challenge_is_a_file_named_by_its_token(void **state)
{
	struct folder *f = *state;
	char path[256], text[128] = "";

	assert_int_equal(put(f, "tok-EN_1", "tok-EN_1." THUMB), 0);
	snprintf(path, sizeof path, "%s/.well-known/acme-challenge/tok-EN_1", f->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_string_equal(text, "tok-EN_1." THUMB);
	assert_string_equal(f->file, path);
	assert_int_equal(unlink(path), 0);
}

static void nothing_else_becomes_a_path(void **state)
{
	static const struct { const char *token, *authorization; } bad[] = {
		{ "", "." THUMB }, { "..", "..." THUMB }, { "../a", "../a." THUMB }, { "a/b", "a/b." THUMB }, { "a.b", "a.b." THUMB },
		{ "a\nb", "a\nb." THUMB }, { "a b", "a b." THUMB }, { "%s", "%s." THUMB }, { "a", "a" }, { "a", "b." THUMB }, { "a", "a." },
		{ "a", "a." THUMB "x" }, { "a", "a." THUMB "\n" }, { "a", "a.<script>" },
	};
	struct folder *f = *state;
	char token[200], authorization[300];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(put(f, bad[i].token, bad[i].authorization), -EBADMSG);
	memset(token, 'a', sizeof token - 1);
	token[sizeof token - 1] = '\0';
	snprintf(authorization, sizeof authorization, "%s." THUMB, token);
	assert_int_equal(put(f, token, authorization), -EBADMSG);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct folder *f = *state;
	char path[256], target[256];

	assert_int_equal(put(f, "first", "first." THUMB), 0);
	assert_int_equal(unlink(f->file), 0);
	snprintf(target, sizeof target, "%s/target", f->path);
	snprintf(path, sizeof path, "%s/.well-known/acme-challenge/second", f->path);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(put(f, "second", "second." THUMB), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
	unlink(path);
}

static void say(struct order *o, const char *text)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	o->output = fds[0];
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
	close(fds[1]);
	order_read_output(o);
	assert_int_equal(o->output, -1);
}

static void a_failure_is_told_in_the_words_of_the_ca(void **state)
{
	struct folder *f = *state;
	char text[200], *flood = malloc(60001);

	say(&f->order, "uacme: the server reported the following error:\n{\n \"type\": \"urn:x\",\n \"detail\": \"too\x1b[31m many\",\n}\nuacme: failed\n");
	order_problem(&f->order, text, sizeof text);
	assert_string_equal(text, "too?[31m many");
	order_clear(&f->order);
	say(&f->order, "uacme: first\nuacme: last line\n\n");
	order_problem(&f->order, text, sizeof text);
	assert_string_equal(text, "uacme: last line");
	order_clear(&f->order);
	order_problem(&f->order, text, sizeof text);
	assert_string_equal(text, "");
	memset(flood, 'x', 60000);
	memcpy(flood + 59990, "\nthe end\n", 10);
	say(&f->order, flood);
	order_problem(&f->order, text, sizeof text);
	assert_string_equal(text, "the end");
	free(flood);
}

static void names_are_kept_in_order(void **state)
{
	struct acme_names names = { .n = 0 };
	char name[300];

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "%d.example.org", i * 7919 % 500);
		assert_non_null(acme_names_get(&names, name));
	}
	assert_int_equal(names.n, 500);
	for (size_t i = 1; i < names.n; i++)
		assert_true(strcmp(names.list[i - 1]->rec.id, names.list[i]->rec.id) < 0);
	assert_ptr_equal(acme_names_get(&names, "7.example.org"), acme_names_find(&names, "7.example.org"));
	assert_null(acme_names_find(&names, "none.example.org"));
	memset(name, 'a', ACME_NAME_MAX + 1);
	name[ACME_NAME_MAX + 1] = '\0';
	assert_null(acme_names_get(&names, name));
	acme_names_clear(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(renewal_is_at_two_thirds_with_jitter_by_name),
		cmocka_unit_test(failures_back_off),
		cmocka_unit_test(a_hook_says_five_things),
		cmocka_unit_test_setup_teardown(a_challenge_is_a_file_named_by_its_token, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(nothing_else_becomes_a_path, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_link_in_its_place_is_not_followed, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_failure_is_told_in_the_words_of_the_ca, make_folder, remove_folder),
		cmocka_unit_test(names_are_kept_in_order),
	};
	return cmocka_run_group_tests_name("acme", tests, NULL, NULL);
}
