# The worker.
noinst_LIBRARIES += src/libworker.a
src_libworker_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
src_libworker_a_SOURCES = \
	src/worker/check.c \
	src/worker/conversation.c src/worker/conversation.h \
	src/worker/drain.c src/worker/drain.h \
	src/worker/expiry.c src/worker/expiry.h \
	src/worker/feeder.c src/worker/feeder.h \
	src/worker/gauges.c src/worker/gauges.h \
	src/worker/handover.c src/worker/handover.h \
	src/worker/intake.c src/worker/intake.h \
	src/worker/movable.c src/worker/movable.h \
	src/worker/own_memory.c src/worker/own_memory.h \
	src/worker/outcome.h \
	src/worker/phases.c src/worker/phases.h \
	src/worker/pipeline.c src/worker/pipeline.h \
	src/worker/recycle.c src/worker/recycle.h \
	src/worker/reporter.c src/worker/reporter.h \
	src/worker/request_log.c src/worker/request_log.h \
	src/worker/roster.c src/worker/roster.h \
	src/worker/session.c src/worker/session.h \
	src/worker/session_record.c src/worker/session_record.h \
	src/worker/sessions.c src/worker/sessions.h \
	src/worker/slow_log.c src/worker/slow_log.h \
	src/worker/takeover.c src/worker/takeover.h \
	src/worker/tracer.c src/worker/tracer.h \
	src/worker/worker.c src/worker/worker.h
