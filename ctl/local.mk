# The face of the control socket for people; talks JSON-RPC and nothing else.
bin_PROGRAMS += tlswardctl
tlswardctl_SOURCES = \
	ctl/client.c ctl/client.h \
	ctl/commands.c ctl/commands.h \
	ctl/main.c \
	ctl/show.c ctl/show.h \
	ctl/show_conns.c \
	ctl/table.c ctl/table.h \
	ctl/units.c ctl/units.h
tlswardctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tlswardctl_LDADD = common/libcommon.a $(JANSSON_LIBS)
