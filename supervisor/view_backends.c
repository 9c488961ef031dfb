/* SPDX-License-Identifier: BSD-2-Clause */
/* The method `backends`: what the workers have seen of each server. */
#include <string.h>

#include "common/addr.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

void view_server(const struct supervisor *s, const char *backend, const char *label, struct ledger_server *sum)
{
	*sum = (struct ledger_server){ .connects = 0 };
	for (int i = 0; i < s->workers_n; i++)
		totals_server(&s->workers[i].before, &s->workers[i].ledger, backend, label, sum);
}

static json_t *addresses_of(const struct supervisor *s, int backend, const char *label)
{
	json_t *list = json_array();
	char text[ADDR_TEXT];
	const char *other;

	for (int k = 0; s->backends && k < backends_servers(s->backends, backend); k++) {
		const struct addr *a = backends_server(s->backends, backend, k, &other);
		if (strcmp(other, label) == 0)
			json_array_append_new(list, view_text(addr_text((const struct sockaddr *)&a->ss, text)));
	}
	return list;
}

static json_t *server_of(const struct supervisor *s, int backend, const char *label, uint64_t now_ns)
{
	struct ledger_server sum;
	json_t *o = json_object();

	view_server(s, s->conf->backends[backend].name, label, &sum);
	view_set(o, "server", view_text(label));
	view_set(o, "addresses", addresses_of(s, backend, label));
	view_set(o, "connects", view_u64(sum.connects));
	view_set(o, "failures", view_u64(sum.failures));
	view_set(o, "rests_ms", view_u64(sum.rests_until_ns > now_ns ? (sum.rests_until_ns - now_ns) / 1000000 : 0));
	return o;
}

json_t *method_backends(struct call *call)
{
	const struct supervisor *s = call->s;
	json_t *list = json_array();

	for (int i = 0; i < s->conf->backends_n; i++) {
		const struct conf_backend *b = &s->conf->backends[i];
		json_t *servers = json_array();
		for (int k = 0; b->servers[k]; k++)
			json_array_append_new(servers, server_of(s, i, b->servers[k], call->now_ns));
		json_array_append_new(list, json_pack("{s:o, s:i, s:o}", "name", view_text(b->name),
			"proxy_protocol", b->proxy_protocol, "servers", servers));
	}
	return json_pack("{s:o}", "backends", list);
}
