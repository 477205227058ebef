#!/usr/bin/env bats
# The servers that the benchmark measures against: each answers as it must, else its figures would
# be worth nothing. Those for which this machine has no compiler or library are skipped.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
    export BENCH_BUILD=$BATS_TEST_TMPDIR/peers
    build=$PREFORK_SOURCE/bench/build
    start=$PREFORK_SOURCE/bench/peers/start
    peer_pid=
}

teardown() {
    [ -z "$peer_pid" ] || peer_stop
}

free_port() {
    "$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

peer_answers() {
    timeout 5 "$PREFORKCAT" "$ADDRESS" hello
}

# peer_start NAME [WORKERS]: runs a peer that is built; sets ADDRESS, and peer_pid.
peer_start() {
    local port

    port=$(free_port)
    ADDRESS=127.0.0.1:$port
    "$start" "$1" "$port" "${@:2}" </dev/null >"$BATS_TEST_TMPDIR/peer.log" 2>&1 3>&- &
    peer_pid=$!
    wait_until peer_answers >/dev/null 2>&1 || {
        cat "$BATS_TEST_TMPDIR/peer.log"
        return 1
    }
}

peer_stop() {
    kill "$peer_pid" 2>/dev/null || :
    wait "$peer_pid" || :
    peer_pid=
}

# build_floor: with the compiler and the sanitizers of this build tree.
build_floor() {
    CC=${PREFORK_CC:-cc} CFLAGS="-O1 -g -Werror ${PREFORK_SANITIZERS:-}" \
        "$build" "$BENCH_BUILD" floor floor-shared || return
    assert [ -x "$BENCH_BUILD/floor" ]
}

floor_start() {
    build_floor
    peer_start "${1:-floor}"
}

# peer_echoes NAME: builds it, and has messages of many sizes back from it, cut in many ways; it
# closes a connection on which a message is too large; and at its end no process of it is left.
peer_echoes() {
    local children

    CFLAGS='-O1 -Werror' CXXFLAGS='-O0 -Werror' "$build" "$BENCH_BUILD" "$1"
    [ -x "$BENCH_BUILD/$1" ] || skip "$(<"$BENCH_BUILD/$1.why")"
    peer_start "$1"
    client large --clients 4 --sizes 0,1,64K,65535,1M,300001 "$ADDRESS"
    client stream --piece 1 --times 2 "$ADDRESS"
    client stream --piece 4093 --times 100 "$ADDRESS"
    run client violate --frames 0 --announce 1048577 "$ADDRESS"
    assert_success
    mapfile -t children < <(pgrep -P "$peer_pid")
    peer_stop
    wait_until all_gone "${children[@]}"
}

all_gone() {
    local pid

    for pid; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

@test "the floor answers messages of 0 bytes to 1 MiB" {
    floor_start
    client large --clients 4 --sizes 0,64K,1M,65535,1,300001 --times 2 "$ADDRESS"
}

@test "the floor answers messages wherever they are cut" {
    floor_start
    client splits "$ADDRESS"
    client stream --piece 1 --times 3 "$ADDRESS"
    client stream --piece 70001 --times 300 "$ADDRESS"
}

@test "the floor closes a connection for a length over 1 MiB, and answers what came before" {
    floor_start
    client violate --frames 3 --announce 1048577 "$ADDRESS"
    client violate --frames 0 --announce 4294967295 "$ADDRESS"
    client violate --frames 1 --announce 1195725856 "$ADDRESS"
}

@test "the floor sends all replies to a client that has shut its sending side" {
    floor_start
    client half-close --frames 2000 --size 1000 "$ADDRESS"
}

@test "the floor with a shared listener answers too" {
    floor_start floor-shared
    client large --clients 4 --sizes 0,64K,1M --times 2 "$ADDRESS"
}

@test "the floor has as many processes as it was told, and they end with it" {
    build_floor
    peer_start floor 3
    mapfile -t children < <(pgrep -P "$peer_pid")
    assert_equal "${#children[@]}" 3
    peer_stop
    wait_until all_gone "${children[@]}"
}

# CPU time of the peer's workers, in hundredths of a second.
cpu_time() {
    ps --ppid "$peer_pid" -o pid= | while read -r pid; do
        sed 's/.*) //' "/proc/$pid/stat"
    done | awk '{ ticks += $12 + $13 } END { print ticks }'
}

@test "the floor burns as much CPU time for each message as BURN_US says" {
    build_floor
    BURN_US=10000 peer_start floor 1
    before=$(cpu_time)
    "$PREFORKCAT" "$ADDRESS" {1..20}
    after=$(cpu_time)
    assert [ $((after - before)) -ge 18 ]
}

@test "a peer that is not built says why, in one line, and exits with 69" {
    run "$start" floor 1
    assert_failure 69
    assert_output "floor: not built here: bench/build has not been run"
    "$build" "$BENCH_BUILD" gnet
    run "$start" gnet 1
    assert_failure 69
    assert_output --regexp '^gnet: not built here: Debian 12 does not have it; .*$'
    assert_equal "${#lines[@]}" 1
}

@test "a peer whose compiler is missing or fails is no failure of the build, and says so" {
    CC=no-such-compiler run "$build" "$BENCH_BUILD" floor
    assert_success
    assert_output "floor: not built here: there is no no-such-compiler: install gcc"
    CC=false run "$build" "$BENCH_BUILD" floor
    assert_success
    assert_output "floor: not built here: it does not build: see $BENCH_BUILD/floor.log"
}

@test "the list names each peer, and says which are there" {
    build_floor
    run "$start" --list
    assert_success
    assert_line --regexp $'^floor\tok\ta bare epoll loop, '
    assert_line --regexp $'^evio\tmissing\tbench/build has not been run$'
    # shellcheck source=bench/peers/table.sh
    . "${start%/*}/table.sh"
    assert_equal "$(cut -f 1 <<<"$output")" "$(tr -s ' \n' '\n' <<<"$peer_names")"
}

@test "unless told, peers are looked for where bench/run builds them" {
    local tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/bench" "$tree/build/bench/bench-peers" "$tree/bench-peers"
    cp -r "$(dirname "$start")" "$tree/bench"
    unset BENCH_BUILD
    printf '#!/bin/sh\necho beside\n' >"$tree/build/bench/bench-peers/floor"
    printf '#!/bin/sh\necho within\n' >"$tree/bench-peers/floor"
    chmod +x "$tree"/build/bench/bench-peers/floor "$tree/bench-peers/floor"
    run "$tree/bench/peers/start" floor 1
    assert_output beside
    touch "$tree/config.status" # what configure leaves in a checkout
    run "$tree/bench/peers/start" floor 1
    assert_output within
}

@test "a peer that does not exist is a mistake in the usage" {
    run "$start" apache 1
    assert_failure 64
    run "$build" "$BENCH_BUILD" apache
    assert_failure 64
    run "$build"
    assert_failure 64
}

@test "the peer go echoes" {
    peer_echoes go
}

@test "the peer go-one-write echoes" {
    peer_echoes go-one-write
}

@test "the peer libuv echoes" {
    peer_echoes libuv
}

@test "the peer libuv-textbook echoes" {
    peer_echoes libuv-textbook
}

@test "the peer asio echoes" {
    peer_echoes asio
}

@test "the peer node echoes" {
    peer_echoes node
}

@test "the peer erlang echoes" {
    peer_echoes erlang
}

@test "the peer uvloop echoes" {
    peer_echoes uvloop
}

@test "the peer netty echoes" {
    peer_echoes netty
}

@test "the peer tokio echoes" {
    peer_echoes tokio
}
