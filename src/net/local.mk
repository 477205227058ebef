# Sockets and connections.
noinst_LIBRARIES += src/libnet.a
src_libnet_a_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
src_libnet_a_SOURCES = \
	src/net/acceptor.c src/net/acceptor.h \
	src/net/activation.c src/net/activation.h \
	src/net/age.h \
	src/net/buffer.c src/net/buffer.h \
	src/net/close_reason.c src/net/close_reason.h \
	src/net/connection.c src/net/connection.h \
	src/net/connection_ops.h \
	src/net/connections.c src/net/connections.h \
	src/net/count.h \
	src/net/deadline.c src/net/deadline.h \
	src/net/entry.c src/net/entry.h \
	src/net/flow.c src/net/flow.h \
	src/net/input.c src/net/input.h \
	src/net/listen_socket.c src/net/listen_socket.h \
	src/net/listener.c src/net/listener.h \
	src/net/move.c src/net/move.h \
	src/net/network.c src/net/network.h \
	src/net/output.c src/net/output.h \
	src/net/refusal.c src/net/refusal.h \
	src/net/reuse_port.c src/net/reuse_port.h \
	src/net/seal.c src/net/seal.h \
	src/net/transport.c src/net/transport.h \
	src/net/unix_socket.c src/net/unix_socket.h
