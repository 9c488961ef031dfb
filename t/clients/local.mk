# Clients that Perl's libraries cannot play; the tests of the running system use them.
check_PROGRAMS += t/clients/records
t_clients_records_SOURCES = t/clients/records.c
t_clients_records_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
t_clients_records_LDADD = $(GNUTLS_LIBS)
