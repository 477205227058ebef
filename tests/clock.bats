#!/usr/bin/env bats
# L4: a clock that somebody sets trips no timeout. A machine that stood still: watchdog.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/client
    load lib/load
    bats_load_library bats-support
    bats_load_library bats-assert
    OFFSET=$BATS_TEST_TMPDIR/offset
}

teardown() {
    load_teardown
    server_teardown
}

# jumping_start ARGUMENT...: an echo server whose time of day jumps at will.
jumping_start() {
    local library=$BATS_TEST_TMPDIR/clock.so
    # shellcheck disable=SC2086 # flags, word by word
    ${PREFORK_CC:-cc} -Wall -Wextra -Werror -g -O1 -fPIC -shared -o "$library" \
        "$LIB/jumping_clock.c"
    truncate -s 4096 "$OFFSET"
    export JUMPING_CLOCK=$OFFSET LD_PRELOAD=$library
    # A sanitizer wants to be the first library, and does without.
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
    echo_start --set workers=2 "$@"
    unset LD_PRELOAD
}

# jump DAYS: from the true time.
jump() {
    "$PYTHON" -c 'import struct, sys
with open(sys.argv[1], "r+b") as file:
    file.write(struct.pack("q", int(sys.argv[2]) * 86400))' "$OFFSET" "$1"
}

# jump_about: days forth and back, each jump seen by the server, to which somebody connects.
jump_about() {
    local days date
    for days in 3 -3 400 -400 0 1 -1 0; do
        jump "$days"
        date=$(date -u -d "$days days" +%Y-%m-%d)
        run "$PREFORKCAT" --timeout 30s "$ADDRESS" hello
        assert_output hello
        wait_until server_has_logged "^time=$date.* msg=\"connection closed\""
    done
}

# all_is_well: the load lost nothing, no worker has died, nobody was cut.
all_is_well() {
    load_finish
    load_says connections=40 done=40 wrong=0 unanswered=0 eof=0 reset=0
    ! server_has_logged 'level=error|watchdog|msg="connection closed" reason=[a-z]*_timeout'
}

@test "L4: while the time of day jumps by days, no timeout is tripped and nothing lost" {
    jumping_start --set idle_timeout=1m --set read_timeout=1m --set write_timeout=1m \
        --set request_timeout=1m --set accept_rate=1000 --set log.level=debug \
        --set services.main.dispatch=pool
    talk_start "$ADDRESS"
    talk open 3
    load_start "$ADDRESS" --connections 40 --depth 4
    jump_about
    talk_gives "alive=3" ping
    all_is_well
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L4: timeouts and a drain take their time whatever the time of day does" {
    jumping_start --set idle_timeout=2s --set drain_timeout=1s --set log.level=debug
    client idle --frames 1 --least 1.9 "$ADDRESS" 3>&- &
    LOAD_PIDS+=("$!")
    wait_until server_has_logged 'msg="connection opened"'
    jump -400
    wait "${LOAD_PIDS[0]}"
    talk_start "$ADDRESS"
    talk open 1
    talk begin 100
    jump -800
    server_stop
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=[0-9]+ cut=1'
}
