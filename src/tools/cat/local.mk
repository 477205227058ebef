# preforkcat(1) links base, wire and what the tools share alone.
bin_PROGRAMS += src/preforkcat
src_preforkcat_SOURCES = \
	src/tools/cat/exchange.c src/tools/cat/exchange.h \
	src/tools/cat/main.c \
	src/tools/cat/options.c src/tools/cat/options.h \
	src/tools/cat/output.c src/tools/cat/output.h \
	src/tools/cat/receiver.c src/tools/cat/receiver.h \
	src/tools/cat/sender.c src/tools/cat/sender.h \
	src/tools/cat/source.c src/tools/cat/source.h
src_preforkcat_LDADD = src/libtools.a src/libwire.a src/libbase.a $(LIBBSD_LIBS)
