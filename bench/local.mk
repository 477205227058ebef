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

# bench/run measures preforkd beside other servers, bench/plot draws it: doc/benchmarks.md.
EXTRA_DIST += bench/plot \
	bench/run \
	bench/lib/about.py \
	bench/lib/bar.py \
	bench/lib/build.py \
	bench/lib/echo.py \
	bench/lib/held.py \
	bench/lib/load.py \
	bench/lib/outputs.py \
	bench/lib/overload.py \
	bench/lib/pictures.py \
	bench/lib/processes.py \
	bench/lib/results.py \
	bench/lib/rounds.py \
	bench/lib/scale.py \
	bench/lib/servers.py \
	bench/lib/table.py \
	bench/lib/usage.py \
	bench/lib/work.py

# What requests cost in instructions.
EXTRA_DIST += bench/instructions \
	bench/lib/callgrind.py

.PHONY: bench-instructions
bench-instructions: src/preforkd src/preforkbench src/modules/echo.la
	'$(PYTHON)' '$(srcdir)/bench/instructions' --build . $(BENCH_OPTIONS)
