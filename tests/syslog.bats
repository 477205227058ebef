#!/usr/bin/env bats
# log.target = "syslog": what a syslogd gets, and what happens while there is none. Each test has a
# /dev/log of its own.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/syslog
    bats_load_library bats-support
    bats_load_library bats-assert
    SOCKET=$BATS_TEST_TMPDIR/echo.sock
    syslog_setup
}

teardown() {
    load_teardown
    server_teardown
    syslog_teardown
}

# syslog_start [ARGUMENT...]: an echo server on $SOCKET that logs there, and serves.
syslog_start() {
    syslog_spawn --listen "unix:$SOCKET" --module echo --set workers=1 "$@"
    wait_until test -S "$SOCKET"
    wait_until serves
}

serves() {
    [ "$("$PREFORKCAT" "unix:$SOCKET" hello 2>&1)" = hello ]
}

# lines_of_all_levels FORMAT: a life that leaves some of every level and process, in Tokyo.
lines_of_all_levels() {
    export TZ=Asia/Tokyo
    receiver_start
    syslog_start --set log.level=debug --set "log.format=$1"
    bad_frames "unix:$SOCKET" 1
    kill -KILL "$(worker_pid 1)"
    wait_until grep -q 'worker died' "$RECEIVED"
    wait_until serves
    server_stop
    assert_equal "$SERVER_STATUS" 0
    run received_lines "$1" level
    assert_success
    for level in debug info warn error; do
        assert_line $level
    done
    run received_lines "$1" "msg=stopped" process
    assert_output master
    assert_equal "$(<"$SERVER_LOG")" ""
}

@test "syslog gets each line as RFC 3164 has it, in local time, with the severity of its level" {
    lines_of_all_levels logfmt
    run grep -c "preforkd\[$SERVER_PID\]: .* process=master" "$RECEIVED"
    assert_output "$(received_lines logfmt process=master msg | wc -l)"
}

@test "syslog gets objects if the format is json" {
    lines_of_all_levels json
}

@test "without a syslogd the start is refused, and so is -t" {
    local check
    for check in "" -t; do
        # shellcheck disable=SC2086
        run in_namespace timeout 20 "$PREFORKD" $check --listen 127.0.0.1:0 --module echo \
            --set log.target=syslog
        assert_failure 78
        assert_output --partial \
            'log.target=syslog: cannot reach a syslogd at "/dev/log": No such file or directory'
    done
    receiver_start
    run in_namespace "$PREFORKD" -t --listen 127.0.0.1:0 --module echo --set log.target=syslog
    assert_success
    [ ! -s "$RECEIVED" ]
}

@test "L3: a syslogd that takes nothing holds nothing up, and what was lost is counted and said" {
    local got lost
    receiver_start --deaf
    syslog_start --set log.level=debug
    load_start "unix:$SOCKET" --connections 200
    load_finish
    load_says connections=200 done=200
    kill -USR1 "$SYSLOGD_PID"
    wait_until serves_and_has_received 'process=worker .*log lines lost'
    server_stop
    assert_equal "$SERVER_STATUS" 0
    got=$(received_lines logfmt process=worker msg | grep -vc 'log lines lost')
    lost=$(received_lines logfmt process=worker "msg=log lines lost" lost | paste -sd+ | bc)
    ((lost > 300))
    ((got + lost >= 2 * 200))
}

serves_and_has_received() {
    serves
    grep -q "$1" "$RECEIVED"
}

@test "L3: a syslogd that was started anew gets the lines again, and what was lost is said" {
    command -v busybox >/dev/null || skip "busybox is missing: on Debian, apt-get install busybox"
    local log=$BATS_TEST_TMPDIR/syslog
    syslogd_start busybox syslogd -n -O "$log"
    syslog_start --set log.level=debug
    wait_until grep -Eq 'daemon.debug preforkd\[[0-9]+\]: .*process=worker' "$log"
    load_start "unix:$SOCKET" --connections 20
    kill "$SYSLOGD_PID"
    wait "$SYSLOGD_PID" || :
    in_namespace rm -f /dev/log
    load_finish
    load_says done=20
    mv "$log" "$log.1"
    syslogd_start busybox syslogd -n -O "$log"
    wait_until serves_and_has_logged 'process=worker.*msg="log lines lost" lost=[1-9]'
    server_stop
    assert_equal "$SERVER_STATUS" 0
    wait_until grep -q 'process=master.*msg=stopped' "$log"
}

@test "L3: USR1 finds a syslogd that was started anew, and is harmless while there is none" {
    local _
    receiver_start
    syslog_start
    wait_until grep -q 'msg=ready' "$RECEIVED"
    kill -USR1 "$SERVER_PID"
    wait_until grep -q 'msg="log opened anew"' "$RECEIVED"
    kill -KILL "$SYSLOGD_PID"
    in_namespace rm -f /dev/log
    for _ in 1 2 3; do
        kill -USR1 "$SERVER_PID"
        serves
    done
    mv "$RECEIVED" "$RECEIVED.before"
    receiver_start
    kill -USR1 "$SERVER_PID"
    wait_until grep -q 'msg="log opened anew"' "$RECEIVED"
    kill -KILL "$(worker_pid 1)"
    wait_until grep -q 'msg="worker died"' "$RECEIVED"
    wait_until serves
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L3: workers below a chroot find a syslogd again that was started anew" {
    [ "$(id -u)" = 0 ] || skip "not root"
    mkdir "$BATS_TEST_TMPDIR/jail"
    open_tmpdir
    # There is no /proc inside, which the search for leaks needs.
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    receiver_start
    syslog_start --set log.level=debug --set "chroot=$BATS_TEST_TMPDIR/jail"
    wait_until serves_and_has_received process=worker
    kill -KILL "$SYSLOGD_PID"
    in_namespace rm -f /dev/log
    serves
    mv "$RECEIVED" "$RECEIVED.before"
    receiver_start
    wait_until serves_and_has_received process=worker
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

serves_and_has_logged() {
    serves
    grep -q "$1" "$BATS_TEST_TMPDIR/syslog"
}

# trace_worker: system calls of worker 1 that concern syslog, from now on, in $TRACE.
trace_worker() {
    local pid
    TRACE=$BATS_TEST_TMPDIR/trace
    pid=$(worker_pid 1)
    strace -qq -e trace=connect,sendmsg -o "$TRACE" -p "$pid" 3>&- &
    TRACER=$!
    SYSLOG_PIDS+=("$TRACER")
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$pid/status"
}

@test "while there is no syslogd it is looked for once a second at most" {
    command -v strace >/dev/null || skip "strace is missing: on Debian, apt-get install strace"
    local begun=$SECONDS
    receiver_start
    syslog_start --set log.level=debug
    trace_worker
    kill -KILL "$SYSLOGD_PID"
    wait_until serves_and_has_lost 50
    kill "$TRACER"
    wait "$TRACER" || :
    run grep -c 'connect(.*/dev/log' "$TRACE"
    ((output >= 1 && output <= SECONDS - begun + 1))
}

serves_and_has_lost() {
    serves
    [ "$(grep -c 'sendmsg(.*ENOTCONN' "$TRACE")" -ge "$1" ]
}
