#!/usr/bin/env bats
# L2: when memory lacks for one connection, that one ends, whatever it was lacking for.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/pipeline
    pipeline_setup
    load lib/admin
    if grep -q '^SANITIZER_FLAGS = .' "$PREFORK_BUILD/Makefile"; then
        skip "a sanitizer has an allocator of its own"
    fi
    CONTROL=$BATS_TEST_TMPDIR/control
    truncate -s 4096 "$CONTROL"
    ${PREFORK_CC:-cc} -Wall -Wextra -Werror -g -O1 -fno-builtin -fPIC -shared \
        -o "$BATS_TEST_TMPDIR/malloc.so" "$LIB/failing_malloc.c"
}

teardown() {
    pipeline_teardown
    server_teardown
}

# memory_start ARGUMENT...: as work_start, with at most 200 connections, and a lack of memory at
# will.
memory_start() {
    export LD_PRELOAD=$BATS_TEST_TMPDIR/malloc.so FAILING_MALLOC=$CONTROL
    work_start --set admin.listen=127.0.0.1:0 --set services.main.max_connections=200 --set threads=2 --set max_pipeline=1000 "$@"
    unset LD_PRELOAD
}

# requests_add_up: all that connections had taken are over, in one way or another.
requests_add_up() {
    local taken over
    taken=$(sed -n 's/.*msg="connection closed" .* requests=//p' "$SERVER_LOG" |
        awk '{ sum += $1 } END { print sum + 0 }')
    over=$(get /metrics | grep '^preforkd_requests_total{' | awk '{ sum += $NF } END { print sum + 0 }')
    ((taken > 100 && taken == over)) && return
    echo "connections have taken $taken requests, $over are over"
    return 1
}

# memory_fails SUBCOMMAND [OPTION...]: see memory.py. Afterwards no place is taken, and the server
# ends well.
memory_fails() {
    local count
    count=$("$PYTHON" "$LIB/memory.py" "$@" --server "$SERVER_PID" --control "$CONTROL" \
        --deadline 300 "$ADDRESS")
    ((count >= 20)) || { echo "only $count allocations"; return 1; }
    client limit --limits 200 "$ADDRESS"
    wait_until requests_add_up
    server_stop
    [ "$SERVER_STATUS" = 0 ]
    ! server_has_logged 'worker (died|crashed|ended).*how=|segment'
}

@test "L2: whichever allocation fails, only its connection ends" {
    module_build work
    memory_start
    memory_fails each
}

@test "L2: the same for a concurrent module whose requests are logged and have a deadline" {
    module_build work "$CONCURRENT"
    memory_start --set log.requests=on --set request_timeout=1m --set heartbeat=1m
    memory_fails each
}

@test "L2: the same when three allocations in a row fail" {
    module_build work
    memory_start
    memory_fails each --fails 3
}

@test "L2: the same while the queue is full all the time" {
    module_build work
    memory_start --set queue_length=1
    memory_fails each
}

@test "L2: tables that cannot grow for one more connection cost that one at most" {
    module_build work
    memory_start
    memory_fails crowd --connections 150
}
