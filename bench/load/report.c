/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const names[FAILS_N] = {
	[FAIL_CONNECT] = "connect", [FAIL_TLS] = "tls", [FAIL_ALERT] = "alert", [FAIL_CLOSED] = "closed",
	[FAIL_RESET] = "reset", [FAIL_TIMEOUT] = "timeout", [FAIL_NOT_REFUSED] = "not_refused",
};

static json_t *failures(const struct counts *c, uint64_t *sum)
{
	json_t *o = json_object();

	*sum = 0;
	for (int i = 0; i < FAILS_N; i++) {
		*sum += c->failed[i];
		if (c->failed[i])
			json_object_set_new(o, names[i], json_integer((json_int_t)c->failed[i]));
	}
	return o;
}

static json_t *microseconds(uint64_t ns) { return json_real((double)(ns / 100) / 10); }

static json_t *latency(const struct histogram *h)
{
	return json_pack("{sI, so, so, so, so, so, so, so}", "count", (json_int_t)h->count,
		"min", microseconds(h->min), "mean", microseconds(h->count ? h->sum / h->count : 0),
		"p50", microseconds(histogram_at(h, .5)), "p90", microseconds(histogram_at(h, .9)),
		"p99", microseconds(histogram_at(h, .99)), "p999", microseconds(histogram_at(h, .999)),
		"max", microseconds(h->max));
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void report_print(const char *event, const struct load *l)
{
	const struct counts *c = &l->counts;
	uint64_t failed;
	json_t *why = failures(c, &failed);
	json_t *o = json_pack("{ss, ss, ss, sI, sf, sI, sI, sI, so, sI, sI, sI, sI, sI, sI, so, sf}",
		"event", event, "mode", l->o->mode->name, "tls", l->o->plain ? "none" : l->o->tls12 ? "1.2" : "1.3",
		"connections", (json_int_t)l->o->connections, "seconds", l->took,
		"started", (json_int_t)c->started, "done", (json_int_t)c->done, "failed", (json_int_t)failed,
		"failures", why, "unfinished", (json_int_t)l->in_flight, "lost", (json_int_t)c->lost,
		"resumed", (json_int_t)c->resumed, "alerts", (json_int_t)c->alerts,
		"bytes_down", (json_int_t)c->bytes_down, "bytes_up", (json_int_t)c->bytes_up,
		"latency_us", latency(&l->latency), "own_cpu_seconds", cpu_seconds());
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(o);
}
