# The face of the control socket for people; talks JSON-RPC and nothing else.
bin_PROGRAMS += tlswardctl
tlswardctl_SOURCES = \
	ctl/ask.c ctl/ask.h \
	ctl/client.c ctl/client.h \
	ctl/commands.c ctl/commands.h \
	ctl/follow.c ctl/follow.h \
	ctl/graph.c ctl/graph.h \
	ctl/main.c \
	ctl/show.c ctl/show.h \
	ctl/show_changes.c \
	ctl/show_conns.c \
	ctl/show_policy.c \
	ctl/show_waits.c \
	ctl/show_fds.c \
	ctl/show_hosts.c \
	ctl/show_incidents.c \
	ctl/show_metrics.c \
	ctl/table.c ctl/table.h \
	ctl/top.c ctl/top.h \
	ctl/units.c ctl/units.h
tlswardctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tlswardctl_LDADD = common/libcommon.a $(JANSSON_LIBS)
