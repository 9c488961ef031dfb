/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings that mean something: names, paths, addresses, servers. */
#include "supervisor/conf_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/addr.h"
#include "common/chains.h"
#include "common/msg.h"
#include "common/names.h"

#define PATH_BYTES_MAX 4095
#define URL_BYTES_MAX 1000
#define CONTACT_BYTES_MAX 250
#define SOCKET_BYTES_MAX (sizeof ((struct sockaddr_un *)0)->sun_path - 1)
#define ALPN_BYTES_MAX 31	/* GnuTLS; RFC 7301 3.1 would allow 255 */

static char *keep(struct conf_reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		conf_error_memory(r);
	return copy;
}

char *conf_fix_name(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (text[n] == '\0' && n <= CONF_NAME_MAX)
		return keep(r, text);
	conf_error(r, s, "must be a name of at most %d letters, digits, \"-\", \"_\" and \".\", but is \"%.100s\"",
		CONF_NAME_MAX, text);
	return NULL;
}

static char *absolute(struct conf_reader *r, const config_setting_t *s, const char *prefix, const char *path, size_t max)
{
	char *text;

	if (asprintf(&text, "%s%s%s%s", prefix, path[0] == '/' ? "" : r->base, path[0] == '/' ? "" : "/", path) < 0) {
		conf_error_memory(r);
		return NULL;
	}
	if (strlen(text) - strlen(prefix) <= max)
		return text;
	conf_error(r, s, "is too long: \"%.200s\" has %zu bytes, at most %zu are possible here",
		text + strlen(prefix), strlen(text) - strlen(prefix), max);
	free(text);
	return NULL;
}

char *conf_fix_path(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	return absolute(r, s, "", text, PATH_BYTES_MAX);
}

char *conf_fix_socket(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	return absolute(r, s, "", text, SOCKET_BYTES_MAX);
}

/* A bare word is taken for a keyword mistyped rather than for a file's name. */
char *conf_fix_log_to(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	static const char *const words[] = { "stderr", "syslog", "journal" };
	struct conf_guess guess = conf_guess(text);
	char guessed[CONF_LABEL];

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(text, words[i]) == 0)
			return keep(r, text);
		conf_guess_try(&guess, words[i]);
	}
	if (strpbrk(text, "/."))
		return conf_fix_path(r, s, text);
	conf_error(r, s, "must be \"stderr\", \"syslog\", \"journal\" or the path of a file (with a \"/\" or a \".\" in it), "
		"but is \"%.100s\"%s", text, conf_guess_text(&guess, guessed));
	return NULL;
}

char *conf_fix_ip(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	struct addr a;

	if (addr_from_ip(&a, text, 1) == 0)
		return keep(r, text);
	conf_error(r, s, "must be an IPv4 or IPv6 address such as \"0.0.0.0\" or \"::1\", without a port, but is \"%.100s\"",
		text);
	return NULL;
}

char *conf_fix_server(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	char host[256];
	struct addr a;
	uint16_t port;

	if (strncmp(text, "unix:", 5) == 0 && text[5] != '\0')
		return absolute(r, s, "unix:", text + 5, SOCKET_BYTES_MAX);
	if (addr_parse_server(text, &a, host, &port) == 0)
		return keep(r, text);
	conf_error(r, s, "must be a server such as \"127.0.0.1:8080\", \"[::1]:8080\", \"app.example.org:8080\" or "
		"\"unix:/run/app.sock\", but is \"%.100s\"", text);
	return NULL;
}

char *conf_fix_host(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	char name[NAME_BYTES];

	if (!name_is_ip(text) && name_normalize(text, strlen(text), false, name))
		return keep(r, name);
	conf_error(r, s, "must be a host name such as \"www.example.org\", but is \"%.100s\"", text);
	return NULL;
}

char *conf_fix_alpn(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	if (strlen(text) <= ALPN_BYTES_MAX)
		return keep(r, text);
	conf_error(r, s, "must be the name of a protocol, 1 to %d bytes, but has %zu", ALPN_BYTES_MAX, strlen(text));
	return NULL;
}

char *conf_fix_admin(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	if (strcmp(text, "@") != 0)
		return keep(r, text);
	conf_error(r, s, "must be a user or \"@\" and a group, but has no group after the \"@\"");
	return NULL;
}

/* What is in it, GnuTLS judges in a worker: the supervisor does not link it. */
char *conf_fix_priority(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	size_t max = (size_t)conf_table_find(CONF_ROOT, "tls.priority")->max;

	if (strlen(text) <= max)
		return keep(r, text);
	conf_error(r, s, "must have at most %zu bytes, but has %zu", max, strlen(text));
	return NULL;
}

char *conf_fix_source(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	struct conf_guess guess = conf_guess(text);
	enum chain_source source = chain_source_by_name(text);
	char guessed[CONF_LABEL];

	if (source < CHAIN_SOURCE_COUNT)
		return keep(r, text);
	for (enum chain_source i = 0; i < CHAIN_SOURCE_COUNT; i++)
		conf_guess_try(&guess, chain_source_name(i));
	conf_error(r, s, "must be a source of certificates, \"file\", \"store\", \"cache\", \"aia\" or \"acme\", but is \"%.100s\"%s",
		text, conf_guess_text(&guess, guessed));
	return NULL;
}

char *conf_fix_path_or_none(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	return *text ? conf_fix_path(r, s, text) : keep(r, text);
}

/* It becomes an argument of uacme: what it does not look like is not handed on. */
char *conf_fix_https(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	static const char scheme[] = "https://";
	size_t n = strlen(text), good = 0;

	while (text[good] > ' ' && text[good] < 0x7f)
		good++;
	if (strncmp(text, scheme, sizeof scheme - 1) == 0 && n > sizeof scheme - 1 && good == n && n <= URL_BYTES_MAX)
		return keep(r, text);
	conf_error(r, s, "must be a URL such as \"https://acme.example.org/directory\", at most %d bytes, but is \"%.100s\"", URL_BYTES_MAX, text);
	return NULL;
}

char *conf_fix_acme_name(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	char *name = conf_fix_host(r, s, text);

	if (!name || strlen(name) <= ACME_NAME_MAX)
		return name;
	conf_error(r, s, "is too long: \"%.100s...\" has %zu bytes, of which files are named; at most %d are possible here",
		name, strlen(name), ACME_NAME_MAX);
	free(name);
	return NULL;
}

char *conf_fix_contact(struct conf_reader *r, const config_setting_t *s, const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_{|}~-@";	/* RFC 5322 3.2.3 */
	const char *at = strchr(text, '@');

	if (!*text || (at && at > text && at[1] && !strchr(at + 1, '@') && *text != '-' &&
	    text[strspn(text, good)] == '\0' && strlen(text) <= CONTACT_BYTES_MAX))
		return keep(r, text);
	conf_error(r, s, "must be an e-mail address such as \"hostmaster@example.org\", but is \"%.100s\"", text);
	return NULL;
}

struct chain_order conf_chain_order(const struct conf *c)
{
	struct chain_order o = { .n = 0 };

	for (char **name = c->chains.sources; name && *name; name++)
		chain_order_add(&o, chain_source_by_name(*name));
	return o;
}
