/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script sees of its settings: tlsward.settings, with its own defaults. */
#ifndef LUA_BIND_SETTINGS_H
#define LUA_BIND_SETTINGS_H

#include <lua.h>
#include <stddef.h>

#define BIND_SETTINGS_WRONG 16	/* complaints that are kept; more are not */
#define BIND_SETTINGS_TEXT 160

/* A setting of the configuration that does not fit the defaults. */
struct bind_wrong {
	unsigned index;			/* in the order of the settings */
	char text[BIND_SETTINGS_TEXT];	/* what follows its name in a sentence */
};

/* Outlives the states that it is bound to. */
struct bind_settings {
	const void *data; size_t size;	/* as in MSG_SCRIPT; lent */
	struct bind_wrong wrong[BIND_SETTINGS_WRONG]; int wrong_n;
};

/*
 * Adds settings to the table on top of the stack: what the configuration has.
 * Raises an error if it is damaged.
 */
void bind_settings(lua_State *L, const struct bind_settings *b);

/*
 * When the script has run: pops its defaults, a table of strings, numbers and
 * booleans, or nil if it declares none, and adds what the configuration lacks.
 * With defaults, what the configuration has besides or in another type is
 * complained of in b->wrong, and a setting that the script has looked at before
 * its default was there is an error. file: the script's, for the complaints.
 */
void bind_settings_defaults(lua_State *L, struct bind_settings *b, const char *file);

#endif
