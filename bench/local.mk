# Servers to measure against: bench/build builds those that it can.
EXTRA_DIST += bench/build \
	bench/peers/Netty.java \
	bench/peers/asio.cc \
	bench/peers/floor.c \
	bench/peers/go.go \
	bench/peers/libuv.c \
	bench/peers/node.js \
	bench/peers/peer_erlang.erl \
	bench/peers/peer_uvloop.py \
	bench/peers/processes.c \
	bench/peers/processes.h \
	bench/peers/start \
	bench/peers/table.sh \
	bench/peers/tokio/Cargo.toml \
	bench/peers/tokio/src/main.rs
