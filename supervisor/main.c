/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsward: options, and the part of the start that may block: configuration,
 * users, directories, sockets, then the loss of privileges.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/inherit.h"
#include "supervisor/listen.h"
#include "supervisor/listen_again.h"
#include "supervisor/supervisor.h"
#include "supervisor/test_policy.h"

#define DEFAULT_FILE SYSCONFDIR "/tlsward/tlsward.conf"

struct options {
	const char *file;
	bool check, insecure;
	struct test_policy test;	/* script: --test-policy */
	int ready_fd;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: tlsward [-c FILE]      run in the foreground\n"
		"       tlsward -t [-c FILE]   check everything that a start would, and print every error\n"
		"       tlsward --test-policy SCRIPT [--sni NAME] [--from ADDR] [--alpn LIST] [--listener NAME] [--json] [-c FILE]\n"
		"                              print what a script would decide; see tlsward(8) for exit codes\n"
		"       tlsward -V             print version and build options\n"
		"       tlsward --example      print a configuration with every setting and its default\n"
		"  -c, --config FILE   configuration [" DEFAULT_FILE "]\n"
		"  -t, --test          only check\n"
		"  --ready-fd N        write a newline to descriptor N when connections are served\n"
		"  --insecure          allow sandbox = \"off\" when started as root\n"
		"  -V, --version       -h, --help\n"
		"SIGTERM or Ctrl-C drains, a second one stops at once. See tlsward(8).\n");
}

static void print_version(void)
{
	printf("tlsward %s\n"
		"signer: %s\n"
#ifdef WITH_SANITIZERS
		"sanitizers: address, undefined (roles run without system call filters)\n"
#else
		"sanitizers: none\n"
#endif
#ifdef WITH_FAULTS
		"faults: on demand (a build for tests, not for service)\n"
#else
		"faults: none\n"
#endif
		"role programs: beside tlsward, ../libexec/tlsward, or %s\n", PACKAGE_VERSION, SIGNER, ROLEDIR);
}

/* One that is open; standard error is not meant. */
static bool parse_descriptor(const char *text, int *fd)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && n > STDERR_FILENO && n <= INT_MAX && fcntl((int)n, F_GETFD) >= 0) {
		*fd = (int)n;
		return true;
	}
	fprintf(stderr, "tlsward: --ready-fd %s: name an open descriptor from 3 on\n", text);
	return false;
}

/* Returns an exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_INSECURE = 256, OPT_EXAMPLE, OPT_READY_FD, OPT_TEST_POLICY, OPT_SNI, OPT_FROM, OPT_ALPN, OPT_LISTENER, OPT_JSON };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ "ready-fd", required_argument, NULL, OPT_READY_FD },
		{ "insecure", no_argument, NULL, OPT_INSECURE },
		{ "example", no_argument, NULL, OPT_EXAMPLE },
		{ "test-policy", required_argument, NULL, OPT_TEST_POLICY },
		{ "sni", required_argument, NULL, OPT_SNI },
		{ "from", required_argument, NULL, OPT_FROM },
		{ "alpn", required_argument, NULL, OPT_ALPN },
		{ "listener", required_argument, NULL, OPT_LISTENER },
		{ "json", no_argument, NULL, OPT_JSON },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		switch (c) {
		case 'c': o->file = o->test.conf = optarg; break;
		case 't': o->check = true; break;
		case OPT_READY_FD:
			if (!parse_descriptor(optarg, &o->ready_fd))
				return 2;
			break;
		case OPT_INSECURE: o->insecure = true; break;
		case OPT_TEST_POLICY: o->test.script = optarg; break;
		case OPT_SNI: o->test.sni = optarg; break;
		case OPT_FROM: o->test.from = optarg; break;
		case OPT_ALPN: o->test.alpn = optarg; break;
		case OPT_LISTENER: o->test.listener = optarg; break;
		case OPT_JSON: o->test.json = true; break;
		case 'V': print_version(); return 0;
		case 'h': usage(stdout); return 0;
		case OPT_EXAMPLE: conf_print_example(); return 0;
		default:
			fprintf(stderr, "tlsward: see tlsward --help\n");
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tlsward: unexpected argument \"%s\"; a configuration is named with -c FILE\n", argv[optind]);
		return 2;
	}
	if (!o->test.script && (o->test.sni || o->test.from || o->test.alpn || o->test.listener || o->test.json)) {
		fprintf(stderr, "tlsward: --sni, --from, --alpn, --listener and --json are for --test-policy\n");
		return 2;
	}
	return o->test.script ? test_policy(&o->test) : -1;
}

static void report(void *data, const char *text)
{
	(void)data;
	fprintf(stderr, "tlsward: %s\n", text);
}

/* As many descriptors as we may have; what remains is what workers live with. */
static void raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int open_listeners(struct supervisor *s)
{
	s->listener_fds = calloc((size_t)s->conf->listeners_n, sizeof *s->listener_fds);
	if (!s->listener_fds)
		return -ENOMEM;
	s->listener_fds_n = s->conf->listeners_n;
	for (int i = 0; i < s->conf->listeners_n; i++)
		s->listener_fds[i] = -1;
	if (s->check)
		return listen_check(s->conf, report, NULL);
	int rc = inherit_listeners(s->conf, s->listener_fds, report, NULL);
	if (rc == 0)
		rc = listen_keep_inherited(s);
	return rc < 0 ? rc : listen_open(s->conf, &s->state, s->listener_fds, report, NULL);
}

static int open_state_and_control(struct supervisor *s)
{
	char err[512];

	if (s->check)
		return 0;
	int rc = state_open(&s->state, s->conf, err, sizeof err);
	if (rc == 0)
		rc = s->control_fd = control_listen(s->conf, err, sizeof err);
	if (rc < 0)
		report(NULL, err);
	return rc < 0 ? rc : 0;
}

/* All that needs privileges or may block. Every error has been printed. */
static int prepare(struct supervisor *s, const struct options *o)
{
	char err[512];

	s->conf_path = o->file;
	s->conf = conf_read(o->file, report, NULL);
	if (!s->conf)
		return -EINVAL;
	int rc = programs_open(&s->programs, err, sizeof err);
	if (rc < 0) {
		report(NULL, err);
		return rc;
	}
	raise_descriptor_limit();
	rc = supervisor_open_log(s);
	if (rc < 0) {
		report(NULL, "no pipe for the log can be made");
		return rc;
	}
	rc = privilege_resolve(&s->privileges, s->conf, o->insecure, report, NULL);
	if (rc == 0)
		rc = open_state_and_control(s);
	if (rc == 0)
		rc = open_listeners(s);
	if (rc < 0)
		return rc;
	if (!s->check)
		state_open_cache(&s->state, s->conf, s->privileges.roles[ROLE_LIBRARIAN].uid, s->privileges.roles[ROLE_LIBRARIAN].gid);
	rc = privilege_reduce();
	if (rc < 0)
		report(NULL, "capabilities cannot be given up");
	return rc;
}

static int run(struct supervisor *s)
{
	int rc = supervisor_init(s);

	if (rc < 0) {
		fprintf(stderr, "tlsward: cannot start: %s\n", strerror(-rc));
		return 1;
	}
	ready_watch(&s->manager, s->loop);
	return supervisor_run(s);
}

static void clear(struct supervisor *s)
{
	/* A socket that was made and never served would look alive. */
	if (s->control_fd >= 0)
		unlink(s->conf->control.socket);
	ready_clear(&s->manager, s->loop);
	supervisor_clear(s);
	if (s->listener_fds)
		listen_close(s->listener_fds, s->listener_fds_n);
	free(s->listener_fds);
	state_close(&s->state);
	programs_close(&s->programs);
	conf_free(s->conf);
}

int main(int argc, char **argv)
{
	static struct supervisor s = { .control_fd = -1, .log_read = -1, .log_write = -1, .log_file = -1, .headcount_fds = { -1, -1 },
		.state = { .fd = -1, .reports_fd = -1 }, .manager.fd = -1 };
	struct options o = { .file = DEFAULT_FILE, .ready_fd = -1 };

	/* By its own argument: valgrind, for one, rewrites argv[0]. */
	if (argc == 2 && strcmp(argv[1], role_name(ROLE_OPENER)) == 0)
		return opener_main();
	int code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	s.check = o.check;
	for (int i = 0; i < ROLE_COUNT; i++)
		s.programs.fds[i] = -1;
	ready_init(&s.manager, o.ready_fd);
	code = prepare(&s, &o) < 0 ? 1 : run(&s);
	clear(&s);
	return code;
}
