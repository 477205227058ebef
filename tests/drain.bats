#!/usr/bin/env bats
# How the server ends: it stops accepting, answers what it has begun to read, closes each
# connection in order, and exits with 0.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# drain_under_load SIGNAL [OPTION...]: of the load.
drain_under_load() {
    echo_start --set workers=3
    load_start "$ADDRESS" --connections 50 "${@:2}"
    server_stop "$1"
    load_wait
    assert_equal "$SERVER_STATUS" 0
    load_says connections=50 eof=50 reset=0 wrong=0 cut=0
    server_has_logged 'msg=draining'
    server_has_logged 'msg=stopped closed=50 cut=0'
}


talk_finds() {
    talk "${@:2}"
    [ "$TALK_SAID" = "$1" ]
}

@test "TERM without a connection ends with 0" {
    echo_start
    server_stop TERM
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=0 cut=0'
}

@test "D1: TERM under load: replies are right and in order, each connection ends in order" {
    drain_under_load TERM
}

@test "D1: INT under load of pipelined requests does the same" {
    drain_under_load INT --depth 16
}

@test "D1: TERM under load of large messages does the same" {
    drain_under_load TERM --depth 3 --largest 200000
}

@test "D1: INT to all processes at once, as a terminal sends it, drains in order" {
    local workers
    echo_start --set workers=3
    load_start "$ADDRESS" --connections 30
    workers=$(worker_pids)
    # shellcheck disable=SC2086
    kill -INT $workers "$SERVER_PID"
    server_wait
    load_wait
    assert_equal "$SERVER_STATUS" 0
    load_says connections=30 eof=30 reset=0 wrong=0 cut=0
    server_has_logged 'msg=stopped closed=30 cut=0'
}

@test "D1: requests that wait unread when TERM comes are all answered" {
    local workers
    echo_start --set workers=2
    talk_start "$ADDRESS"
    talk open 20
    workers=$(worker_pids)
    for pid in $workers; do
        stop_process "$pid"
    done
    talk send 5 300
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    for pid in $workers; do
        kill -CONT "$pid"
    done
    talk_gives "eof=20 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=20 cut=0'
}

@test "D1: a message begun before TERM is finished and answered, what follows it is not" {
    local cut
    for cut in "" 1 3 4 5; do
        echo_start --set workers=1
        talk_start "$ADDRESS"
        talk open 3
        talk begin 5000 $cut
        talk_gives "alive=3" ended
        kill -TERM "$SERVER_PID"
        wait_until server_has_logged 'msg=draining'
        wait_until draining_worker_is_shown
        talk finish
        talk extra
        talk_gives "eof=3 missing=0" end
        server_wait
        assert_equal "$SERVER_STATUS" 0
        server_has_logged 'msg=stopped closed=3 cut=0'
    done
}

draining_worker_is_shown() {
    pgrep -P "$SERVER_PID" -f 'preforkd: worker 1 \(generation 1, draining\)$'
}

@test "D1: a slow reader gets all of its output within drain_timeout" {
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1
    talk_start "$(server_address)" --rcvbuf 8192
    talk open 2
    talk ask large 6000000
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    talk_gives "eof=2 missing=0" end 2
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=2 cut=0'
}

@test "D1: what a client sent while it was not read any more, for max_output, is answered too" {
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set max_output=64K
    talk_start "$(server_address)" --rcvbuf 8192
    talk open 3
    talk ask large 6000000
    talk send 50 500
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    talk_gives "eof=3 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=3 cut=0'
}

@test "D2: drain_timeout cuts who does not finish, and says how many; exit 0" {
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 \
        --set drain_timeout=700ms --set write_timeout=60s
    talk_start "$(server_address)"
    talk open 3
    talk begin 100
    talk_start "$(server_address)" --rcvbuf 8192
    talk open 2
    talk ask large 20000000
    talk_start "$(server_address)"
    talk open 4
    SECONDS=0
    server_stop TERM
    assert_equal "$SERVER_STATUS" 0
    ((SECONDS < 10))
    server_has_logged 'msg=stopped closed=4 cut=5'
}

@test "D2: a worker that stands still is killed after drain_timeout, its connections are cut" {
    echo_start --set workers=2 --set drain_timeout=200ms --option tag=true
    talk_start "$ADDRESS" --tag
    talk open 6
    talk workers
    [[ $TALK_SAID =~ ^1=([1-5])\ 2=([1-5])$ ]]
    kill -STOP "$(worker_pid 1)"
    server_stop TERM
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'level=warn .*msg="worker is left after drain_timeout: killing it" worker=1 '
    server_has_logged "msg=stopped closed=${BASH_REMATCH[2]} cut=${BASH_REMATCH[1]}"
}

# start_one_that_drains_long: a server that drains, for a client that does not finish.
start_one_that_drains_long() {
    echo_start --set workers=2 --set drain_timeout=10m --set read_timeout=10m
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
}

@test "a second TERM ends at once" {
    start_one_that_drains_long
    SECONDS=0
    server_stop TERM
    ((SECONDS < 10))
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg="second signal: stopping at once"'
    server_has_logged 'msg=stopped closed=0 cut=4'
}

@test "QUIT during a drain ends at once" {
    start_one_that_drains_long
    SECONDS=0
    server_stop QUIT
    ((SECONDS < 10))
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg="stopping at once"'
}

@test "QUIT ends at once, whatever is under way" {
    echo_start --set workers=2 --set drain_timeout=10m
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    SECONDS=0
    server_stop QUIT
    ((SECONDS < 10))
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=0 cut=4'
}

@test "while the server drains, new connections are refused" {
    start_one_that_drains_long
    wait_until talk_finds refused try
    talk_gives "alive=4" ended
}

@test "while the server drains, new connections to its unix socket are refused" {
    local path=$BATS_TEST_TMPDIR/socket
    server_start --listen "unix:$path" --module echo --set workers=2 --set drain_timeout=10m \
        --set read_timeout=10m
    talk_start "unix:$path"
    talk open 2
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    wait_until talk_finds refused try
}

@test "TERM while the workers start ends with 0" {
    module_build refused -DINIT_HANGS
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 --set start_timeout=10m \
        --set drain_timeout=100ms
    wait_until worker_count_is 2
    server_stop TERM
    assert_equal "$SERVER_STATUS" 0
}

@test "SIGTERM to the whole process group drains as SIGTERM to the master does" {
    # timeout(1) sends CONT as well: LeakSanitizer, which stops its process at the end, misses that
    # stop at times and waits for ever.
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        run timeout -s TERM 0.3 "$PREFORKD" --listen 127.0.0.1:0 --module echo --set workers=4
        assert_output --partial msg=stopped
        refute_output --partial level=error
    done
}

@test "D1: requests of connections that nobody has accepted yet are answered, TERM to all or to one" {
    local target workers pid
    for target in master group; do
        echo_start --set workers=2
        workers=$(worker_pids)
        for pid in $workers; do
            stop_process "$pid"
        done
        talk_start "$ADDRESS"
        talk connect 20
        talk send 1 300
        # shellcheck disable=SC2086
        [ $target = master ] || kill -TERM $workers
        kill -TERM "$SERVER_PID"
        wait_until server_has_logged 'msg=draining'
        for pid in $workers; do
            kill -CONT "$pid"
        done
        talk_gives "eof=20 missing=0" end
        server_wait
        assert_equal "$SERVER_STATUS" 0
    done
}
