# Messages to modules. The folder of modules is found from the program's own file.
noinst_LIBRARIES += src/libdispatch.a
src_libdispatch_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
src_libdispatch_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DMODULE_DIR_FROM_PROGRAM="\"`realpath -m --relative-to='$(sbindir)' '$(pkglibdir)'`\""
src_libdispatch_a_SOURCES = \
	src/dispatch/api.c \
	src/dispatch/completion.c src/dispatch/completion.h \
	src/dispatch/dispatch.c src/dispatch/dispatch.h \
	src/dispatch/job.c src/dispatch/job.h src/dispatch/job_times.h \
	src/dispatch/kept.c src/dispatch/kept.h \
	src/dispatch/letter.c src/dispatch/letter.h \
	src/dispatch/module.c src/dispatch/module.h \
	src/dispatch/module_options.c src/dispatch/module_options.h \
	src/dispatch/module_path.c src/dispatch/module_path.h \
	src/dispatch/notice.c src/dispatch/notice.h \
	src/dispatch/payload.c src/dispatch/payload.h \
	src/dispatch/pool.c src/dispatch/pool.h \
	src/dispatch/pool_thread.c src/dispatch/pool_thread.h \
	src/dispatch/queues.c src/dispatch/queues.h \
	src/dispatch/reply.c src/dispatch/reply.h \
	src/dispatch/request.c src/dispatch/request.h \
	src/dispatch/request_result.c src/dispatch/request_result.h \
	src/dispatch/service.c src/dispatch/service.h \
	src/dispatch/spans.h \
	src/dispatch/trace.h
