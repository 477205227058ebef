# preforkctl(8).
sbin_PROGRAMS += src/preforkctl
src_preforkctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(NCURSES_CFLAGS)
src_preforkctl_SOURCES = \
	src/tools/ctl/check.c \
	src/tools/ctl/commands.h \
	src/tools/ctl/connections.c \
	src/tools/ctl/filter.c src/tools/ctl/filter.h \
	src/tools/ctl/link.c src/tools/ctl/link.h \
	src/tools/ctl/main.c \
	src/tools/ctl/options.c src/tools/ctl/options.h \
	src/tools/ctl/orders.c \
	src/tools/ctl/roster.c src/tools/ctl/roster.h \
	src/tools/ctl/sheet.c src/tools/ctl/sheet.h \
	src/tools/ctl/status.c \
	src/tools/ctl/text.c src/tools/ctl/text.h \
	src/tools/ctl/top.c \
	src/tools/ctl/view.c src/tools/ctl/view.h
src_preforkctl_LDADD = \
	src/libtools.a src/libmetrics.a src/libnet.a src/libdispatch.a src/libprocess.a \
	src/libsegment.a src/libconfig.a src/libwire.a src/libbase.a \
	$(JANSSON_LIBS) $(NCURSES_LIBS) $(LIBCONFIG_LIBS) $(LIBBSD_LIBS)
