# No loop, no role: what everybody may use.
noinst_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = \
	src/base/account.c src/base/account.h \
	src/base/address.c src/base/address.h \
	src/base/clock.h \
	src/base/compiler.h \
	src/base/cpu_list.c src/base/cpu_list.h \
	src/base/endpoint.c src/base/endpoint.h \
	src/base/error.c src/base/error.h \
	src/base/fd.c src/base/fd.h \
	src/base/host.c src/base/host.h \
	src/base/log.c src/base/log.h \
	src/base/path.c src/base/path.h \
	src/base/sink.c src/base/sink.h \
	src/base/siphash.c src/base/siphash.h \
	src/base/span.h \
	src/base/subnet.c src/base/subnet.h \
	src/base/syslog.c src/base/syslog.h \
	src/base/text.c src/base/text.h \
	src/base/traceparent.c src/base/traceparent.h
