/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields are built when they are asked for: most policies look at one or two.
 */
#include "lua/bind_hello.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define TYPE "hello"

/* The object in Lua. */
struct handle {
	const struct bind_hello *b;
	uint64_t serial;
};

static void push_text(lua_State *L, const char *text)
{
	if (text)
		lua_pushstring(L, text);
	else
		lua_pushnil(L);
}

/***
hello.sni

The name that the client asks for: a string in lower case without a trailing
dot, or nil if it names none or an address.
*/
static void push_sni(lua_State *L, const struct policy_question *q) { push_text(L, q->sni); }

/***
hello.alpn

The protocols that the client offers (ALPN), in its order: an array of
strings such as "h2" and "http/1.1", empty if it offers none.
*/
static void push_alpn(lua_State *L, const struct policy_question *q)
{
	lua_createtable(L, (int)q->alpn_n, 0);
	for (size_t i = 0; i < q->alpn_n; i++) {
		lua_pushlstring(L, (const char *)q->alpn[i].data, q->alpn[i].size);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/***
hello.versions

The versions of TLS that the client offers, in its order: an array of the
strings "1.3", "1.2", "1.1", "1.0" and "ssl3"; any other as its number in
hexadecimal, such as "0x7f1c".
*/
static void push_versions(lua_State *L, const struct policy_question *q)
{
	static const char *const names[] = { "ssl3", "1.0", "1.1", "1.2", "1.3" };

	lua_createtable(L, (int)q->versions_n, 0);
	for (size_t i = 0; i < q->versions_n; i++) {
		uint16_t v = q->versions[i];
		char text[8];
		snprintf(text, sizeof text, "0x%04x", v);
		lua_pushstring(L, v >= 0x0300 && v <= 0x0304 ? names[v - 0x0300] : text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/***
hello.ciphers

The cipher suites that the client offers, in its order: an array of their
IANA numbers, such as 0x1301 for TLS_AES_128_GCM_SHA256.
*/
static void push_ciphers(lua_State *L, const struct policy_question *q)
{
	lua_createtable(L, (int)q->ciphers_n, 0);
	for (size_t i = 0; i < q->ciphers_n; i++) {
		lua_pushinteger(L, q->ciphers[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/***
hello.peer

The client's address without its port, such as "192.0.2.7" or "2001:db8::1"
(an IPv4 address that came through an IPv6 socket is written as IPv4). Nil
when no client is there: when the librarian asks on behalf of a name.
*/
static void push_peer(lua_State *L, const struct policy_question *q)
{
	char text[INET6_ADDRSTRLEN];
	const void *address = NULL;
	int family = AF_INET;

	if (q->peer && q->peer->sa_family == AF_INET) {
		address = &((const struct sockaddr_in *)(const void *)q->peer)->sin_addr;
	} else if (q->peer && q->peer->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)q->peer)->sin6_addr;
		family = IN6_IS_ADDR_V4MAPPED(a) ? AF_INET : AF_INET6;
		address = family == AF_INET ? &a->s6_addr[12] : a->s6_addr;
	}
	push_text(L, address ? inet_ntop(family, address, text, sizeof text) : NULL);
}

/***
hello.port

The client's port, a number; nil when no client is there.
*/
static void push_port(lua_State *L, const struct policy_question *q)
{
	if (q->peer)
		lua_pushinteger(L, q->port);
	else
		lua_pushnil(L);
}

/***
hello.listener

The name of the listener that the client has connected to; nil when no client
is there.
*/
static void push_listener(lua_State *L, const struct policy_question *q) { push_text(L, q->listener); }

/***
hello.time

When this is asked, in seconds since 1970 (a number).
*/
static void push_time(lua_State *L, const struct policy_question *q) { lua_pushinteger(L, q->time_s); }

static const struct {
	const char *name;
	void (*push)(lua_State *L, const struct policy_question *q);
} fields[] = {
	{ "sni", push_sni }, { "alpn", push_alpn }, { "listener", push_listener },
	{ "peer", push_peer }, { "port", push_port }, { "versions", push_versions },
	{ "ciphers", push_ciphers }, { "time", push_time },
};

static const struct policy_question *check_self(lua_State *L)
{
	const struct handle *h = luaL_checkudata(L, 1, TYPE);

	if (!h->b->q || h->serial != h->b->serial)
		luaL_error(L, "this hello is of a call that has ended");
	return h->b->q;
}

static int hello_index(lua_State *L)
{
	const struct policy_question *q = check_self(L);
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (strcmp(fields[i].name, name) == 0) {
			fields[i].push(L, q);
			return 1;
		}
	}
	return luaL_error(L, "hello has no field '%s'", name);
}

static int hello_newindex(lua_State *L)
{
	return luaL_error(L, "hello is read-only");
}

void bind_hello(lua_State *L)
{
	luaL_newmetatable(L, TYPE);
	lua_pushcfunction(L, hello_index);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, hello_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pop(L, 1);
}

void bind_hello_push(lua_State *L, struct bind_hello *b)
{
	struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);

	*h = (struct handle){ .b = b, .serial = b->serial };
	luaL_setmetatable(L, TYPE);
}
