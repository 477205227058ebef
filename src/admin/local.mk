# The admin process.
noinst_LIBRARIES += src/libadmin.a
src_libadmin_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) $(LIBEVENT_EXTRA_CFLAGS) $(JANSSON_CFLAGS)
src_libadmin_a_SOURCES = \
	src/admin/admin.c src/admin/admin.h \
	src/admin/agent.c src/admin/agent.h \
	src/admin/clients.c src/admin/clients.h \
	src/admin/exporter.c src/admin/exporter.h \
	src/admin/http.c src/admin/http.h \
	src/admin/otlp.c src/admin/otlp.h \
	src/admin/page.c src/admin/page.h \
	src/admin/protobuf.c src/admin/protobuf.h \
	src/admin/rest.c src/admin/rest.h \
	src/admin/traces.c src/admin/traces.h

# The status page as the bytes of a C array. No .c or .h: nobody writes it, so no lint looks at it.
src/admin/page.inc: src/admin/page.html
	$(AM_V_GEN)$(MKDIR_P) src/admin && \
	od -An -v -tx1 '$(srcdir)/src/admin/page.html' | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' >$@.new && \
	mv -f $@.new $@

$(src_libadmin_a_OBJECTS): src/admin/page.inc
CLEANFILES += src/admin/page.inc
EXTRA_DIST += src/admin/page.html
