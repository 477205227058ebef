#!/usr/bin/env bats
# Clients that do not read, or promise much, cost a bounded amount of memory and get all replies.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
    # What a sanitizer keeps of freed memory is not the server's.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"
}

teardown() {
    server_teardown
}

@test "C3: a client that pipelines without reading is not read without end, and gets every reply" {
    echo_start --set workers=1 --set write_timeout=60s --set max_output=256K
    client flood --clients 1 --server "$SERVER_PID" --grow 2M --hold 1 "$ADDRESS"
}

@test "C3: 100 clients that pipeline without reading leave memory flat, and get every reply" {
    echo_start --set workers=2 --set write_timeout=60s --set max_output=64K
    client flood --clients 100 --server "$SERVER_PID" --grow 32M --hold 1 "$ADDRESS"
}

@test "C3: the smallest max_output bounds memory too, and every reply is right" {
    echo_start --set workers=2 --set write_timeout=60s --set max_output=1K
    client flood --clients 100 --server "$SERVER_PID" --grow 24M --hold 1 "$ADDRESS"
}

@test "C3: 100 clients that announce large messages and stall take memory for what has come" {
    echo_start --set workers=1 --set max_message_size=16M
    client stall --clients 100 --announce 16M --head 1000 --server "$SERVER_PID" --grow 2M \
        "$ADDRESS"
}

@test "C3: clients that stall within a large message take memory for what has come of it" {
    echo_start --set workers=1 --set max_message_size=16M
    client stall --clients 20 --announce 16M --head 100000 --server "$SERVER_PID" --grow 10M \
        "$ADDRESS"
}
