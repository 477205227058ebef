# The shared memory.
noinst_LIBRARIES += src/libsegment.a
src_libsegment_a_SOURCES = \
	src/segment/accept_rate.c src/segment/accept_rate.h \
	src/segment/addresses.c src/segment/addresses.h \
	src/segment/admission.c src/segment/admission.h \
	src/segment/counters.h \
	src/segment/former.c src/segment/former.h \
	src/segment/ids.c src/segment/ids.h \
	src/segment/layout.h \
	src/segment/reloads.c src/segment/reloads.h \
	src/segment/segment.c src/segment/segment.h
