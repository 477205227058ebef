# The master.
noinst_LIBRARIES += src/libmaster.a
src_libmaster_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
src_libmaster_a_SOURCES = \
	src/master/admin.c src/master/admin.h \
	src/master/adopt.c src/master/adopt.h \
	src/master/announce.c src/master/announce.h \
	src/master/check.c \
	src/master/child.c src/master/child.h \
	src/master/commands.c src/master/commands.h \
	src/master/control.c src/master/control.h \
	src/master/generation.c src/master/generation.h \
	src/master/heritage.c src/master/heritage.h \
	src/master/liveness.c src/master/liveness.h \
	src/master/lost.c src/master/lost.h \
	src/master/master.c src/master/master.h \
	src/master/orders.c src/master/orders.h \
	src/master/pid_file.c src/master/pid_file.h \
	src/master/reap.c src/master/reap.h \
	src/master/relocation.c src/master/relocation.h \
	src/master/reload.c src/master/reload.h \
	src/master/resources.c src/master/resources.h \
	src/master/respawn.c src/master/respawn.h \
	src/master/scale.c src/master/scale.h \
	src/master/seat.c src/master/seat.h \
	src/master/shown.c src/master/shown.h \
	src/master/stage.c src/master/stage.h \
	src/master/state.h \
	src/master/steering.c src/master/steering.h \
	src/master/supervisor.c src/master/supervisor.h \
	src/master/supervisor_events.c src/master/supervisor_events.h \
	src/master/upgrade.c src/master/upgrade.h \
	src/master/watchdog.c src/master/watchdog.h
