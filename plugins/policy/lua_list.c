/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/policy/lua_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "lua/ticks.h"

/* A script that has come. */
struct part {
	char *path;
	void *settings; size_t settings_size;
	const char *text; size_t size;		/* mapped */
};

struct named_set { char *name; struct hostset *set; };

/* What is being collected. */
struct coming {
	bool active;
	uint32_t generation;
	int scripts_n, sets_n;			/* announced */
	int scripts_come, sets_come;
	struct lua_limits limits;
	struct part scripts[LUA_LIST_SCRIPTS_MAX];
	struct named_set sets[LUA_LIST_SETS_MAX];
};

struct lua_list {
	struct ledger_head *head;
	struct policy list[LUA_LIST_SCRIPTS_MAX + 2];
	int n;					/* scripts in it */
	struct coming coming;
	char error[512];			/* of what is being collected */
};

static void end_list(struct policy *list, int n)
{
	list[n] = (struct policy){ .ops = &policy_fixed };
	list[n + 1] = (struct policy){ .ops = NULL };
}

struct lua_list *lua_list_new(struct ledger_head *head)
{
	struct lua_list *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->head = head;
	end_list(l->list, 0);
	return l;
}

static void free_scripts(struct policy *list, int n)
{
	for (int i = 0; i < n; i++)
		lua_policy_free(list[i].self);
}

static void clear_coming(struct lua_list *l)
{
	struct coming *c = &l->coming;

	for (int i = 0; i < LUA_LIST_SCRIPTS_MAX; i++) {
		free(c->scripts[i].path);
		free(c->scripts[i].settings);
		if (c->scripts[i].text)
			munmap((void *)(uintptr_t)c->scripts[i].text, c->scripts[i].size);
	}
	for (int i = 0; i < LUA_LIST_SETS_MAX; i++) {
		free(c->sets[i].name);
		hostset_unref(c->sets[i].set);
	}
	*c = (struct coming){ .active = false };
}

void lua_list_free(struct lua_list *l)
{
	if (!l)
		return;
	if (l->n > 0)
		ticks_stop();
	free_scripts(l->list, l->n);
	clear_coming(l);
	free(l);
}

const struct policy *lua_list_policies(const struct lua_list *l) { return l->list; }

struct lua_policy *lua_list_script_at(const struct lua_list *l, int i)
{
	return i >= 0 && i < l->n ? l->list[i].self : NULL;
}

/* ---- collecting ---- */

/* The first one counts. */
static void __attribute__((format(printf, 2, 3))) refuse(struct lua_list *l, const char *format, ...)
{
	va_list ap;

	if (l->error[0])
		return;
	va_start(ap, format);
	vsnprintf(l->error, sizeof l->error, format, ap);
	va_end(ap);
}

void lua_list_begin(struct lua_list *l, const struct msg_policy *m)
{
	clear_coming(l);
	l->error[0] = '\0';
	l->coming.active = true;
	l->coming.generation = m->generation;
	l->coming.scripts_n = m->scripts_n;
	l->coming.sets_n = m->sets_n;
	l->coming.limits = (struct lua_limits){ .budget_us = m->budget_us, .memory = m->memory };
	if (m->scripts_n > LUA_LIST_SCRIPTS_MAX)
		refuse(l, "more than %d scripts", LUA_LIST_SCRIPTS_MAX);
	if (m->sets_n > LUA_LIST_SETS_MAX)
		refuse(l, "more than %d host sets", LUA_LIST_SETS_MAX);
	if (m->budget_us > LUA_LIST_BUDGET_US_MAX)
		refuse(l, "a call may not have more than %u us", LUA_LIST_BUDGET_US_MAX);
}

static void *copy(const void *data, size_t size)
{
	void *p = malloc(size + 1);

	return p && size > 0 ? memcpy(p, data, size) : p;
}

int lua_list_script(struct lua_list *l, const struct msg_script *m, int fd)
{
	struct coming *c = &l->coming;
	int rc = -EPROTO;

	if (!c->active || c->scripts_come == c->scripts_n)
		goto out;
	rc = 0;
	int at = c->scripts_come++;
	if (l->error[0])
		goto out;
	struct part *part = &c->scripts[at];
	part->path = strdup(m->path);
	part->settings = copy(m->settings.data, m->settings.size);
	part->settings_size = m->settings.size;
	part->text = memfd_map_sealed(fd, LUA_LIST_SCRIPT_BYTES_MAX, &part->size);
	if (!part->path || !part->settings || !part->text)
		refuse(l, "%s: %s", m->path, errno == EINVAL ? "is empty" : strerror(errno));
out:
	close(fd);
	return rc;
}

static void replace_set(struct lua_list *l, const char *name, struct hostset *set)
{
	for (int i = 0; i < l->n; i++)
		lua_policy_set(l->list[i].self, name, set);
	log_info("host set %s: %u names from now on", name, hostset_names(set));
}

static void collect_set(struct lua_list *l, int at, const char *name, struct hostset *set)
{
	struct named_set *to = &l->coming.sets[at];

	to->name = strdup(name);
	to->set = hostset_ref(set);
	if (!to->name)
		refuse(l, "host set %s: %s", name, strerror(errno));
}

int lua_list_set(struct lua_list *l, const struct msg_set *m, int fd)
{
	struct coming *c = &l->coming;

	if (c->active && c->sets_come == c->sets_n) {
		close(fd);
		return -EPROTO;
	}
	int at = c->active ? c->sets_come++ : 0;
	struct hostset *set = hostset_load(fd);
	if (!set && c->active)
		refuse(l, "host set %s: %s", m->name, strerror(errno));
	else if (!set)
		log_error("host set %s stays as it was: %s", m->name, strerror(errno));
	else if (!c->active)
		replace_set(l, m->name, set);
	else if (!l->error[0])
		collect_set(l, at, m->name, set);
	hostset_unref(set);
	return 0;
}

bool lua_list_is_complete(const struct lua_list *l)
{
	const struct coming *c = &l->coming;

	return c->active && c->scripts_come == c->scripts_n && c->sets_come == c->sets_n;
}

/* ---- loading ---- */

static struct hostset *find_set(void *data, const char *name)
{
	const struct coming *c = data;

	for (int i = 0; i < c->sets_come; i++)
		if (strcmp(c->sets[i].name, name) == 0)
			return c->sets[i].set;
	return NULL;
}

/* Fills list; returns how many were loaded: all, if there is no error. */
static int load_all(struct lua_list *l, struct policy *list)
{
	struct coming *c = &l->coming;
	char err[320];

	for (int i = 0; i < c->scripts_n; i++) {
		const struct part *part = &c->scripts[i];
		const struct lua_script script = { .path = part->path, .text = part->text, .size = part->size,
			.settings = part->settings, .settings_size = part->settings_size };
		struct lua_policy *p = lua_policy_new(&script, &c->limits, find_set, c, err, sizeof err);
		if (!p) {
			refuse(l, "%s", err);
			return i;
		}
		list[i] = (struct policy){ .ops = &policy_lua, .self = p };
	}
	return c->scripts_n;
}

/* What a script of the same name has counted goes on. */
static struct ledger_policy account_of(const struct ledger_head *head, const char *file)
{
	struct ledger_policy fresh = { .error_ns = 0 };

	for (int i = 0; i < LEDGER_POLICIES; i++)
		if (strncmp(head->policies[i].name, file, sizeof fresh.name) == 0)
			return head->policies[i];
	snprintf(fresh.name, sizeof fresh.name, "%s", file);
	return fresh;
}

static void open_accounts(struct lua_list *l)
{
	struct ledger_policy accounts[LEDGER_POLICIES] = { 0 };

	if (!l->head)
		return;
	for (int i = 0; i < l->n; i++) {
		struct lua_policy *p = l->list[i].self;
		bool counted = i < LEDGER_POLICIES;
		if (counted)
			accounts[i] = account_of(l->head, lua_policy_file(p));
		lua_policy_account(p, counted ? &l->head->policies[i] : NULL, l->head);
	}
	memcpy(l->head->policies, accounts, sizeof accounts);
}

static void swap(struct lua_list *l, const struct policy *list, int n)
{
	free_scripts(l->list, l->n);
	memcpy(l->list, list, sizeof l->list);
	l->n = n;
	open_accounts(l);
	if (n == 0)
		ticks_stop();
}

void lua_list_commit(struct lua_list *l, struct msg_policy_ans *ans)
{
	struct policy list[LUA_LIST_SCRIPTS_MAX + 2] = { 0 };
	int n = 0, rc = l->coming.scripts_n > 0 ? ticks_start() : 0;

	if (rc < 0)
		refuse(l, "the timer of CPU time cannot be started: %s", strerror(-rc));
	if (!l->error[0])
		n = load_all(l, list);
	if (!l->error[0]) {
		end_list(list, n);
		swap(l, list, n);
	} else {
		free_scripts(list, n);
		if (l->n == 0)
			ticks_stop();
	}
	*ans = (struct msg_policy_ans){ .generation = l->coming.generation, .error = l->error };
	clear_coming(l);
}
