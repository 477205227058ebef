#!/usr/bin/env bats
# What each process has open is what ARCHITECTURE.md says, and no more.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# expect_descriptors PID: those of standard input, all close-on-exec.
expect_descriptors() {
    assert_equal "$(descriptors "$1")" "$(grep . | sed 's/$/, close-on-exec/' | sort_bytes)"
}

sort_bytes() {
    LC_ALL=C sort
}

# A server with everything that takes a descriptor, all told.
start_full() {
    CONFIG=$BATS_TEST_TMPDIR/full.conf
    SERVER_FILE_LOG=$BATS_TEST_TMPDIR/log
    PID_FILE=$BATS_TEST_TMPDIR/pid
    cat >"$CONFIG" <<END
workers = 2
pid_file = "$PID_FILE"
log = { target = "$SERVER_FILE_LOG" }
services = {
    first = { listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/socket" ]  module = "echo" }
    second = { listen = [ "127.0.0.2:0" ]  module = "echo" }
}
END
    server_spawn -c "$CONFIG"
    wait_until grep -qs 'msg=ready' "$SERVER_FILE_LOG"
    wait_until workers_are_settled 2
}

module_file() {
    realpath "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
}

master_descriptors() {
    cat <<END
$(module_file) read
$(module_file) read
tcp listener
tcp listener
unix listener
/memfd:preforkd (deleted) read
/memfd:preforkd (deleted) read-write
anon_inode:[eventpoll]
anon_inode:[signalfd]
pipe
pipe
channel
channel
channel
channel
channel
channel
$PID_FILE write
$SERVER_FILE_LOG write append
END
}

worker_descriptors() {
    cat <<END
/proc/self/fd read
/proc/self/statm read
tcp listener
tcp listener
unix listener
anon_inode:[eventfd]
anon_inode:[eventpoll]
anon_inode:[signalfd]
pipe
pipe
channel
channel
channel
$SERVER_FILE_LOG write append
END
}

@test "the master has modules, listeners, segment, loop, channels, inbox, pid file and log open, and nothing else" {
    start_full
    master_descriptors | expect_descriptors "$SERVER_PID"
}

@test "a worker has listeners, loop, its channel, its inbox and the log open, and nothing else" {
    local pid
    start_full
    for pid in $(worker_pids); do
        worker_descriptors | expect_descriptors "$pid"
    done
}

@test "a worker has its connections open besides, also close-on-exec, and only while they last" {
    local pid
    echo_start --set workers=1
    pid=$(worker_pid 1)
    before=$(descriptors "$pid")
    talk_start "$ADDRESS"
    talk open 3
    run diff <(echo "$before") <(descriptors "$pid")
    assert_equal "$(grep -c '^> tcp connection, close-on-exec$' <<<"$output")" 3
    assert_equal "$(grep -c '^[<>]' <<<"$output")" 3
    talk close
    wait_until descriptors_are "$before" "$pid"
}

descriptors_are() {
    [ "$(descriptors "$2")" = "$1" ]
}

@test "standard input, output and error are the same in all processes" {
    local fd pid
    echo_start --set workers=1
    pid=$(worker_pid 1)
    for fd in 0 1 2; do
        assert_equal "$(readlink "/proc/$pid/fd/$fd")" "$(readlink "/proc/$SERVER_PID/fd/$fd")"
    done
}

@test "descriptors of the shell that started it leak into no process" {
    local pid fd
    local file=$BATS_TEST_TMPDIR/leak
    exec 23</dev/zero 57>>"$file"
    echo_start --set workers=2
    exec 23<&- 57>&-
    for pid in "$SERVER_PID" $(worker_pids); do
        for fd in 23 57; do
            [ ! -e "/proc/$pid/fd/$fd" ]
        done
        run descriptors "$pid"
        refute_output --partial "$file"
        refute_output --partial /dev/zero
        refute_output --partial inherited
    done
}

@test "without standard input, output and error it serves, and nothing else takes their places" {
    local path=$BATS_TEST_TMPDIR/socket fd pid
    "$PREFORKD" --listen "unix:$path" --module echo --set workers=1 0<&- 1>&- 2>&- 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until test -S "$path"
    run "$PREFORKCAT" "unix:$path" hello
    assert_output hello
    for pid in "$SERVER_PID" $(worker_pids); do
        for fd in 0 1 2; do
            assert_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null
        done
    done
}

@test "W1: 20 killed workers leave no descriptor behind, neither in the master nor in a worker" {
    local master worker round killed=0
    echo_start --set workers=8
    wait_until workers_are_settled 8
    master=$(descriptors "$SERVER_PID")
    worker=$(descriptors "$(worker_pid 8)")
    for round in 8 8 4; do
        worker_pids | tail -n "$round" | xargs kill -KILL
        ((killed += round))
        wait_until died_count_is "$killed"
        wait_until workers_are_settled 8
    done
    assert_equal "$(descriptors "$SERVER_PID")" "$master"
    assert_equal "$(descriptors "$(worker_pid 8)")" "$worker"
}

died_count_is() {
    [ "$(grep -c 'msg="worker died"' "$SERVER_LOG")" -eq "$1" ]
}
