# Unit tests, checks of the sources, and tests of real processes, in one count: see tests/run.
if HAVE_CMOCKA
unit_tests = tests/unit/test-config tests/unit/test-wire tests/unit/test-respawn \
	tests/unit/test-deadline tests/unit/test-ids tests/unit/test-log tests/unit/test-admission \
	tests/unit/test-networks tests/unit/test-addresses tests/unit/test-accept-rate \
	tests/unit/test-reply tests/unit/test-job tests/unit/test-completion tests/unit/test-pool \
	tests/unit/test-connections tests/unit/test-path tests/unit/test-cpus \
	tests/unit/test-diff tests/unit/test-liveness tests/unit/test-histogram \
	tests/unit/test-record tests/unit/test-recycle tests/unit/test-replies \
	tests/unit/test-schedule tests/unit/test-sizes tests/unit/test-heritage \
	tests/unit/test-former tests/unit/test-reloads tests/unit/test-lost \
	tests/unit/test-traceparent tests/unit/test-span-record
endif

unit_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
unit_ldadd = src/libwire.a src/libbase.a $(CMOCKA_LIBS) $(LIBBSD_LIBS)

check_PROGRAMS += $(unit_tests) tests/unit/list-options tests/unit/list-metrics

tests_unit_list_options_SOURCES = tests/unit/list-options.c
tests_unit_list_options_LDADD = src/libconfig.a $(LIBCONFIG_LIBS) src/libwire.a src/libbase.a \
	$(LIBBSD_LIBS)

tests_unit_list_metrics_SOURCES = tests/unit/list-metrics.c
tests_unit_list_metrics_LDADD = src/libmetrics.a src/libdispatch.a src/libnet.a src/libsegment.a \
	src/libwire.a src/libbase.a $(LIBBSD_LIBS)

tests_unit_test_wire_SOURCES = tests/unit/test-wire.c
tests_unit_test_wire_CPPFLAGS = $(unit_cppflags)
tests_unit_test_wire_LDADD = $(unit_ldadd)

tests_unit_test_config_SOURCES = tests/unit/test-config.c
tests_unit_test_config_CPPFLAGS = $(unit_cppflags)
tests_unit_test_config_LDADD = src/libdispatch.a src/libconfig.a $(LIBCONFIG_LIBS) $(unit_ldadd)

tests_unit_test_diff_SOURCES = tests/unit/test-diff.c
tests_unit_test_diff_CPPFLAGS = $(unit_cppflags)
tests_unit_test_diff_LDADD = src/libconfig.a $(LIBCONFIG_LIBS) $(unit_ldadd)

tests_unit_test_respawn_SOURCES = tests/unit/test-respawn.c
tests_unit_test_respawn_CPPFLAGS = $(unit_cppflags)
tests_unit_test_respawn_LDADD = src/libmaster.a $(unit_ldadd)

tests_unit_test_liveness_SOURCES = tests/unit/test-liveness.c
tests_unit_test_liveness_CPPFLAGS = $(unit_cppflags)
tests_unit_test_liveness_LDADD = src/libmaster.a $(unit_ldadd)

tests_unit_test_recycle_SOURCES = tests/unit/test-recycle.c
tests_unit_test_recycle_CPPFLAGS = $(unit_cppflags)
tests_unit_test_recycle_LDADD = src/libworker.a $(unit_ldadd)

tests_unit_test_deadline_SOURCES = tests/unit/test-deadline.c
tests_unit_test_deadline_CPPFLAGS = $(unit_cppflags)
tests_unit_test_deadline_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_deadline_LDADD = src/libnet.a src/libprocess.a $(LIBEVENT_LIBS) $(unit_ldadd)

tests_unit_test_log_SOURCES = tests/unit/test-log.c
tests_unit_test_log_CPPFLAGS = $(unit_cppflags)
tests_unit_test_log_LDADD = $(unit_ldadd)

tests_unit_test_path_SOURCES = tests/unit/test-path.c
tests_unit_test_path_CPPFLAGS = $(unit_cppflags)
tests_unit_test_path_LDADD = $(unit_ldadd)

tests_unit_test_traceparent_SOURCES = tests/unit/test-traceparent.c
tests_unit_test_traceparent_CPPFLAGS = $(unit_cppflags)
tests_unit_test_traceparent_LDADD = $(unit_ldadd)

tests_unit_test_span_record_SOURCES = tests/unit/test-span-record.c
tests_unit_test_span_record_CPPFLAGS = $(unit_cppflags)
tests_unit_test_span_record_LDADD = src/libadmin.a src/libdispatch.a src/libprocess.a $(unit_ldadd)

tests_unit_test_admission_SOURCES = tests/unit/test-admission.c
tests_unit_test_admission_CPPFLAGS = $(unit_cppflags)
tests_unit_test_admission_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_former_SOURCES = tests/unit/test-former.c
tests_unit_test_former_CPPFLAGS = $(unit_cppflags)
tests_unit_test_former_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_reloads_SOURCES = tests/unit/test-reloads.c
tests_unit_test_reloads_CPPFLAGS = $(unit_cppflags)
tests_unit_test_reloads_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_lost_SOURCES = tests/unit/test-lost.c
tests_unit_test_lost_CPPFLAGS = $(unit_cppflags)
tests_unit_test_lost_LDADD = src/libmaster.a src/libsegment.a $(unit_ldadd)

tests_unit_test_networks_SOURCES = tests/unit/test-networks.c
tests_unit_test_networks_CPPFLAGS = $(unit_cppflags)
tests_unit_test_networks_LDADD = $(unit_ldadd)

tests_unit_test_addresses_SOURCES = tests/unit/test-addresses.c
tests_unit_test_addresses_CPPFLAGS = $(unit_cppflags)
tests_unit_test_addresses_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_accept_rate_SOURCES = tests/unit/test-accept-rate.c
tests_unit_test_accept_rate_CPPFLAGS = $(unit_cppflags)
tests_unit_test_accept_rate_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_ids_SOURCES = tests/unit/test-ids.c
tests_unit_test_ids_CPPFLAGS = $(unit_cppflags)
tests_unit_test_ids_LDADD = src/libsegment.a $(unit_ldadd)

tests_unit_test_reply_SOURCES = tests/unit/test-reply.c
tests_unit_test_reply_CPPFLAGS = $(unit_cppflags)
tests_unit_test_reply_LDADD = src/libdispatch.a $(unit_ldadd)

dispatch_ldadd = src/libdispatch.a src/libprocess.a $(LIBEVENT_LIBS) $(unit_ldadd)

tests_unit_test_job_SOURCES = tests/unit/test-job.c
tests_unit_test_job_CPPFLAGS = $(unit_cppflags)
tests_unit_test_job_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_job_LDADD = $(dispatch_ldadd)

tests_unit_test_completion_SOURCES = tests/unit/test-completion.c
tests_unit_test_completion_CPPFLAGS = $(unit_cppflags)
tests_unit_test_completion_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_completion_LDADD = $(dispatch_ldadd)

tests_unit_test_pool_SOURCES = tests/unit/test-pool.c
tests_unit_test_pool_CPPFLAGS = $(unit_cppflags)
tests_unit_test_pool_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_pool_LDADD = $(dispatch_ldadd)

tests_unit_test_connections_SOURCES = tests/unit/test-connections.c
tests_unit_test_connections_CPPFLAGS = $(unit_cppflags)
tests_unit_test_connections_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_connections_LDADD = src/libnet.a src/libprocess.a $(LIBEVENT_LIBS) $(unit_ldadd)

tests_unit_test_cpus_SOURCES = tests/unit/test-cpus.c
tests_unit_test_cpus_CPPFLAGS = $(unit_cppflags)
tests_unit_test_cpus_LDADD = src/libprocess.a src/libconfig.a $(LIBCONFIG_LIBS) $(unit_ldadd)

tests_unit_test_record_SOURCES = tests/unit/test-record.c
tests_unit_test_record_CPPFLAGS = $(unit_cppflags)
tests_unit_test_record_LDADD = src/libprocess.a $(unit_ldadd)

tests_unit_test_heritage_SOURCES = tests/unit/test-heritage.c
tests_unit_test_heritage_CPPFLAGS = $(unit_cppflags)
tests_unit_test_heritage_LDADD = src/libmaster.a src/libprocess.a $(unit_ldadd)

tests_unit_test_histogram_SOURCES = tests/unit/test-histogram.c
tests_unit_test_histogram_CPPFLAGS = $(unit_cppflags)
tests_unit_test_histogram_LDADD = $(bench_ldadd) $(CMOCKA_LIBS)

tests_unit_test_replies_SOURCES = tests/unit/test-replies.c
tests_unit_test_replies_CPPFLAGS = $(unit_cppflags)
tests_unit_test_replies_LDADD = $(bench_ldadd) $(CMOCKA_LIBS)

tests_unit_test_schedule_SOURCES = tests/unit/test-schedule.c
tests_unit_test_schedule_CPPFLAGS = $(unit_cppflags)
tests_unit_test_schedule_LDADD = $(bench_ldadd) $(CMOCKA_LIBS)

tests_unit_test_sizes_SOURCES = tests/unit/test-sizes.c
tests_unit_test_sizes_CPPFLAGS = $(unit_cppflags)
tests_unit_test_sizes_LDADD = $(bench_ldadd) $(CMOCKA_LIBS)

# The server as another program, whose segment has another layout.
check_PROGRAMS += tests/preforkd-larger
tests_preforkd_larger_SOURCES = $(src_preforkd_SOURCES) \
	$(src_libmaster_a_SOURCES) $(src_libworker_a_SOURCES) $(src_libdispatch_a_SOURCES) \
	$(src_libnet_a_SOURCES) $(src_libprocess_a_SOURCES) $(src_libsegment_a_SOURCES) \
	$(src_libmetrics_a_SOURCES) $(src_libadmin_a_SOURCES)
$(tests_preforkd_larger_OBJECTS): src/admin/page.inc
tests_preforkd_larger_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) $(LIBCAP_NG_CFLAGS)
tests_preforkd_larger_CPPFLAGS = $(src_libdispatch_a_CPPFLAGS) -DSEGMENT_TEST_LAYOUT=1000
tests_preforkd_larger_LDADD = src/libconfig.a src/libwire.a src/libbase.a \
	$(LIBEVENT_EXTRA_LIBS) $(JANSSON_LIBS) $(LIBEVENT_LIBS) $(LIBCONFIG_LIBS) $(LIBCAP_NG_LIBS) $(LIBBSD_LIBS)

# Fuzzers: each one runs over its corpus as a test, and `make fuzz-NAME` makes it with libFuzzer.
check_PROGRAMS += tests/fuzz/replay-record tests/fuzz/replay-traces

tests_fuzz_replay_record_SOURCES = tests/fuzz/fuzz-record.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_record_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
tests_fuzz_replay_record_LDADD = src/libworker.a src/libdispatch.a src/libnet.a src/libprocess.a \
	src/libsegment.a src/libconfig.a src/libwire.a src/libbase.a $(LIBEVENT_LIBS) \
	$(LIBCONFIG_LIBS) $(LIBCAP_NG_LIBS) $(LIBBSD_LIBS)

tests_fuzz_replay_traces_SOURCES = tests/fuzz/fuzz-traces.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_traces_LDADD = src/libadmin.a src/libdispatch.a src/libprocess.a src/libbase.a \
	$(LIBBSD_LIBS)

FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
fuzz_record_sources = tests/fuzz/fuzz-record.c \
	src/worker/conversation.c src/worker/session_record.c \
	$(src_libnet_a_SOURCES) $(src_libprocess_a_SOURCES) $(src_libsegment_a_SOURCES) \
	$(src_libconfig_a_SOURCES) $(src_libwire_a_SOURCES) $(src_libbase_a_SOURCES)

fuzz_traces_sources = tests/fuzz/fuzz-traces.c src/admin/otlp.c src/admin/protobuf.c \
	src/base/traceparent.c src/dispatch/request_result.c src/process/span_record.c

.PHONY: fuzz-record fuzz-traces
fuzz-record:
	@$(MAKE) $(AM_MAKEFLAGS) fuzz-program FUZZ_PROGRAM=$@ FUZZ_SOURCES='$(fuzz_record_sources)'
fuzz-traces:
	@$(MAKE) $(AM_MAKEFLAGS) fuzz-program FUZZ_PROGRAM=$@ FUZZ_SOURCES='$(fuzz_traces_sources)'

.PHONY: fuzz-program
fuzz-program:
	@$(MKDIR_P) tests/fuzz
	@echo '  FUZZ     tests/fuzz/$(FUZZ_PROGRAM)'; sources=; \
	for file in $(FUZZ_SOURCES); do \
		case $$file in *.c) sources="$$sources $(top_srcdir)/$$file" ;; esac; \
	done; \
	$(FUZZ_CC) $(FUZZ_CFLAGS) -I. -I$(top_srcdir)/src -I$(top_srcdir)/include \
		$(LIBBSD_CFLAGS) $(LIBEVENT_CFLAGS) $(LIBCONFIG_CFLAGS) $(LIBCAP_NG_CFLAGS) \
		-o tests/fuzz/$(FUZZ_PROGRAM) $$sources \
		$(LIBEVENT_LIBS) $(LIBCONFIG_LIBS) $(LIBCAP_NG_LIBS) $(LIBBSD_LIBS)

CLEANFILES += tests/fuzz/fuzz-record tests/fuzz/fuzz-traces

check-local: $(check_PROGRAMS) all
	@BATS='$(BATS)' MANDOC='$(MANDOC)' PYTHON='$(PYTHON)' PREFORK_CC='$(CC)' \
		PREFORK_SANITIZERS='$(SANITIZER_FLAGS)' \
		sh '$(srcdir)/tests/run' '$(abs_srcdir)' '$(abs_builddir)' $(TESTS_ONLY)

EXTRA_DIST += tests/run \
	tests/activation.bats \
	tests/admin.bats \
	tests/alerts.bats \
	tests/backpressure.bats \
	tests/bench.bats \
	tests/bench_peers.bats \
	tests/bench/test_callgrind.py \
	tests/bench/test_outputs.py \
	tests/bench/test_results.py \
	tests/bench_instructions.bats \
	tests/bench_run.bats \
	tests/bounds.bats \
	tests/chroot.bats \
	tests/clock.bats \
	tests/command.bats \
	tests/cpus.bats \
	tests/daemon.bats \
	tests/descriptors.bats \
	tests/descriptor_limit.bats \
	tests/drain.bats \
	tests/echo.bats \
	tests/frames.bats \
	tests/framings.bats \
	tests/full_queue.bats \
	tests/hardening.bats \
	tests/handover.bats \
	tests/handover_faults.bats \
	tests/handover_load.bats \
	tests/haproxy.bats \
	tests/heartbeat.bats \
	tests/install.bats \
	tests/kubernetes.bats \
	tests/layouts.bats \
	tests/limits.bats \
	tests/log.bats \
	tests/logrotate.bats \
	tests/module_api.bats \
	tests/manual.bats \
	tests/memory.bats \
	tests/metrics.bats \
	tests/modules.bats \
	tests/networks.bats \
	tests/notify.bats \
	tests/order.bats \
	tests/overload.bats \
	tests/page.bats \
	tests/pid_file.bats \
	tests/preforkcat.bats \
	tests/preforkctl.bats \
	tests/preforkctl_shells.bats \
	tests/priority.bats \
	tests/recycle.bats \
	tests/relocation.bats \
	tests/reload.bats \
	tests/reload_settings.bats \
	tests/request_log.bats \
	tests/request_timeout.bats \
	tests/reuse_port.bats \
	tests/signals.bats \
	tests/slow_log.bats \
	tests/supervision.bats \
	tests/syslog.bats \
	tests/systemd.bats \
	tests/systemd_unit.bats \
	tests/timeouts.bats \
	tests/traces.bats \
	tests/units.bats \
	tests/unix_sockets.bats \
	tests/upgrade.bats \
	tests/watchdog.bats \
	tests/fuzz/corpus/record/cut-in-a-field \
	tests/fuzz/corpus/record/cut-in-the-head \
	tests/fuzz/corpus/record/of-a-large-message-in-a-file \
	tests/fuzz/corpus/record/of-a-message-that-has-begun \
	tests/fuzz/corpus/record/of-a-module-with-state \
	tests/fuzz/corpus/record/of-a-state-that-the-module-refuses \
	tests/fuzz/corpus/record/of-an-idle-connection \
	tests/fuzz/corpus/record/with-a-field-larger-than-all \
	tests/fuzz/corpus/record/with-a-field-twice \
	tests/fuzz/corpus/record/with-a-file-shorter-than-said \
	tests/fuzz/corpus/record/with-a-head-that-says-more-follows \
	tests/fuzz/corpus/record/with-an-unknown-critical-field \
	tests/fuzz/corpus/record/with-an-unknown-field \
	tests/lib/account.bash \
	tests/lib/activate.py \
	tests/fuzz/corpus/traces/answer-longer-than-it-is \
	tests/fuzz/corpus/traces/answer-of-an-endless-number \
	tests/fuzz/corpus/traces/answer-of-spans-rejected \
	tests/fuzz/corpus/traces/record-of-a-name-without-an-end \
	tests/fuzz/corpus/traces/record-of-a-request \
	tests/fuzz/corpus/traces/record-of-times-out-of-order \
	tests/fuzz/corpus/traces/traceparent \
	tests/fuzz/corpus/traces/traceparent-cut \
	tests/fuzz/corpus/traces/traceparent-of-a-later-version \
	tests/lib/admin.bash \
	tests/lib/alerts.yml \
	tests/lib/bad_control.py \
	tests/lib/bad_http.py \
	tests/lib/bench.bash \
	tests/lib/browser.bash \
	tests/lib/browser.py \
	tests/lib/churn.bash \
	tests/lib/churn.py \
	tests/lib/client.bash \
	tests/lib/client.py \
	tests/lib/collector.js \
	tests/lib/control.bash \
	tests/lib/descriptors.py \
	tests/lib/failing_malloc.c \
	tests/lib/haproxy.bash \
	tests/lib/jumping_clock.c \
	tests/lib/load.bash \
	tests/lib/load.py \
	tests/lib/loglines.py \
	tests/lib/manifest.py \
	tests/lib/memory.py \
	tests/lib/modules.bash \
	tests/lib/modules/commands.c \
	tests/lib/modules/damage.c \
	tests/lib/modules/environment.c \
	tests/lib/modules/leak.c \
	tests/lib/modules/move.c \
	tests/lib/modules/nested.c \
	tests/lib/modules/refused.c \
	tests/lib/modules/roots.c \
	tests/lib/modules/sized.c \
	tests/lib/modules/sockets.c \
	tests/lib/modules/status.c \
	tests/lib/modules/stays.c \
	tests/lib/modules/traced.c \
	tests/lib/modules/versioned.c \
	tests/lib/modules/work.c \
	tests/lib/notify.bash \
	tests/lib/notify.py \
	tests/lib/peer.bash \
	tests/lib/peer.py \
	tests/lib/pipeline.bash \
	tests/lib/pipeline.py \
	tests/lib/prometheus.bash \
	tests/lib/reload.bash \
	tests/lib/server.bash \
	tests/lib/session.bash \
	tests/lib/slow_close.c \
	tests/lib/spans.py \
	tests/lib/syslog.bash \
	tests/lib/syslog.py \
	tests/lib/systemd.bash \
	tests/lib/terminal.py \
	tests/lib/traces.bash \
	tests/lib/upgrade.bash \
	tests/lib/zsh_completion.py \
	tests/lint/faults \
	tests/lint/format \
	tests/lint/includes \
	tests/lint/manuals \
	tests/lint/metrics \
	tests/lint/monitoring \
	tests/lint/options \
	tests/lint/shape \
	tests/lint/shell
