/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/address.h"
#include "bench/common/wire.h"

static const struct option names[] = {
	{ "to", required_argument, NULL, 't' },
	{ "sni", required_argument, NULL, 'n' },
	{ "names", required_argument, NULL, 'N' },
	{ "tls", required_argument, NULL, 'v' },
	{ "ciphers", required_argument, NULL, 'C' },
	{ "groups", required_argument, NULL, 'g' },
	{ "ca", required_argument, NULL, 'a' },
	{ "connections", required_argument, NULL, 'c' },
	{ "active", required_argument, NULL, 'A' },
	{ "sources", required_argument, NULL, 'S' },
	{ "seconds", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'k' },
	{ "rate", required_argument, NULL, 'r' },
	{ "seed", required_argument, NULL, 'e' },
	{ "gather", required_argument, NULL, 'G' },
	{ "request", required_argument, NULL, 'q' },
	{ "answer", required_argument, NULL, 'w' },
	{ "leave", required_argument, NULL, 'l' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "server-closes", no_argument, NULL, 'x' },
	{ "step", no_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static const char usage[] =
	"usage: bench-load MODE --to ADDRESS:PORT [options]; prints JSON\n"
	"  --sni NAME             server name; with --names N, %u in it is a number below N\n"
	"  --tls 1.2|1.3|none     the only version offered [1.3]; none: plain TCP, for modes with kept connections\n"
	"  --ciphers LIST, --groups LIST    as OpenSSL writes them\n"
	"  --ca FILE              verify the server's certificate and name\n"
	"  --connections N        at once [16]\n"
	"  --active N             of kept connections, at most so many with a request [all]\n"
	"  --sources N            client addresses, from 127.1.0.1 on [the system chooses]\n"
	"  --seconds S, --count N for how long, or how many operations [1 s]\n"
	"  --rate R               operations a second, at random times, late or not; latency counts from the planned time\n"
	"  --seed N               of these random times [1]\n"
	"  --request B, --answer B    sizes in bytes (0 and 0: handshakes only)\n"
	"  --gather B             records go to the socket so many bytes at once [each by itself]\n"
	"  --leave POINT          connect, half-hello, hello, handshake, request (churn)\n"
	"  --server-closes        the backend closes after the answer, else the client does\n"
	"  --timeout S            of an operation [10]\n"
	"  --step                 print a line when ready and start after one on stdin; hold connections until its end\n"
	"modes:\n";

static void bad(const char *what, const char *text)
{
	fprintf(stderr, "bench-load: %s: %s (--help for help)\n", what, text ? text : "missing");
	exit(2);
}

static void help(void)
{
	fputs(usage, stdout);
	for (unsigned i = 0; mode_at(i); i++)
		printf("  %-22s %s\n", mode_at(i)->name, mode_at(i)->help);
	exit(0);
}

static uint64_t whole(const char *text, uint64_t max)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*end || end == text || *text == '-' || v > max)
		bad("not a number from 0 to its highest", text);
	return v;
}

static double real(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (*end || end == text || !(v >= 0))
		bad("not a number", text);
	return v;
}

static void take(struct options *o, int c, const char *v)
{
	switch (c) {
	case 't':
		if (!address_parse(v, &o->to, &o->to_size))
			bad("--to", v);
		break;
	case 'n': o->sni = v; break;
	case 'N': o->names = (unsigned)whole(v, 10000000); break;
	case 'v':
		o->tls12 = strcmp(v, "1.2") == 0;
		o->plain = strcmp(v, "none") == 0;
		if (!o->tls12 && !o->plain && strcmp(v, "1.3") != 0)
			bad("--tls", v);
		break;
	case 'C': o->ciphers = v; break;
	case 'g': o->groups = v; break;
	case 'a': o->ca = v; break;
	case 'c': o->connections = (unsigned)whole(v, 100000); break;
	case 'A': o->active = (unsigned)whole(v, 100000); break;
	case 'S': o->sources = (unsigned)whole(v, 60000); break;
	case 's': o->seconds = real(v); break;
	case 'k': o->count = whole(v, UINT64_MAX); break;
	case 'r': o->rate = real(v); break;
	case 'e': o->seed = whole(v, UINT64_MAX); break;
	case 'G': o->gather = (unsigned)whole(v, 16u << 20); break;
	case 'q': o->request = whole(v, UINT64_MAX); break;
	case 'w': o->answer = whole(v, UINT64_MAX); break;
	case 'l':
		o->leave = leave_find(v);
		if (o->leave == LEAVE_NOT)
			bad("--leave", v);
		break;
	case 'T': o->timeout = real(v); break;
	case 'x': o->server_closes = true; break;
	case 'p': o->step = true; break;
	case 'h': help(); break;
	default: exit(2);
	}
}

static void check(struct options *o)
{
	if (!o->to_size)
		bad("--to", NULL);
	if (!o->connections)
		bad("--connections", "0");
	if (o->mode->leaves && o->leave == LEAVE_NOT)
		bad("--leave", NULL);
	if (!o->mode->leaves && o->leave != LEAVE_NOT)
		bad("--leave is for churn, not for", o->mode->name);
	if (o->request > 0 && o->request < WIRE_BYTES)
		o->request = WIRE_BYTES;
	if (o->answer > 0 && o->request == 0)
		bad("an answer needs a request", "--request 0");
	if (o->request == 0 && (o->mode->kept != o->mode->no_operations || o->server_closes))
		bad("this mode needs a request", o->mode->name);
	if (o->plain && !o->mode->kept)
		bad("not without TLS", o->mode->name);
	if (!o->active || o->active > o->connections)
		o->active = o->connections;
	if (o->count == 0 && o->seconds == 0)
		o->seconds = 1;
}

void options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ .names = 1, .connections = 16, .seed = 1, .timeout = 10 };
	o->mode = argc > 1 ? mode_find(argv[1]) : NULL;
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		help();
	if (!o->mode)
		bad("mode", argc > 1 ? argv[1] : NULL);
	o->request = o->mode->request;
	o->answer = o->mode->answer;
	optind = 2;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(o, c, optarg);
	if (optind < argc)
		bad("not understood", argv[optind]);
	check(o);
}
