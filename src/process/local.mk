# What master and children share.
noinst_LIBRARIES += src/libprocess.a
src_libprocess_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) $(LIBCAP_NG_CFLAGS)
src_libprocess_a_SOURCES = \
	src/process/channel.c src/process/channel.h \
	src/process/connection_fields.h \
	src/process/control.c src/process/control.h \
	src/process/cpus.c src/process/cpus.h \
	src/process/daemon.c src/process/daemon.h \
	src/process/descriptors.c src/process/descriptors.h \
	src/process/inheritance.h \
	src/process/log_settings.c src/process/log_settings.h \
	src/process/loop.c src/process/loop.h \
	src/process/messages.h \
	src/process/notify.c src/process/notify.h \
	src/process/privilege.c src/process/privilege.h \
	src/process/record.c src/process/record.h \
	src/process/reexec.c src/process/reexec.h \
	src/process/role.h \
	src/process/signals.c src/process/signals.h \
	src/process/span_record.c src/process/span_record.h \
	src/process/spawn.c src/process/spawn.h \
	src/process/title.c src/process/title.h
