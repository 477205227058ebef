# preforkbench(1): all but its main file is a library, for the tests.
noinst_LIBRARIES += src/libbench.a
src_libbench_a_SOURCES = \
	src/tools/bench/board.c src/tools/bench/board.h \
	src/tools/bench/client.c src/tools/bench/client.h \
	src/tools/bench/context.c src/tools/bench/context.h \
	src/tools/bench/crew.c src/tools/bench/crew.h \
	src/tools/bench/flights.h \
	src/tools/bench/histogram.c src/tools/bench/histogram.h \
	src/tools/bench/json.c src/tools/bench/json.h \
	src/tools/bench/live.c src/tools/bench/live.h \
	src/tools/bench/options.c src/tools/bench/options.h \
	src/tools/bench/payload.c src/tools/bench/payload.h \
	src/tools/bench/percentiles.c src/tools/bench/percentiles.h \
	src/tools/bench/plan.c src/tools/bench/plan.h \
	src/tools/bench/replies.c src/tools/bench/replies.h \
	src/tools/bench/requests.c src/tools/bench/requests.h \
	src/tools/bench/result.c src/tools/bench/result.h \
	src/tools/bench/schedule.c src/tools/bench/schedule.h \
	src/tools/bench/sizes.c src/tools/bench/sizes.h \
	src/tools/bench/summary.c src/tools/bench/summary.h \
	src/tools/bench/worker.c src/tools/bench/worker.h

bin_PROGRAMS += src/preforkbench
src_preforkbench_SOURCES = src/tools/bench/main.c
bench_ldadd = src/libbench.a src/libtools.a src/libwire.a src/libbase.a $(LIBBSD_LIBS) -lm
src_preforkbench_LDADD = $(bench_ldadd)
