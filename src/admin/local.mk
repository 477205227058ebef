# The admin process.
noinst_LIBRARIES += src/libadmin.a
src_libadmin_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) $(LIBEVENT_EXTRA_CFLAGS) $(JANSSON_CFLAGS)
src_libadmin_a_SOURCES = \
	src/admin/admin.c src/admin/admin.h \
	src/admin/http.c src/admin/http.h \
	src/admin/status.c src/admin/status.h
