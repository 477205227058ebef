# Bytes to messages and back.
noinst_LIBRARIES += src/libwire.a
src_libwire_a_SOURCES = \
	src/wire/length.c \
	src/wire/wire.c src/wire/wire.h
