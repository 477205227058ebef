# The server.
sbin_PROGRAMS += src/preforkd
src_preforkd_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
src_preforkd_SOURCES = src/command.c src/command.h src/main.c
src_preforkd_LDADD = \
	src/libmaster.a src/libworker.a src/libadmin.a src/libmetrics.a src/libdispatch.a src/libnet.a src/libprocess.a \
	src/libsegment.a src/libconfig.a src/libwire.a src/libbase.a \
	$(LIBEVENT_EXTRA_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) $(LIBCONFIG_LIBS) $(LIBCAP_NG_LIBS) $(LIBBSD_LIBS)
