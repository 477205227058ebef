#!/usr/bin/env bats
# Frames however the bytes arrive, and connections however they end.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    server_teardown
}

# frames_start ARGUMENT...: one worker, which says why each connection ends.
frames_start() {
    echo_start --set workers=1 --set log.level=debug "$@"
}

# Where the bytes are cut

@test "C1: a pipelined stream in 1-byte segments gets the same replies" {
    frames_start
    client stream --piece 1 --times 3 "$ADDRESS"
    wait_until server_closed client
}

@test "C1: a pipelined stream that the server reads byte by byte gets the same replies" {
    server_start --listen "unix:$BATS_TEST_TMPDIR/s" --module echo --set workers=1
    client stream --piece 1 --one-by-one "unix:$BATS_TEST_TMPDIR/s"
}

@test "C1: a stream cut in two at every point gets the same replies" {
    frames_start
    client splits "$ADDRESS"
}

@test "C1: a stream cut in two at every point within its 8-byte lengths gets the same replies" {
    frames_start --set length_bytes=8
    client splits --length-bytes 8 "$ADDRESS"
}

@test "C1: thousands of frames in one piece get their replies" {
    frames_start
    client stream --piece 0 --times 1000 "$ADDRESS"
}

@test "C1: pieces that fit neither frames nor buffers get the same replies" {
    frames_start
    client stream --piece 4093 --times 500 "$ADDRESS"
    client stream --piece 70001 --times 1000 "$ADDRESS"
}

@test "large messages pipelined on several connections come back unchanged" {
    frames_start
    client large --clients 4 --sizes 64K,1M,65535,1,300001,64K,1M --times 2 "$ADDRESS"
}

@test "large messages come back unchanged while max_output stops the reading all the time" {
    frames_start --set max_output=1K
    client large --clients 4 --sizes 64K,1M,65535,1,300001,64K,1M "$ADDRESS"
}

# What is no frame

# violation LENGTH REASON ARGUMENT...: that length behind three good frames.
violation() {
    frames_start "${@:3}"
    client violate --frames 3 --announce "$1" "$ADDRESS"
    wait_until server_closed protocol
    server_has_logged "level=warn .*msg=\"protocol error\" reason=\"$2\" announced=$(($1)) "
    server_has_logged 'msg="connection closed" reason=protocol .* requests=3$'
}

@test "C2: an empty frame ends the connection in order behind the earlier replies" {
    violation 0 "empty frame"
}

@test "C2: a frame one byte over max_message_size ends the connection in order" {
    violation 1001 "frame longer than max_message_size" --set max_message_size=1000
}

@test "C2: a length of 2^31 - 1 ends the connection in order" {
    violation 0x7fffffff "frame longer than max_message_size"
}

@test "C2: a length of 2^31 ends the connection in order" {
    violation 0x80000000 "frame longer than max_message_size"
}

@test "C2: a length of 2^32 - 1 ends the connection in order" {
    violation 0xffffffff "frame longer than max_message_size"
}

@test "C2: 8-byte lengths up to 2^64 - 1 end the connection in order and are logged as they were" {
    frames_start --set length_bytes=8
    for length in 4294967296 9223372036854775807 9223372036854775808 18446744073709551615; do
        client violate --length-bytes 8 --announce "$length" "$ADDRESS"
        wait_until server_has_logged "msg=\"protocol error\" .* announced=$length "
    done
}

@test "C2: a frame of exactly max_message_size is served" {
    frames_start --set max_message_size=1000
    client ask --size 1000 "$ADDRESS"
    run client ask --size 1001 "$ADDRESS"
    assert_failure
}

@test "C2: a violation in the first frame of a connection ends it in order" {
    frames_start
    client violate --frames 0 --announce 0 "$ADDRESS"
    wait_until server_has_logged 'msg="connection closed" reason=protocol .* requests=0$'
}

@test "C6: after a violation 400 KB of replies arrive while input still comes, for 30 clients" {
    local length
    echo_start --set workers=2
    for length in 0 1048577 4294967295; do
        client violate-unread --clients 30 --announce "$length" "$ADDRESS"
    done
}

@test "C6: after a violation the replies arrive though max_output stops the reading" {
    echo_start --set workers=2 --set max_output=16K
    client violate-unread --clients 30 --announce 4294967295 "$ADDRESS"
}

@test "C6: after a violation in a header that came in two pieces read_timeout cuts no replies" {
    echo_start --set workers=1 --set max_output=8M --set read_timeout=1s --set write_timeout=2s
    client violate-torn --announce 0 --hold 5 "$ADDRESS"
}

@test "C6: a client that does not close after its violation holds its place for two seconds" {
    frames_start --set max_connections=1
    client linger "$ADDRESS"
}

@test "C6: a client that sends without end after its violation is cut off" {
    frames_start --set max_connections=1
    client linger-talking "$ADDRESS"
}

# How clients leave

@test "C4: a client that has shut its sending side gets all its replies, then the end" {
    frames_start
    client half-close --frames 2000 "$ADDRESS"
    wait_until server_closed client
}

@test "C4: a client that has shut its sending side gets replies that had to wait for max_output" {
    frames_start --set max_output=1K
    client half-close --frames 2000 --size 1000 "$ADDRESS"
    wait_until server_closed client
}

@test "C4: a client that shuts its sending side within a frame gets the earlier replies" {
    frames_start
    client half-close --partial --frames 2000 "$ADDRESS"
    wait_until server_closed truncated
}

@test "C4: resets within frames and with replies queued leave no place taken" {
    frames_start --set max_connections=2 --set max_output=64K
    client reset --times 16 "$ADDRESS"
    server_closed reset
}
