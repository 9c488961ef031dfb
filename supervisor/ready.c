/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/ready.h"

#include <fcntl.h>
#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/ledger.h"
#include "common/log.h"

void ready_init(struct ready *r, int fd)
{
	r->fd = fd;
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);	/* no process of ours may keep it open */
}

static void on_watchdog(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)w; (void)revents;
	sd_notify(0, "WATCHDOG=1");
}

void ready_watch(struct ready *r, struct ev_loop *loop)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return;
	/* Half of the deadline, so that one late turn of the loop is no failure. */
	double every = (double)usec / 2e6;
	ev_timer_init(&r->watchdog, on_watchdog, 0., every);
	ev_timer_start(loop, &r->watchdog);
}

void ready_clear(struct ready *r, struct ev_loop *loop)
{
	if (loop)
		ev_timer_stop(loop, &r->watchdog);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void ready_tell_ready(struct ready *r, const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
	if (r->fd < 0)
		return;
	if (write(r->fd, "\n", 1) != 1)
		log_warning("nobody reads the descriptor of --ready-fd");
	close(r->fd);
	r->fd = -1;
}

void ready_tell_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC=%" PRIu64, ledger_now_ns() / 1000);
}

void ready_tell_reloaded(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void ready_tell_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

void ready_tell_stopping(uint64_t within_ms)
{
	sd_notifyf(0, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%" PRIu64, within_ms * 1000);
}
