/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log pipe as the supervisor and the logger agree on it.
 *
 * The supervisor makes one pipe for its whole life and keeps both ends, so that
 * a logger that died loses nothing but what it had read and not yet written: its
 * successor reads on. Every process has the write end, non-blocking, as
 * descriptor 2; the logger has it too, and the read end besides.
 *
 * The end: the supervisor's death is the only order to stop. When its channel
 * ends the logger gives up its own write end, reads until no process has one
 * any more (workers that drain still log), and exits. It ignores SIGTERM,
 * SIGINT and SIGHUP, because those reach it while others still have something
 * to say. So an orderly stop loses no line if the supervisor, after its other
 * children are gone, closes its own write end, then the logger's channel, and
 * then waits a moment for the logger to exit.
 */
#ifndef LOGGER_PIPE_H
#define LOGGER_PIPE_H

#define LOGGER_PIPE_FD 4	/* the read end; follows ROLE_CHANNEL_FD */

#endif
