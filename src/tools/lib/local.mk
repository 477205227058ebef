# What the tools share. It links base and wire alone.
noinst_LIBRARIES += src/libtools.a
src_libtools_a_SOURCES = \
	src/tools/lib/arguments.c src/tools/lib/arguments.h \
	src/tools/lib/connect.c src/tools/lib/connect.h \
	src/tools/lib/framing.c src/tools/lib/framing.h
