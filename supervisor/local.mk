# supervisor
noinst_LIBRARIES += supervisor/libsupervisor.a
supervisor_libsupervisor_a_CFLAGS = $(AM_CFLAGS) $(LIBCONFIG_CFLAGS)
supervisor_libsupervisor_a_SOURCES = \
	supervisor/conf.c supervisor/conf.h \
	supervisor/conf_check.c \
	supervisor/conf_error.c \
	supervisor/conf_example.c \
	supervisor/conf_fix.c \
	supervisor/conf_numbers.c \
	supervisor/conf_reader.h \
	supervisor/conf_table.c supervisor/conf_table.h \
	supervisor/conf_value.c
