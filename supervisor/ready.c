/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/ready.h"

#include <systemd/sd-daemon.h>

void ready_tell_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void ready_tell_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

void ready_tell_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=draining");
}
