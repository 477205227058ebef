#!/usr/bin/env bats
# The server's main job: frames in, frames out.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    server_teardown
}

@test "a frame sent over tcp comes back" {
    echo_start
    run "$PREFORKCAT" "$ADDRESS" hello world
    assert_success
    assert_output $'hello\nworld'
}

@test "a frame sent over IPv6 comes back" {
    server_start --listen '[::1]:0' --module echo
    run server_address
    assert_output --regexp '^\[::1\]:[0-9]+$'
    run "$PREFORKCAT" "$(server_address)" hello
    assert_success
    assert_output hello
}

@test "a frame sent over a unix socket comes back" {
    server_start --listen "unix:$BATS_TEST_TMPDIR/s" --module echo
    assert_equal "$(server_address)" "unix:$BATS_TEST_TMPDIR/s"
    run "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/s" hello
    assert_success
    assert_output hello
}

@test "with tag a reply begins with the number of the worker that gave it" {
    echo_start --option tag=true --set workers=1
    run "$PREFORKCAT" "$ADDRESS" hello ""
    assert_line --index 0 worker-1:hello
}

@test "each worker puts its own number in the tag" {
    echo_start --option tag=true --set workers=3
    run client spread --clients 30 --workers 3 --ratio 30 "$ADDRESS"
    assert_success
    assert_output --regexp '^worker-1:[0-9]+ worker-2:[0-9]+ worker-3:[0-9]+$'
}

@test "a service listens on each of its addresses" {
    server_start --listen 127.0.0.1:0 --listen '[::1]:0' --listen "unix:$BATS_TEST_TMPDIR/s" \
        --module echo
    mapfile -t addresses < <(server_addresses main)
    assert_equal "${#addresses[@]}" 3
    client ask "${addresses[@]}"
}

@test "services stand side by side, each with its own module options and framing" {
    server_start_file <<END_OF_FILE
        workers = 2
        services = {
            plain = { listen = [ "127.0.0.1:0" ], module = "echo" }
            tagged = {
                listen = [ "127.0.0.2:0", "unix:$BATS_TEST_TMPDIR/s" ]
                module = "echo"
                length_bytes = 2
                byte_order = "little"
                options = { tag = true }
            }
        }
END_OF_FILE
    run client ask "$(server_address plain)"
    assert_success
    assert_output ""
    mapfile -t tagged < <(server_addresses tagged)
    run client ask --length-bytes 2 --byte-order little "${tagged[@]}"
    assert_success
    assert_line --index 0 --regexp '^worker-[12]:$'
    assert_line --index 1 --regexp '^worker-[12]:$'
}

@test "lengths of 1, 2, 4 and 8 bytes in both byte orders frame messages and replies" {
    for order in big little; do
        for bytes in 1 2 4 8; do
            echo_start --set workers=1 --set "length_bytes=$bytes" --set "byte_order=$order"
            client stream --length-bytes "$bytes" --byte-order "$order" --piece 1 "$ADDRESS"
            client ask --length-bytes "$bytes" --byte-order "$order" --size 255 "$ADDRESS"
            server_stop
        done
    done
}

@test "the largest message that a 2-byte length can announce is served" {
    echo_start --set length_bytes=2
    client ask --length-bytes 2 --size 65535 "$ADDRESS"
}

@test "a reply that its length field cannot carry ends the connection behind the earlier replies" {
    echo_start --set workers=1 --set length_bytes=1 --set log.level=debug --option tag=true
    run "$PREFORKCAT" --length-bytes 1 "$ADDRESS" hi "$(printf '%0250d' 0)"
    assert_failure 1
    assert_line --index 0 worker-1:hi
    assert_line --partial "the server closed the connection after 1 of 2 replies"
    wait_until server_closed module
}

@test "one worker serves many connections side by side" {
    echo_start --set workers=1
    client spread --clients 20 --workers 1 --ratio 1 "$ADDRESS"
}
