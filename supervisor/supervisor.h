/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's root: the loop and what it owns. main() has the one instance. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/child.h"
#include "supervisor/conf.h"

#define WORKERS_MAX 64

struct supervisor {
	struct ev_loop *loop;
	struct conf *conf;
	uint64_t started_ns;		/* monotonic */
	bool stopping;			/* SIGTERM came: draining */
	uint32_t names, certificates;	/* in the catalog that workers have */
	struct child logger, keeper, librarian;
	struct child workers[WORKERS_MAX];
	int workers_n;
	struct control *control;	/* the control socket, or NULL */
};

#endif
