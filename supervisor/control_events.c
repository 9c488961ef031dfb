/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events for those who follow them: JSON-RPC notifications, each with the
 * event's name and the time. What may wait for one follower is bounded.
 */
#include <time.h>

#include "supervisor/control_client.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)(t.tv_nsec / 1000000) / 1e3;
}

/* Takes fields. */
static json_t *notification(const char *name, json_t *fields)
{
	json_t *params = json_pack("{s:s, s:f}", "event", name, "time", now_s());

	if (fields)
		json_object_update_missing(params, fields);
	json_decref(fields);
	return json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event", "params", params);
}

static void tell_lost(struct client *c)
{
	json_t *count = view_u64(c->events_lost);

	c->events_lost = 0;
	client_put(c, notification("events_lost", json_pack("{s:o}", "count", count)));
}

static void tell(struct client *c, json_t *event)
{
	if (client_waiting(c) > CONTROL_EVENTS_MAX) {
		c->events_lost++;
		c->control->events_lost++;
		return;
	}
	if (c->events_lost > 0)
		tell_lost(c);
	client_put(c, json_incref(event));
}

void control_event(struct control *ctl, const char *name, json_t *fields)
{
	if (!ctl || ctl->followers_n == 0) {
		if (ctl)
			ctl->events++;
		json_decref(fields);
		return;
	}
	json_t *event = notification(name, fields);
	ctl->events++;
	for (struct client *c = ctl->clients; c; c = c->next)
		if (c->follows)
			tell(c, event);
	json_decref(event);
}

void events_follow(struct client *c)
{
	if (c->follows)
		return;
	c->follows = true;
	c->control->followers_n++;
	c->stall.repeat = CONTROL_FOLLOWER_STALL_S;
}

void events_forget(struct client *c)
{
	if (c->follows)
		c->control->followers_n--;
}

void events_caught_up(struct client *c)
{
	if (c->events_lost > 0)
		tell_lost(c);
}

json_t *method_events(struct call *call)
{
	struct control *ctl = call->caller->control;
	struct client *c = ctl ? client_find(ctl, call->caller->client) : NULL;

	if (!c)
		return call_fail(call, RPC_INTERNAL, "events can be followed over the socket alone");
	events_follow(c);
	return json_pack("{s:b}", "following", 1);
}
