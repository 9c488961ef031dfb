/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of tlswardctl: one table, from which its help and its options come too. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum exit_code { EXIT_OK = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

enum option_kind { OPTION_STRING, OPTION_INTEGER, OPTION_NUMBER, OPTION_FLAG };

/* An option of a command is a parameter of its method, and has its name. */
struct command_option {
	const char *name;		/* NULL ends a list */
	enum option_kind kind;
	const char *value, *help;	/* value: "NAME" */
};

struct command;

/* One run of the program. */
struct run {
	const char *socket;
	bool json;
	json_t *params;			/* an object, from options */
	char **args;			/* after the command, as many as it takes; NULL ends them */
	const struct command *command;	/* NULL: not known yet */
};

struct command {
	const char *name;
	const char *arg;		/* "N": it takes one argument; "[N]": or none; NULL: none */
	const char *help;
	const struct command_option *options;
	enum exit_code (*run)(struct run *run);
};

const struct command *command_find(const char *name);
/* Of all commands, or of one. */
void commands_usage(FILE *out, const struct command *only);
/* Says so, on standard error. */
void no_such_command(const char *name);

#endif
