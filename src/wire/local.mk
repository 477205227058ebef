# Bytes to messages and back.
noinst_LIBRARIES += src/libwire.a
src_libwire_a_SOURCES = \
	src/wire/codec.h \
	src/wire/length.c \
	src/wire/line.c \
	src/wire/varint.c src/wire/varint.h \
	src/wire/wire.c src/wire/wire.h
