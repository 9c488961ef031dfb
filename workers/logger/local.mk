# workers/logger
role_PROGRAMS += tlsward-logger

# Apart, so that tests can link its parts.
noinst_LIBRARIES += workers/logger/liblogger.a
workers_logger_liblogger_a_SOURCES = \
	workers/logger/delivery.c workers/logger/delivery.h \
	workers/logger/json_line.c workers/logger/json_line.h \
	workers/logger/lines.c workers/logger/lines.h \
	workers/logger/logfmt.c workers/logger/logfmt.h \
	workers/logger/pipe.h \
	workers/logger/sink.c workers/logger/sink.h \
	workers/logger/sink_fd.c \
	workers/logger/sink_journal.c \
	workers/logger/sink_syslog.c
workers_logger_liblogger_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)

tlsward_logger_SOURCES = workers/logger/main.c
tlsward_logger_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
tlsward_logger_LDADD = workers/logger/liblogger.a common/libcommon.a \
	common/libsandbox.a $(SYSTEMD_LIBS) $(SECCOMP_LIBS)
