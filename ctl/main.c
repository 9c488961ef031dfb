/* SPDX-License-Identifier: BSD-2-Clause */
/* tlswardctl: from the command line to a command; commands.c has those. */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ctl/commands.h"

#define SOCKET_DEFAULT "/run/tlsward/control.sock"
#define OPTIONS_MAX 32
#define OPTION_FIRST 1000	/* getopt value of a command's first option */
#define GLOBAL_OPTIONS 4

static const struct option globals[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

/* getopt has said what is wrong. */
static void __attribute__((noreturn)) try_help(void)
{
	fputs("Try `tlswardctl help`.\n", stderr);
	exit(EXIT_USAGE);
}

static void take_global(struct run *run, int option)
{
	switch (option) {
	case 's':
		run->socket = optarg;
		break;
	case 'j':
		run->json = true;
		break;
	case 'h':
		commands_usage(stdout, run->command);
		exit(EXIT_OK);
	case 'V':
		puts("tlswardctl " PACKAGE_VERSION);
		exit(EXIT_OK);
	default:
		try_help();
	}
}

static json_t *number(const struct command_option *o, const char *text)
{
	char *end;
	double d = o->kind == OPTION_NUMBER ? strtod(text, &end) : 0;
	long long n = o->kind == OPTION_INTEGER ? strtoll(text, &end, 10) : 0;

	if (end == text || *end != '\0' || !(d >= 0 && d < 1e15)) {
		fprintf(stderr, "tlswardctl: --%s: %s must be %s\n", o->name, o->value,
			o->kind == OPTION_INTEGER ? "an integer" : "a number, 0 or more");
		try_help();
	}
	return o->kind == OPTION_INTEGER ? json_integer(n) : json_real(d);
}

static void take_option(struct run *run, const struct command_option *o)
{
	json_t *v = o->kind == OPTION_FLAG ? json_true() : o->kind == OPTION_STRING ? json_string(optarg) : number(o, optarg);

	if (!v) {
		fprintf(stderr, "tlswardctl: --%s: must be UTF-8\n", o->name);
		try_help();
	}
	json_object_set_new(run->params, o->name, v);
}

/* The command's options, and the global ones again: both places are fine. */
static void make_options(const struct command *c, struct option options[OPTIONS_MAX])
{
	size_t n = 0;

	for (; c->options[n].name && n < OPTIONS_MAX - GLOBAL_OPTIONS - 1; n++)
		options[n] = (struct option){ c->options[n].name,
			c->options[n].kind == OPTION_FLAG ? no_argument : required_argument, NULL, OPTION_FIRST + (int)n };
	memcpy(&options[n], globals, sizeof globals);
}

static const struct command *find(int argc, char **argv)
{
	if (optind == argc) {
		commands_usage(stderr, NULL);
		exit(EXIT_USAGE);
	}
	const struct command *c = command_find(argv[optind]);
	if (!c) {
		no_such_command(argv[optind]);
		try_help();
	}
	return c;
}

static void check_args(const struct command *c, int n)
{
	bool optional = c->arg && c->arg[0] == '[';

	if (n == (c->arg ? 1 : 0) || (n == 0 && optional))
		return;
	if (optional)
		fprintf(stderr, "tlswardctl: %s takes at most one argument: %s %s\n", c->name, c->name, c->arg);
	else if (c->arg)
		fprintf(stderr, "tlswardctl: %s takes one argument: %s %s\n", c->name, c->name, c->arg);
	else
		fprintf(stderr, "tlswardctl: %s takes options, and no other arguments\n", c->name);
	try_help();
}

int main(int argc, char **argv)
{
	struct option options[OPTIONS_MAX];
	const char *from_environment = getenv("TLSWARD_SOCKET");
	struct run run = { .socket = from_environment && *from_environment ? from_environment : SOCKET_DEFAULT };
	int option;

	setlocale(LC_CTYPE, "");
	while ((option = getopt_long(argc, argv, "+s:hV", globals, NULL)) != -1)
		take_global(&run, option);
	const struct command *c = run.command = find(argc, argv);
	make_options(c, options);
	run.params = json_object();
	/* 0: getopt starts anew (getopt(3)); the command's name takes the program's place. */
	argc -= optind;
	argv += optind;
	argv[0] = (char[]){ "tlswardctl" };
	optind = 0;
	while ((option = getopt_long(argc, argv, "s:hV", options, NULL)) != -1) {
		if (option >= OPTION_FIRST)
			take_option(&run, &c->options[option - OPTION_FIRST]);
		else
			take_global(&run, option);
	}
	check_args(c, argc - optind);
	run.args = argv + optind;
	enum exit_code rc = c->run(&run);
	json_decref(run.params);
	if (fflush(stdout) != 0 && rc == EXIT_OK)
		rc = EXIT_ERROR;
	return rc;
}
