/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of the supervisor, and operators, ask of incidents. */
#ifndef SUPERVISOR_REPORTS_H
#define SUPERVISOR_REPORTS_H

#include "supervisor/incidents.h"

struct call;

#define REPORTS_KEPT 100	/* in the list; the directory has the same bound */
#define REPORTS_IN_MEMORY 8	/* whole, of those that could not be written */

/* Ends the witnesses; no incident is opened from here on. i may be NULL. */
void incidents_stop(struct incidents *i);

/* Newest first, without the reports. */
json_t *incidents_list(const struct incidents *i);

/*
 * For the control socket; the client of the call is answered later, or has
 * failed now. `last` is the newest one's id.
 */
json_t *incidents_show(struct incidents *i, struct call *call, const char *id);
/* An operator wants a report on c, or only its descriptors. */
void incidents_ask_report(struct incidents *i, struct call *call, struct child *c);
void incidents_ask_descriptors(struct incidents *i, struct call *call, struct child *c);

#endif
