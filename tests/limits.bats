#!/usr/bin/env bats
# Limits are exact, whatever happens, and the connections are spread over the workers.

setup() {
    load lib/server
    load lib/client
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    server_teardown
}

@test "C5: max_connections is exact over all workers, refusals are immediate, others go on" {
    echo_start --set workers=4 --set services.main.max_connections=0 --set max_connections=50
    client limit --limits 50 "$ADDRESS"
    server_has_logged 'level=warn .*msg="connection refused" reason=max_connections service=main'
}

@test "C5: max_connections of a service is exact, and leaves other services their places" {
    server_start_file <<END_OF_FILE
        workers = 4
        max_connections = 30
        services = {
            a = { listen = [ "127.0.0.1:0" ], module = "echo", max_connections = 10 }
            b = { listen = [ "127.0.0.2:0" ], module = "echo" }
        }
END_OF_FILE
    client limit --limits 10,20 "$(server_address a)" "$(server_address b)"
    server_has_logged 'msg="connection refused" reason="max_connections of the service" service=a'
    server_has_logged 'msg="connection refused" reason=max_connections service=b'
}

@test "C5: max_connections of one is exact on many workers" {
    echo_start --set workers=8 --set max_connections=1
    client limit --limits 1 "$ADDRESS"
}

@test "C5: the place of a client that has seen its end is free for the next one, on other workers, too" {
    local library=$BATS_TEST_TMPDIR/slow_close.so
    ${PREFORK_CC:-cc} -shared -fPIC -o "$library" "$LIB/slow_close.c"
    export LD_PRELOAD=$library ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
    echo_start --set workers=4 --set max_connections=20
    unset LD_PRELOAD
    client succeed --times 400 --limits 20 "$ADDRESS"
}

# rush SEED: an eighth of the kills; a fresh server, since workers that die often come back later.
rush() {
    server_start_file <<END_OF_FILE
        workers = 4
        max_connections = 60
        services = {
            a = { listen = [ "127.0.0.1:0" ], module = "echo", max_connections = 36 }
            b = { listen = [ "127.0.0.2:0" ], module = "echo" }
        }
END_OF_FILE
    client rush --seed "$1" --kills 25 --freeze-each 5 --total 60 --limits 36,60 \
        --server "$SERVER_PID" "$(server_address a)" "$(server_address b)"
    wait_until worker_count_is 4
    server_stop
}

@test "W3, C5: a rush of three times the limit with 200 killed workers never exceeds it" {
    for seed in ${PREFORK_RUSH_SEEDS:-1 2 3 4 5 6 7 8}; do
        echo "seed $seed"
        rush "$seed"
    done
}

@test "50 connections are spread over 4 workers, most to least loaded at most 1.3" {
    echo_start --set workers=4 --option tag=true
    client spread --clients 50 --workers 4 --ratio 1.3 "$ADDRESS"
}

@test "400 connections are spread over 4 workers, most to least loaded at most 1.1" {
    echo_start --set workers=4 --option tag=true
    client spread --clients 400 --workers 4 --ratio 1.1 "$ADDRESS"
}

@test "so they are over workers that have just begun, whatever has ended before" {
    echo_start --set workers=4
    client spread-anew --times 4000 --clients 1000 --ratio 1.3 --server "$SERVER_PID" "$ADDRESS"
}

# burst_serves ARGUMENT...: 10,000 clients, or as many as may be, at once.
burst_serves() {
    local most
    most=$(ulimit -Hn)
    [ "$most" != unlimited ] && [ "$most" -lt 10100 ] || most=10100
    echo_start --set max_connections=20000 --option tag=true "$@"
    client burst --clients $((most - 100)) --sources 127.0.0.1,127.0.0.2,127.0.0.3 "$ADDRESS"
}

@test "10,000 clients who connect at once are all served, and nobody is reset" {
    burst_serves --set workers=4
    burst_serves --set workers=2 --set services.main.reuse_port=true
}

@test "who waits while the least loaded worker stands still is served by another" {
    echo_start --set workers=2 --option tag=true --set watchdog_timeout=off
    kill -STOP "$(worker_pid 1)"
    client burst --clients 200 "$ADDRESS"
    kill -CONT "$(worker_pid 1)"
}

@test "L1: without descriptors accepting pauses, does not spin, and recovers by itself" {
    limit_files 40 40
    echo_start --set workers=1
    client starve --clients 80 --server "$SERVER_PID" --log "$SERVER_LOG" "$ADDRESS"
    server_has_logged 'level=error .*msg="cannot accept, pausing" error="Too many open files"'
}

# inject_accept ERROR WHICH: calls of accept4 in the worker fail so. strace(1) says which: when=.
inject_accept() {
    local worker
    worker=$(worker_pid 1)
    CALLS=$BATS_TEST_TMPDIR/calls-$1
    strace -qq -p "$worker" -e trace=accept4 -e "inject=accept4:error=$1:when=$2" -o "$CALLS" \
        2>"$CALLS.said" 3>&- &
    SERVER_PIDS+=("$!")
    wait_until is_traced_or_said "$worker" "$CALLS.said"
    [ ! -s "$CALLS.said" ] || skip "strace may not attach here"
}

# accept_fails ERROR TEXT: seven times in a row with that error. It is said once, and who has waited
# is served.
accept_fails() {
    echo_start --set workers=1
    inject_accept "$1" 1..7
    run "$PREFORKCAT" --timeout 30s "$ADDRESS" hello
    assert_output hello
    assert_equal "$(grep -c "$1.*INJECTED" "$CALLS")" 7
    assert_equal "$(grep -c "msg=\"cannot accept, pausing\" error=\"$2\"" "$SERVER_LOG")" 1
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

is_traced_or_said() {
    [ -s "$2" ] || ! grep -q '^TracerPid:.0$' "/proc/$1/status"
}

@test "L1: when the system has no memory or no files left to accept with, it goes on once it has" {
    command -v strace >/dev/null || skip "strace is missing"
    # LeakSanitizer traces its process itself, and finds leaks where another one does.
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    accept_fails ENFILE "Too many open files in system"
    accept_fails ENOBUFS "No buffer space available"
    accept_fails ENOMEM "Cannot allocate memory"
}

@test "L1: a listener that can never accept again is given up, said once, and served after a reload" {
    command -v strace >/dev/null || skip "strace is missing"
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    echo_start --set workers=1
    inject_accept EINVAL 1+
    run "$PREFORKCAT" --timeout 300ms "$ADDRESS" hello
    assert_failure
    run "$PREFORKCAT" --timeout 300ms "$ADDRESS" hello
    assert_failure
    server_has_logged 'msg="cannot accept, a listener is given up" error="Invalid argument" service=main'
    assert_equal "$(grep -c INJECTED "$CALLS")" 1
    kill -HUP "$SERVER_PID"
    run "$PREFORKCAT" --timeout 30s "$ADDRESS" hello
    assert_output hello
}
