/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between two configurations, by the table of settings. */
#ifndef SUPERVISOR_CONF_COMPARE_H
#define SUPERVISOR_CONF_COMPARE_H

#include "supervisor/conf.h"
#include "supervisor/conf_table.h"

#define CONF_CHANGE_TEXT 200	/* bytes of a value that are shown */

struct conf_change {
	/* "log.level", "listeners.https.backend"; "listeners.https" for one that comes or goes. */
	char path[2 * CONF_NAME_MAX + 64];
	char *old, *new;		/* as a person reads them; NULL: it is not there */
	enum conf_effect effect;
	struct conf_where where;	/* in the new file, whose configuration owns it; line 0: nowhere */
};

struct conf_changes {
	struct conf_change *list;
	int n;
	bool failed;			/* out of memory: the list is not complete */
};

/*
 * Listeners and backends are compared by their names; certificates, which have
 * none, as a list. 0 or -ENOMEM; to be cleared in either case.
 */
int conf_compare(const struct conf *old, const struct conf *new, struct conf_changes *changes);
void conf_changes_clear(struct conf_changes *changes);

/* "in place", "new workers", "restart" */
const char *conf_effect_name(enum conf_effect e);
/* The strongest effect of all; CONF_IN_PLACE if nothing has changed. */
enum conf_effect conf_changes_effect(const struct conf_changes *changes);
/* Whether a change lies at that path or below it. */
bool conf_changes_has(const struct conf_changes *changes, const char *path);

#endif
