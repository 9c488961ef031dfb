# `make check` is one call of prove over the unit tests and the tests of the
# running system. TESTS='t/unit/buf t/relay.t' narrows it.
#
# A unit test is t/unit/NAME.c (cmocka) for the module NAME.c; add it to
# unit_tests and say what it links.
system_tests = $(sort $(wildcard $(srcdir)/t/*.t))
TESTS_RUN = $(if $(TESTS),$(TESTS),$(unit_tests) $(system_tests))

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
unit_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
unit_ldadd = $(CMOCKA_LIBS)

unit_tests += t/unit/buf
t_unit_buf_SOURCES = t/unit/buf.c
t_unit_buf_CFLAGS = $(unit_cflags)
t_unit_buf_LDADD = common/libcommon.a $(unit_ldadd)

conf_fixture = t/unit/conf_fixture.c t/unit/conf_fixture.h t/unit/folder.c t/unit/folder.h
conf_cflags = $(unit_cflags) $(LIBCONFIG_CFLAGS)
conf_ldadd = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(LIBCONFIG_LIBS) $(unit_ldadd)
unit_tests += t/unit/conf t/unit/conf_errors t/unit/conf_table t/unit/conf_compare
t_unit_conf_SOURCES = t/unit/conf.c $(conf_fixture)
t_unit_conf_CFLAGS = $(conf_cflags)
t_unit_conf_LDADD = $(conf_ldadd)
t_unit_conf_errors_SOURCES = t/unit/conf_errors.c $(conf_fixture)
t_unit_conf_errors_CFLAGS = $(conf_cflags)
t_unit_conf_errors_LDADD = $(conf_ldadd)
t_unit_conf_table_SOURCES = t/unit/conf_table.c $(conf_fixture)
t_unit_conf_table_CFLAGS = $(conf_cflags)
t_unit_conf_table_LDADD = $(conf_ldadd)
t_unit_conf_compare_SOURCES = t/unit/conf_compare.c $(conf_fixture)
t_unit_conf_compare_CFLAGS = $(conf_cflags)
t_unit_conf_compare_LDADD = $(conf_ldadd)
unit_tests += t/unit/known
t_unit_known_SOURCES = t/unit/known.c supervisor/known.c
t_unit_known_CFLAGS = $(unit_cflags)
t_unit_known_LDADD = common/libcommon.a $(unit_ldadd)
unit_tests += t/unit/child
t_unit_child_SOURCES = t/unit/child.c
t_unit_child_CFLAGS = $(unit_cflags)
t_unit_child_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS) $(unit_ldadd)

unit_tests += t/unit/backoff
t_unit_backoff_SOURCES = t/unit/backoff.c
t_unit_backoff_CFLAGS = $(unit_cflags)
t_unit_backoff_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/detect
t_unit_detect_SOURCES = t/unit/detect.c
t_unit_detect_CFLAGS = $(unit_cflags)
t_unit_detect_LDADD = plugins/libdetect.a $(unit_ldadd)

unit_tests += t/unit/sample
t_unit_sample_SOURCES = t/unit/sample.c
t_unit_sample_CFLAGS = $(unit_cflags)
t_unit_sample_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS) $(unit_ldadd)

hello_sample = t/unit/hello_sample.c t/unit/hello_sample.h
hello_ldadd = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)
unit_tests += t/unit/hello t/unit/hello_records t/unit/hello_offers
t_unit_hello_SOURCES = t/unit/hello.c $(hello_sample) t/unit/corpus.c t/unit/corpus.h
t_unit_hello_CFLAGS = $(unit_cflags)
t_unit_hello_LDADD = $(hello_ldadd)
t_unit_hello_records_SOURCES = t/unit/hello_records.c $(hello_sample)
t_unit_hello_records_CFLAGS = $(unit_cflags)
t_unit_hello_records_LDADD = $(hello_ldadd)
t_unit_hello_offers_SOURCES = t/unit/hello_offers.c $(hello_sample)
t_unit_hello_offers_CFLAGS = $(unit_cflags)
t_unit_hello_offers_LDADD = $(hello_ldadd)

unit_tests += t/unit/catalog
t_unit_catalog_SOURCES = t/unit/catalog.c
t_unit_catalog_CFLAGS = $(unit_cflags)
t_unit_catalog_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/proxy
t_unit_proxy_SOURCES = t/unit/proxy.c
t_unit_proxy_CFLAGS = $(unit_cflags)
t_unit_proxy_LDADD = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/spill
t_unit_spill_SOURCES = t/unit/spill.c
t_unit_spill_CFLAGS = $(unit_cflags)
t_unit_spill_LDADD = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/flow
t_unit_flow_SOURCES = t/unit/flow.c
t_unit_flow_CFLAGS = $(unit_cflags)
t_unit_flow_LDADD = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/gone
t_unit_gone_SOURCES = t/unit/gone.c
t_unit_gone_CFLAGS = $(unit_cflags)
t_unit_gone_LDADD = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/backend
t_unit_backend_SOURCES = t/unit/backend.c
t_unit_backend_CFLAGS = $(unit_cflags)
t_unit_backend_LDADD = workers/worker/libworker.a common/libcommon.a $(unit_ldadd)


# pki.c makes keys and certificates for tests.
unit_tests += t/unit/certs
certs_parts = workers/librarian/certs.c workers/librarian/file.c workers/librarian/pem.c workers/librarian/words.c
t_unit_certs_SOURCES = t/unit/certs.c t/unit/pki.c t/unit/pki.h $(certs_parts)
t_unit_certs_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_certs_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

unit_tests += t/unit/build
t_unit_build_SOURCES = t/unit/build.c t/unit/pki.c t/unit/pki.h $(certs_parts) \
	workers/librarian/build.c workers/librarian/remarks.c workers/librarian/sources.c
t_unit_build_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_build_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

unit_tests += t/unit/cache
t_unit_cache_SOURCES = t/unit/cache.c t/unit/folder.c t/unit/folder.h t/unit/pki.c t/unit/pki.h \
	workers/librarian/answer.c workers/librarian/cache.c workers/librarian/file.c workers/librarian/pem.c \
	workers/librarian/record.c workers/librarian/words.c
t_unit_cache_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_cache_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

unit_tests += t/unit/fetch
t_unit_fetch_SOURCES = t/unit/fetch.c workers/librarian/fetch.c workers/librarian/reach.c workers/librarian/resolve.c
t_unit_fetch_CFLAGS = $(unit_cflags) $(CURL_CFLAGS)
t_unit_fetch_LDADD = common/libcommon.a $(CURL_LIBS) $(unit_ldadd)

unit_tests += t/unit/links
t_unit_links_SOURCES = t/unit/links.c t/unit/pki.c t/unit/pki.h t/unit/pki_chain.c t/unit/pki_chain.h workers/librarian/links.c
t_unit_links_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_links_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

# Without fetch.c, which they play themselves.
unit_tests += t/unit/fetches
staple_parts = workers/librarian/responder.c workers/librarian/retry.c workers/librarian/staple.c workers/librarian/stapled.c
ocsp_parts = t/unit/pki.c t/unit/pki.h t/unit/pki_chain.c t/unit/pki_chain.h t/unit/ocsp.c t/unit/ocsp.h
t_unit_fetches_SOURCES = t/unit/fetches.c t/unit/folder.c t/unit/folder.h $(ocsp_parts) $(staple_parts) \
	workers/librarian/answer.c workers/librarian/cache.c workers/librarian/fetches.c workers/librarian/file.c \
	workers/librarian/pem.c workers/librarian/record.c workers/librarian/staples.c workers/librarian/words.c
t_unit_fetches_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS) $(CRYPTO_CFLAGS)
t_unit_fetches_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(unit_ldadd)

unit_tests += t/unit/staple
t_unit_staple_SOURCES = t/unit/staple.c t/unit/corpus.c t/unit/corpus.h $(ocsp_parts) $(staple_parts)
t_unit_staple_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS) $(CRYPTO_CFLAGS)
t_unit_staple_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(unit_ldadd)

unit_tests += t/unit/idmap
t_unit_idmap_SOURCES = t/unit/idmap.c
t_unit_idmap_CFLAGS = $(unit_cflags)
t_unit_idmap_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/chains
t_unit_chains_SOURCES = t/unit/chains.c workers/librarian/segment.c workers/librarian/segment_layout.c
t_unit_chains_CFLAGS = $(unit_cflags)
t_unit_chains_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/segment
t_unit_segment_SOURCES = t/unit/segment.c workers/librarian/segment.c workers/librarian/segment_layout.c
t_unit_segment_CFLAGS = $(unit_cflags)
t_unit_segment_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/change
t_unit_change_SOURCES = t/unit/change.c workers/librarian/change.c workers/librarian/segment.c workers/librarian/segment_layout.c workers/librarian/stock.c
t_unit_change_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_change_LDADD = plugins/libchain.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

# Plays the supervisor of the real program, $TLSWARD_BUILD/tlsward-librarian.
unit_tests += t/unit/librarian
t_unit_librarian_SOURCES = t/unit/librarian.c t/unit/pki.c t/unit/pki.h
t_unit_librarian_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_librarian_LDADD = common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

# The same for tlsward-worker.
unit_tests += t/unit/worker
t_unit_worker_SOURCES = t/unit/worker.c t/unit/pki.c t/unit/pki.h workers/librarian/segment.c workers/librarian/segment_layout.c
t_unit_worker_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_worker_LDADD = common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

unit_tests += t/unit/tls
t_unit_tls_SOURCES = t/unit/tls.c t/unit/pki.c t/unit/pki.h workers/librarian/segment.c workers/librarian/segment_layout.c
t_unit_tls_CFLAGS = $(unit_cflags) $(GNUTLS_CFLAGS)
t_unit_tls_LDADD = workers/worker/libworker.a common/libcommon.a $(GNUTLS_LIBS) $(unit_ldadd)

unit_tests += t/unit/x25519
t_unit_x25519_SOURCES = t/unit/x25519.c
t_unit_x25519_CFLAGS = $(unit_cflags) $(NETTLE_CFLAGS)
t_unit_x25519_LDADD = workers/worker/libworker.a $(SODIUM_LIBS) $(NETTLE_LIBS) $(unit_ldadd)

unit_tests += t/unit/log
t_unit_log_SOURCES = t/unit/log.c
t_unit_log_CFLAGS = $(unit_cflags)
t_unit_log_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/channel
t_unit_channel_SOURCES = t/unit/channel.c
t_unit_channel_CFLAGS = $(unit_cflags)
t_unit_channel_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/text
t_unit_text_SOURCES = t/unit/text.c
t_unit_text_CFLAGS = $(unit_cflags)
t_unit_text_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/tcp
t_unit_tcp_SOURCES = t/unit/tcp.c
t_unit_tcp_CFLAGS = $(unit_cflags)
t_unit_tcp_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/addr
t_unit_addr_SOURCES = t/unit/addr.c
t_unit_addr_CFLAGS = $(unit_cflags)
t_unit_addr_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/ledger
t_unit_ledger_SOURCES = t/unit/ledger.c
t_unit_ledger_CFLAGS = $(unit_cflags)
t_unit_ledger_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/sandbox
t_unit_sandbox_SOURCES = t/unit/sandbox.c
t_unit_sandbox_CFLAGS = $(unit_cflags)
t_unit_sandbox_LDADD = common/libsandbox.a common/libcommon.a $(SECCOMP_LIBS) $(unit_ldadd)

unit_tests += t/unit/memfd
t_unit_memfd_SOURCES = t/unit/memfd.c
t_unit_memfd_CFLAGS = $(unit_cflags)
t_unit_memfd_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/headcount
t_unit_headcount_SOURCES = t/unit/headcount.c
t_unit_headcount_CFLAGS = $(unit_cflags)
t_unit_headcount_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/hostset
t_unit_hostset_SOURCES = t/unit/hostset.c
t_unit_hostset_CFLAGS = $(unit_cflags)
t_unit_hostset_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/lua_host
t_unit_lua_host_SOURCES = t/unit/lua_host.c
t_unit_lua_host_CFLAGS = $(unit_cflags) $(LUA_CFLAGS)
t_unit_lua_host_LDADD = lua/liblua-host.a common/libcommon.a $(LUA_LIBS) $(unit_ldadd)

lua_fixture = t/unit/lua_fixture.c t/unit/lua_fixture.h
lua_ldadd = plugins/libpolicylua.a plugins/libpolicy.a lua/liblua-host.a \
	common/libcommon.a $(LUA_LIBS) $(unit_ldadd)
unit_tests += t/unit/lua_policy t/unit/lua_answer t/unit/lua_hello t/unit/lua_hostset t/unit/lua_log t/unit/lua_settings t/unit/lua_examples
t_unit_lua_policy_SOURCES = t/unit/lua_policy.c $(lua_fixture)
t_unit_lua_policy_CFLAGS = $(unit_cflags)
t_unit_lua_policy_LDADD = $(lua_ldadd)
t_unit_lua_answer_SOURCES = t/unit/lua_answer.c $(lua_fixture)
t_unit_lua_answer_CFLAGS = $(unit_cflags)
t_unit_lua_answer_LDADD = $(lua_ldadd)
t_unit_lua_hello_SOURCES = t/unit/lua_hello.c $(lua_fixture)
t_unit_lua_hello_CFLAGS = $(unit_cflags)
t_unit_lua_hello_LDADD = $(lua_ldadd)
t_unit_lua_hostset_SOURCES = t/unit/lua_hostset.c $(lua_fixture)
t_unit_lua_hostset_CFLAGS = $(unit_cflags)
t_unit_lua_hostset_LDADD = $(lua_ldadd)
t_unit_lua_log_SOURCES = t/unit/lua_log.c $(lua_fixture)
t_unit_lua_log_CFLAGS = $(unit_cflags)
t_unit_lua_log_LDADD = $(lua_ldadd)
t_unit_lua_settings_SOURCES = t/unit/lua_settings.c $(lua_fixture)
t_unit_lua_settings_CFLAGS = $(unit_cflags)
t_unit_lua_settings_LDADD = $(lua_ldadd)
t_unit_lua_examples_SOURCES = t/unit/lua_examples.c $(lua_fixture)
t_unit_lua_examples_CFLAGS = $(unit_cflags)
t_unit_lua_examples_LDADD = $(lua_ldadd)

# Plays the supervisor and the clients of the real program, $TLSWARD_BUILD/tlsward-worker.
unit_tests += t/unit/worker_policy
t_unit_worker_policy_SOURCES = t/unit/worker_policy.c
t_unit_worker_policy_CFLAGS = $(unit_cflags)
t_unit_worker_policy_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/msg
t_unit_msg_SOURCES = t/unit/msg.c
t_unit_msg_CFLAGS = $(unit_cflags)
t_unit_msg_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/names
t_unit_names_SOURCES = t/unit/names.c
t_unit_names_CFLAGS = $(unit_cflags)
t_unit_names_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/json_line
t_unit_json_line_SOURCES = t/unit/json_line.c t/unit/json_check.h
t_unit_json_line_CFLAGS = $(unit_cflags)
t_unit_json_line_LDADD = workers/logger/liblogger.a common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/logfmt
t_unit_logfmt_SOURCES = t/unit/logfmt.c
t_unit_logfmt_CFLAGS = $(unit_cflags)
t_unit_logfmt_LDADD = workers/logger/liblogger.a common/libcommon.a $(unit_ldadd)

# logger_fixture.c plays the supervisor of the real program, $TLSWARD_BUILD/tlsward-logger.
logger_fixture = t/unit/logger_fixture.c t/unit/logger_fixture.h
unit_tests += t/unit/logger t/unit/logger_sinks t/unit/logger_syslog
t_unit_logger_SOURCES = t/unit/logger.c t/unit/json_check.h $(logger_fixture)
t_unit_logger_CFLAGS = $(unit_cflags)
t_unit_logger_LDADD = common/libcommon.a $(unit_ldadd)
t_unit_logger_sinks_SOURCES = t/unit/logger_sinks.c $(logger_fixture)
t_unit_logger_sinks_CFLAGS = $(unit_cflags)
t_unit_logger_sinks_LDADD = common/libcommon.a $(unit_ldadd)
t_unit_logger_syslog_SOURCES = t/unit/logger_syslog.c $(logger_fixture)
t_unit_logger_syslog_CFLAGS = $(unit_cflags)
t_unit_logger_syslog_LDADD = common/libcommon.a $(unit_ldadd)

witness_cflags = $(unit_cflags) $(JANSSON_CFLAGS)
witness_ldadd = workers/witness/libwitness.a common/libcommon.a \
	$(JANSSON_LIBS) $(LIBDW_LIBS) $(SECCOMP_LIBS) $(unit_ldadd)
unit_tests += t/unit/witness_proc t/unit/witness_sockets t/unit/witness_fds t/unit/witness_reports t/unit/witness_collect
t_unit_witness_proc_SOURCES = t/unit/witness_proc.c
t_unit_witness_proc_CFLAGS = $(witness_cflags)
t_unit_witness_proc_LDADD = $(witness_ldadd)
t_unit_witness_sockets_SOURCES = t/unit/witness_sockets.c
t_unit_witness_sockets_CFLAGS = $(witness_cflags)
t_unit_witness_sockets_LDADD = $(witness_ldadd)
t_unit_witness_fds_SOURCES = t/unit/witness_fds.c
t_unit_witness_fds_CFLAGS = $(witness_cflags)
t_unit_witness_fds_LDADD = $(witness_ldadd)
t_unit_witness_reports_SOURCES = t/unit/witness_reports.c
t_unit_witness_reports_CFLAGS = $(witness_cflags)
t_unit_witness_reports_LDADD = $(witness_ldadd)
t_unit_witness_collect_SOURCES = t/unit/witness_collect.c
t_unit_witness_collect_CFLAGS = $(witness_cflags)
t_unit_witness_collect_LDADD = $(witness_ldadd)

# control_fixture.c is a made-up supervisor that serves the control socket.
unit_tests += t/unit/control
t_unit_control_SOURCES = t/unit/control.c t/unit/control_fixture.c t/unit/control_fixture.h
t_unit_control_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
t_unit_control_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS) $(unit_ldadd)

unit_tests += t/unit/connections
t_unit_connections_SOURCES = t/unit/connections.c t/unit/control_fixture.c t/unit/control_fixture.h
t_unit_connections_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
t_unit_connections_LDADD = $(t_unit_control_LDADD)

unit_tests += t/unit/incident_head
t_unit_incident_head_SOURCES = t/unit/incident_head.c t/unit/control_fixture.c t/unit/control_fixture.h
t_unit_incident_head_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
t_unit_incident_head_LDADD = $(t_unit_control_LDADD)

unit_tests += t/unit/operator
t_unit_operator_SOURCES = t/unit/operator.c t/unit/control_fixture.c t/unit/control_fixture.h
t_unit_operator_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
t_unit_operator_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS) $(unit_ldadd)

unit_tests += t/unit/tlswardctl
t_unit_tlswardctl_SOURCES = t/unit/tlswardctl.c t/unit/control_fixture.c t/unit/control_fixture.h
t_unit_tlswardctl_CFLAGS = $(unit_cflags) $(JANSSON_CFLAGS)
t_unit_tlswardctl_LDADD = supervisor/libsupervisor.a plugins/libdetect.a common/libcommon.a $(EV_LIBS) \
	$(LIBCONFIG_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(CAPNG_LIBS) $(unit_ldadd)
unit_tests += t/unit/acme
t_unit_acme_SOURCES = t/unit/acme.c workers/librarian/acme_names.c workers/librarian/acme_names.h \
	workers/librarian/acme_when.c workers/librarian/acme_when.h workers/librarian/hook_call.c workers/librarian/hook.h \
	workers/librarian/challenge.c workers/librarian/challenge.h \
	workers/librarian/order.c workers/librarian/order.h
t_unit_acme_CFLAGS = $(unit_cflags)
t_unit_acme_LDADD = common/libcommon.a $(unit_ldadd)
unit_tests += t/unit/runner
t_unit_runner_SOURCES = t/unit/runner.c workers/librarian/runner.c workers/librarian/runner.h \
	workers/librarian/challenge.c workers/librarian/challenge.h
t_unit_runner_CPPFLAGS = $(AM_CPPFLAGS) -DUACME='"/bin/sh"'
t_unit_runner_CFLAGS = $(unit_cflags)
t_unit_runner_LDADD = common/libcommon.a $(unit_ldadd)
unit_tests += t/unit/keystore
t_unit_keystore_SOURCES = t/unit/keystore.c workers/keeper/keystore.c workers/keeper/pemsplit.c
t_unit_keystore_CFLAGS = $(unit_cflags)
t_unit_keystore_LDADD = common/libcommon.a $(unit_ldadd)

# The same cases for each library; libcrypto checks the signatures of both.
unit_tests += t/unit/sign t/unit/sign-gnutls
sign_test = t/unit/sign.c t/unit/tlskeys.c t/unit/tlskeys.h $(keeper_parts)
t_unit_sign_SOURCES = $(sign_test) workers/keeper/sign_libcrypto.c workers/keeper/spki_libcrypto.c
t_unit_sign_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS)
t_unit_sign_LDADD = common/libcommon.a $(CRYPTO_LIBS) $(unit_ldadd)
t_unit_sign_gnutls_SOURCES = $(sign_test) workers/keeper/sign_gnutls.c
t_unit_sign_gnutls_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS) $(GNUTLS_CFLAGS)
t_unit_sign_gnutls_LDADD = common/libcommon.a $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(unit_ldadd)

unit_tests += t/unit/acme_keys t/unit/acme_keys-gnutls
acme_keys_test = t/unit/acme_keys.c t/unit/tlskeys.c t/unit/tlskeys.h $(keeper_parts)
t_unit_acme_keys_SOURCES = $(acme_keys_test) workers/keeper/sign_libcrypto.c workers/keeper/spki_libcrypto.c
t_unit_acme_keys_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS)
t_unit_acme_keys_LDADD = common/libcommon.a $(CRYPTO_LIBS) $(unit_ldadd)
t_unit_acme_keys_gnutls_SOURCES = $(acme_keys_test) workers/keeper/sign_gnutls.c
t_unit_acme_keys_gnutls_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS) $(GNUTLS_CFLAGS)
t_unit_acme_keys_gnutls_LDADD = common/libcommon.a $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(unit_ldadd)

# keeper_fixture.c plays the supervisor and the workers of the real program, $TLSWARD_BUILD/tlsward-keeper.
keeper_fixture = t/unit/keeper_fixture.c t/unit/keeper_fixture.h t/unit/tlskeys.c t/unit/tlskeys.h
keeper_ldadd = common/libcommon.a $(CRYPTO_LIBS) $(unit_ldadd)
unit_tests += t/unit/keeper t/unit/keeper_files t/unit/keeper_servers
t_unit_keeper_SOURCES = t/unit/keeper.c $(keeper_fixture)
t_unit_keeper_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS)
t_unit_keeper_LDADD = $(keeper_ldadd)
t_unit_keeper_files_SOURCES = t/unit/keeper_files.c $(keeper_fixture)
t_unit_keeper_files_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS)
t_unit_keeper_files_LDADD = $(keeper_ldadd)
t_unit_keeper_servers_SOURCES = t/unit/keeper_servers.c $(keeper_fixture)
t_unit_keeper_servers_CFLAGS = $(unit_cflags) $(CRYPTO_CFLAGS)
t_unit_keeper_servers_LDADD = $(keeper_ldadd)
endif

# Tests of the watching need a build that has faults on demand. A build that
# has none gets a second one for them beside it, of what a release would hold.
if FAULTS
faults_build =
else
faults_build = faults-build
endif
faults-build:
	@$(MAKE) $(AM_MAKEFLAGS) -s distdir distdir=b-faults-source
	@$(MKDIR_P) b-faults
	@cd b-faults && { test -f Makefile || ../b-faults-source/configure -q --enable-faults; }
	@$(MAKE) $(AM_MAKEFLAGS) -s -C b-faults all
.PHONY: faults-build

PROVE_ENV = CMOCKA_MESSAGE_OUTPUT=TAP TLSWARD_BUILD='$(abs_top_builddir)' \
	TLSWARD_SRC='$(abs_top_srcdir)' \
	PERL5LIB="$(abs_top_srcdir)/t/lib$${PERL5LIB:+:$$PERL5LIB}"
# They wait more than they compute: two for each processor.
PROVE_JOBS = $$(n=$$(nproc); if [ $$n -lt 4 ]; then echo $$((2 * n)); else echo 8; fi)
PROVE_FLAGS = --timer -j $(PROVE_JOBS)
check-local: all $(if $(if $(TESTS),$(findstring /watch-,$(TESTS)),all),$(faults_build))
if !HAVE_CMOCKA
	@echo 'The unit tests are left out: ./configure did not find cmocka.' >&2
endif
	$(PROVE_ENV) $(PROVE) -e '$(srcdir)/t/lib/run-test' $(PROVE_FLAGS) $(TESTS_RUN)

EXTRA_DIST += $(system_tests) t/lib

# Fuzzing needs clang whatever compiler the rest is built with, and its own
# objects: `make fuzz-short` for a bounded number of runs, or by hand
# `make t/fuzz/hello-fuzzer` and that on a copy of the corpus for longer. What
# the parser must say of a file of the corpus is the first word of its name.
FUZZ_CC = clang
FUZZ_FLAGS = -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_RUNS = 200000
fuzz_hello_sources = t/fuzz/hello.c workers/worker/hello.c \
	workers/worker/hello_offers.c common/buf.c common/names.c
fuzz_hello_headers = workers/worker/hello.h common/buf.h common/names.h

fuzz_record_sources = t/fuzz/record.c workers/librarian/record.c workers/librarian/pem.c
fuzz_record_headers = workers/librarian/record.h
fuzz_issuer_sources = t/fuzz/issuer.c workers/librarian/answer.c workers/librarian/pem.c plugins/chain/cert.c
fuzz_issuer_headers = workers/librarian/answer.h plugins/chain/cert.h
fuzzers = t/fuzz/hello-fuzzer t/fuzz/record-fuzzer t/fuzz/issuer-fuzzer
fuzz_msg_sources = t/fuzz/msg.c common/msg.c common/channel.c common/fdpass.c common/buf.c
fuzz_msg_headers = common/msg.h common/channel.h
fuzz_form_sources = t/fuzz/form.c workers/keeper/forms.c common/buf.c
fuzz_form_headers = workers/keeper/forms.h
fuzz_catalog_sources = t/fuzz/catalog.c common/catalog.c common/memfd.c common/names.c
fuzz_catalog_headers = common/catalog.h
fuzz_known_sources = t/fuzz/known.c supervisor/known.c common/memfd.c
fuzz_known_headers = supervisor/known.h
fuzzers += t/fuzz/msg-fuzzer t/fuzz/form-fuzzer t/fuzz/catalog-fuzzer t/fuzz/known-fuzzer
fuzz_staple_sources = t/fuzz/staple.c workers/librarian/staple.c plugins/chain/cert.c
fuzz_staple_headers = workers/librarian/staple.h plugins/chain/cert.h
fuzz_certs_sources = t/fuzz/certs.c workers/librarian/certs.c common/spki.c workers/librarian/file.c workers/librarian/pem.c \
	workers/librarian/words.c plugins/chain/cert.c common/hostset.c common/hostset_build.c common/memfd.c common/names.c
fuzz_certs_headers = workers/librarian/certs.h common/hostset.h common/hostset_build.h
fuzzers += t/fuzz/staple-fuzzer t/fuzz/certs-fuzzer
fuzz_hook_sources = t/fuzz/hook.c workers/librarian/hook_call.c workers/librarian/order.c common/base64.c
fuzz_hook_headers = workers/librarian/hook.h workers/librarian/order.h common/base64.h
fuzzers += t/fuzz/hook-fuzzer
fuzz_build = @$(MKDIR_P) t/fuzz && cd $(top_srcdir) && $(FUZZ_CC) $(FUZZ_FLAGS) -D_GNU_SOURCE -I. -o $(abs_top_builddir)/$@

t/fuzz/hello-fuzzer: $(fuzz_hello_sources) $(fuzz_hello_headers)
	$(fuzz_build) $(fuzz_hello_sources)
t/fuzz/record-fuzzer: $(fuzz_record_sources) $(fuzz_record_headers)
	$(fuzz_build) $(fuzz_record_sources) $(GNUTLS_LIBS)
t/fuzz/issuer-fuzzer: $(fuzz_issuer_sources) $(fuzz_issuer_headers)
	$(fuzz_build) $(fuzz_issuer_sources) $(GNUTLS_LIBS)
t/fuzz/staple-fuzzer: $(fuzz_staple_sources) $(fuzz_staple_headers)
	$(fuzz_build) $(fuzz_staple_sources) $(GNUTLS_LIBS)
t/fuzz/certs-fuzzer: $(fuzz_certs_sources) $(fuzz_certs_headers)
	$(fuzz_build) $(fuzz_certs_sources) $(GNUTLS_LIBS)

t/fuzz/msg-fuzzer: $(fuzz_msg_sources) $(fuzz_msg_headers)
	$(fuzz_build) $(fuzz_msg_sources)
t/fuzz/catalog-fuzzer: $(fuzz_catalog_sources) $(fuzz_catalog_headers)
	$(fuzz_build) $(fuzz_catalog_sources)
t/fuzz/known-fuzzer: $(fuzz_known_sources) $(fuzz_known_headers)
	$(fuzz_build) $(fuzz_known_sources)
t/fuzz/form-fuzzer: $(fuzz_form_sources) $(fuzz_form_headers)
	$(fuzz_build) $(fuzz_form_sources)

# New inputs go to a copy; it is kept, with the input that failed, on failure.
t/fuzz/hook-fuzzer: $(fuzz_hook_sources) $(fuzz_hook_headers)
	$(fuzz_build) $(fuzz_hook_sources)
fuzz-short: $(fuzzers)
	@for f in $(fuzzers); do \
	corpus=$(top_srcdir)/$${f%-fuzzer}-corpus; \
	dir=$$(mktemp -d) && cp $$corpus/* $$dir && \
	if $$f -runs=$(FUZZ_RUNS) -max_total_time=120 -max_len=40000 \
		-artifact_prefix=$$dir/ $$dir >$$dir.log 2>&1; \
	then echo "$$f: $$(tail -n 1 $$dir.log)"; rm -rf $$dir $$dir.log; \
	else cat $$dir.log; echo "fuzz-short: input kept in $$dir" >&2; exit 1; fi; done

.PHONY: fuzz-short
CLEANFILES += $(fuzzers)
EXTRA_DIST += $(fuzzers:-fuzzer=.c) $(fuzzers:-fuzzer=-corpus)

include t/clients/local.mk
include t/long/local.mk
