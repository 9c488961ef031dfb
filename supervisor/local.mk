# The supervisor: configuration, listeners, the life of all other processes.
# Neither TLS nor crypto library: it parses no certificate and sees no client.
# Its modules are apart from main.c so that unit tests link them too.
noinst_LIBRARIES += supervisor/libsupervisor.a
supervisor_libsupervisor_a_CFLAGS = $(AM_CFLAGS) $(LIBCONFIG_CFLAGS) \
	$(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS) $(CAPNG_CFLAGS)
supervisor_libsupervisor_a_SOURCES = \
	supervisor/acme.c supervisor/acme.h supervisor/acme_inside.h \
	supervisor/acme_keys.c supervisor/acme_orders.c \
	supervisor/backends.c supervisor/backends.h \
	supervisor/backoff.c supervisor/backoff.h \
	supervisor/boot/boot.c supervisor/boot/boot.h \
	supervisor/boot/files.c supervisor/boot/files.h \
	supervisor/boot/material.c supervisor/boot/material.h supervisor/boot/material_inside.h \
	supervisor/boot/material_catalog.c supervisor/boot/material_files.c supervisor/boot/material_read.c \
	supervisor/boot/material_save.c \
	supervisor/catalog_walk.c supervisor/catalog_walk.h \
	supervisor/child.c supervisor/child.h supervisor/child_table.c \
	supervisor/child_tell.c supervisor/child_tell.h \
	supervisor/conf.c supervisor/conf.h \
	supervisor/conf_check.c \
	supervisor/conf_compare.c supervisor/conf_compare.h \
	supervisor/conf_error.c \
	supervisor/conf_example.c \
	supervisor/conf_fix.c \
	supervisor/conf_numbers.c \
	supervisor/conf_reader.h \
	supervisor/conf_scripts.c \
	supervisor/conf_table.c supervisor/conf_table.h \
	supervisor/conf_value.c \
	supervisor/evidence.c supervisor/evidence.h \
	supervisor/expiring.c supervisor/expiring.h \
	supervisor/inherit.c supervisor/inherit.h \
	supervisor/judge.c supervisor/judge.h \
	supervisor/listen.c supervisor/listen.h \
	supervisor/listen_again.c supervisor/listen_again.h \
	supervisor/log_file.c supervisor/log_file.h \
	supervisor/known.c supervisor/known.h \
	supervisor/opener.c supervisor/opener.h supervisor/opener_main.c \
	supervisor/helper.c supervisor/helper.h \
	supervisor/test_policy.c supervisor/test_policy.h \
	supervisor/policy.c supervisor/policy.h \
	supervisor/policy_data.c supervisor/policy_data.h \
	supervisor/policy_follow.c supervisor/policy_follow.h \
	supervisor/policy_round.c supervisor/policy_round.h \
	supervisor/policy_set.c supervisor/policy_set.h \
	supervisor/orphans.c supervisor/orphans.h \
	supervisor/privilege.c supervisor/privilege.h \
	supervisor/programs.c supervisor/programs.h \
	supervisor/ready.c supervisor/ready.h \
	supervisor/reload.c supervisor/reload.h \
	supervisor/reload_inside.h \
	supervisor/reload_events.c \
	supervisor/reload_notes.c \
	supervisor/reload_parts.c \
	supervisor/reload_view.c \
	supervisor/reload_workers.c \
	supervisor/replacing.c supervisor/replacing.h \
	supervisor/roles.c supervisor/roles.h \
	supervisor/sample.c supervisor/sample.h \
	supervisor/signers.c supervisor/signers.h \
	supervisor/spawn.c supervisor/spawn.h \
	supervisor/staples.c supervisor/staples.h \
	supervisor/state.c supervisor/state.h \
	supervisor/stop.c supervisor/stop.h \
	supervisor/succession.c supervisor/succession.h \
	supervisor/totals.c supervisor/totals.h \
	supervisor/supervisor.c supervisor/supervisor.h \
	supervisor/watch.c supervisor/watch.h \
	supervisor/watch_view.c supervisor/watch_view.h \
	supervisor/workers.c supervisor/workers.h

sbin_PROGRAMS += tlsward
tlsward_SOURCES = supervisor/main.c
tlsward_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS)

# The control socket.
supervisor_libsupervisor_a_SOURCES += \
	supervisor/connections.c \
	supervisor/waits.c \
	supervisor/explain.c supervisor/explain.h \
	supervisor/explain_view.c supervisor/explain_view.h \
	supervisor/methods_policy.c \
	supervisor/fetches.c supervisor/fetches.h supervisor/methods_fetch.c \
	supervisor/control.c supervisor/control.h \
	supervisor/control_client.h \
	supervisor/control_events.c \
	supervisor/control_later.c \
	supervisor/control_listen.c \
	supervisor/hosts.c supervisor/hosts.h \
	supervisor/methods.c supervisor/methods.h \
	supervisor/metrics.c \
	supervisor/operator.c supervisor/operator.h \
	supervisor/rights.c supervisor/rights.h \
	supervisor/rpc.c supervisor/rpc.h \
	supervisor/view.c supervisor/view.h \
	supervisor/view_backends.c \
	supervisor/view_conn.c supervisor/view_text.c \
	common/json_text.c common/json_text.h

supervisor_libsupervisor_a_SOURCES += supervisor/faults.h
if FAULTS
supervisor_libsupervisor_a_SOURCES += supervisor/faults.c
endif

# Incident reports.
supervisor_libsupervisor_a_SOURCES += \
	supervisor/incident_head.c supervisor/incident_head.h \
	supervisor/incident_list.c supervisor/incident_list.h \
	supervisor/incidents.c supervisor/incidents.h \
	supervisor/incidents_ask.c \
	supervisor/methods_incidents.c \
	supervisor/reports.h \
	supervisor/witness.c supervisor/witness.h
