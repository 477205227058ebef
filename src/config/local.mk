# The configuration.
noinst_LIBRARIES += src/libconfig.a
src_libconfig_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBCONFIG_CFLAGS)
src_libconfig_a_SOURCES = \
	src/config/arguments.c \
	src/config/bare_value.c src/config/bare_value.h \
	src/config/check.c src/config/check.h \
	src/config/config.c src/config/config.h \
	src/config/diff.c src/config/diff.h \
	src/config/draft.c src/config/draft.h \
	src/config/load.c \
	src/config/nearest.c src/config/nearest.h \
	src/config/options.c src/config/options.h \
	src/config/place.c src/config/place.h \
	src/config/prescan.c src/config/prescan.h \
	src/config/print.c \
	src/config/service.c src/config/service.h \
	src/config/setting.c src/config/setting.h \
	src/config/text_file.c src/config/text_file.h \
	src/config/value.c src/config/value.h
