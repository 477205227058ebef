# What is counted and measured, for people and programs.
noinst_LIBRARIES += src/libmetrics.a
src_libmetrics_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
src_libmetrics_a_SOURCES = \
	src/metrics/prometheus.c src/metrics/prometheus.h \
	src/metrics/status.c src/metrics/status.h \
	src/metrics/table.c src/metrics/table.h \
	src/metrics/values.c src/metrics/values.h
