/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands do alike: complain, connect, call a method, print its answer. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include "ctl/client.h"
#include "ctl/commands.h"

/* One line on standard error; text may come from anywhere. */
void complain(const char *text);
/* NULL after a complaint. */
struct client *open_client(const struct run *run);
/* Takes params; complains if there is no result. */
enum exit_code call(struct client *c, const char *method, json_t *params, json_t **result);
void print_json(const json_t *v);

/* One request with the run's parameters, one answer, within deadline_ms (0: the ordinary one). */
enum exit_code ask_within(struct run *run, int deadline_ms, const char *method, void (*show)(const json_t *));
enum exit_code ask(struct run *run, const char *method, void (*show)(const json_t *));

/*
 * Asks for page after page until there are as many as the option limit says
 * (100 without it). *all is {key: [...]}, with next if there are more.
 */
enum exit_code ask_pages(struct run *run, const char *method, const char *key, json_t **all);
/* Says on standard error that there are more than were shown. */
void tell_more(const struct run *run, const json_t *all, const char *key);

#endif
