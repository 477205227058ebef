#!/usr/bin/env bats
# Who is too slow is cut off, and nobody else.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    server_teardown
}

# timeouts_start ARGUMENT...: one worker, which says why each connection ends.
timeouts_start() {
    echo_start --set workers=1 --set log.level=debug "$@"
}

@test "C3: read_timeout ends a frame that drips in its header, though bytes still come" {
    timeouts_start --set read_timeout=300ms --set length_bytes=8
    client drip --length-bytes 8 --interval 0.1 --least 0.29 "$ADDRESS"
    wait_until server_closed read_timeout
}

@test "C3: read_timeout ends a frame that drips in its payload, though bytes still come" {
    timeouts_start --set read_timeout=300ms
    client drip --head 1000 --interval 0.02 --least 0.29 "$ADDRESS"
    wait_until server_closed read_timeout
}

@test "C3: read_timeout ends a frame that stops coming" {
    timeouts_start --set read_timeout=300ms
    client drip --head 10 --interval 1 --least 0.29 "$ADDRESS"
    wait_until server_closed read_timeout
}

@test "C3: read_timeout frees the place" {
    timeouts_start --set read_timeout=300ms --set max_connections=1
    client drip --head 10 --interval 1 --least 0.29 "$ADDRESS"
    wait_until server_closed read_timeout
    client ask "$ADDRESS"
}

@test "C3: idle_timeout ends a connection that never says anything" {
    timeouts_start --set idle_timeout=300ms
    client idle --frames 0 --least 0.29 "$ADDRESS"
    wait_until server_closed idle_timeout
}

@test "C3: idle_timeout ends a connection that has fallen silent" {
    timeouts_start --set idle_timeout=300ms
    client idle --frames 5 --least 0.29 "$ADDRESS"
    wait_until server_closed idle_timeout
}

@test "idle_timeout off leaves a silent connection alone" {
    timeouts_start --set idle_timeout=off
    run client idle --frames 1 --deadline 1 "$ADDRESS"
    assert_failure 1
    assert_output --partial "not done within the deadline"
}

@test "C3: write_timeout ends a connection whose client does not read" {
    timeouts_start --set write_timeout=500ms --set max_output=64K
    client deaf --least 0.49 "$ADDRESS"
    wait_until server_closed write_timeout
}

@test "C3: write_timeout frees the place" {
    timeouts_start --set write_timeout=500ms --set max_output=64K --set max_connections=1
    client deaf --least 0.49 "$ADDRESS"
    wait_until server_closed write_timeout
    client ask "$ADDRESS"
}

@test "C3: idle_timeout and read_timeout do not count while output is pending" {
    timeouts_start --set idle_timeout=200ms --set read_timeout=200ms --set write_timeout=30s \
        --set max_output=64K
    client paused --hold 1 "$ADDRESS"
    wait_until server_closed client
}

@test "C3: a slow client that is never as slow as a timeout is never cut off" {
    timeouts_start --set read_timeout=1s --set idle_timeout=1s --set write_timeout=1s
    client active --interval 0.2 --hold 3 "$ADDRESS"
    wait_until server_closed client
}

@test "C3: a client that takes its replies in small bites is not cut off by write_timeout" {
    timeouts_start --set write_timeout=1s --set max_output=64K
    client sipping --interval 0.1 --hold 6 "$ADDRESS"
    wait_until server_closed client
}

@test "L4: after the loop has stood still nobody is cut whose bytes have come meanwhile" {
    timeouts_start --set idle_timeout=400ms --set read_timeout=400ms
    client stood-still --clients 100 --server "$SERVER_PID" --hold 0.8 "$ADDRESS"
}
