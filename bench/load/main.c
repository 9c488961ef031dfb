/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-load: clients of a TLS server, with OpenSSL, in one thread.
 * It measures nothing of the server but how long answers take; see --help.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/load/report.h"

/* A line, or false at the end of stdin. */
static bool told(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1)
		if (c == '\n')
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct options o;

	options_parse(&o, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	load_init(&l, &o);
	if (!load_prepare(&l)) {
		report_print("failed", &l);
		return EXIT_FAILURE;
	}
	if (o.step)
		report_print("ready", &l);
	if (!o.step || told()) {
		load_run(&l);
		report_print("report", &l);
	}
	while (o.step && told())
		;
	load_clear(&l);
	return EXIT_SUCCESS;
}
