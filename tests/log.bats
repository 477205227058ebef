#!/usr/bin/env bats
# The log: its formats, levels and targets; what a client can make of it; what happens to it when
# nobody reads it. What is in it is tested where it happens.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    SOCKET=$BATS_TEST_TMPDIR/echo.sock
    LOG=$BATS_TEST_TMPDIR/log
}

teardown() {
    load_teardown
    server_teardown
    if [ -n "${DISK:-}" ]; then
        umount "$DISK"
    fi
}

# log_lines FORMAT FILE [KEY=VALUE...] [KEY]
log_lines() {
    "$PYTHON" "$LIB/loglines.py" "$@"
}

# quiet_start [ARGUMENT...]: an echo server on $SOCKET, ready when it can be connected to.
quiet_start() {
    server_spawn --listen "unix:$SOCKET" --module echo --set workers=1 "$@"
    wait_until test -S "$SOCKET"
    wait_until serves
}

serves() {
    [ "$("$PREFORKCAT" "unix:$SOCKET" hello 2>&1)" = hello ]
}

# A life that leaves lines of every level, in FORMAT to FILE.
all_levels() {
    server_start --listen 127.0.0.1:0 --module echo --set workers=2 --set log.level=debug \
        --set "log.format=$1"
    ADDRESS=$(sed -En 's/.*address"?[=:]"?(127[0-9.:]+).*/\1/p' "$SERVER_LOG")
    bad_frames "$ADDRESS" 1
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged 'worker died'
    server_stop
}

@test "logfmt: each line is what a strict parser takes, of every level and process" {
    all_levels logfmt
    log_lines logfmt "$SERVER_LOG" >/dev/null
    run log_lines logfmt "$SERVER_LOG" level
    for level in debug info warn error; do
        assert_line $level
    done
    run log_lines logfmt "$SERVER_LOG" process=worker generation=1 "msg=protocol error"
    assert_output --regexp '"worker": "[12]"'
    assert_output --regexp '"connection": "[0-9a-f]{16}"'
    assert_output --regexp '"peer": "127\.0\.0\.1:[0-9]+"'
    assert_output --partial '"service": "main"'
    assert_output --partial '"announced": "4294967295"'
}

@test "json: each line is an object that a strict parser takes, of every level and process" {
    all_levels json
    log_lines json "$SERVER_LOG" >/dev/null
    run log_lines json "$SERVER_LOG" level
    for level in debug info warn error; do
        assert_line $level
    done
    run log_lines json "$SERVER_LOG" process=worker "msg=protocol error" connection
    assert_output --regexp '^[0-9a-f]{16}$'
}

# levels_written LEVEL: all that a life with that log.level leaves, each once.
levels_written() {
    server_spawn --listen "unix:$SOCKET" --module echo --set workers=1 --set "log.level=$1"
    wait_until test -S "$SOCKET"
    wait_until serves
    bad_frames "unix:$SOCKET" 1
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged 'worker died'
    wait_until serves
    server_stop
    log_lines logfmt "$SERVER_LOG" level | sort -u | paste -sd' '
}

@test "a level leaves out the lines below it" {
    run levels_written error
    assert_output "error"
    run levels_written warn
    assert_output "error warn"
    run levels_written info
    assert_output "error info warn"
    run levels_written debug
    assert_output "debug error info warn"
}

@test "a log file is appended to, line by line, by all processes, and only its owner may write it" {
    echo 'time=2000-01-01T00:00:00.000Z level=info process=master msg="was here before"' >"$LOG"
    quiet_start --set "log.target=$LOG"
    server_stop
    run log_lines logfmt "$LOG" msg
    assert_line --index 0 "was here before"
    assert_line listening
    assert_line ready
    assert_line drained
    assert_line stopped
    assert_equal "$(cat "$SERVER_LOG")" ""
    rm "$LOG"
    quiet_start --set "log.target=$LOG"
    assert_equal "$(stat -c %a "$LOG")" 640
}

@test "many workers write to one file without cutting each other's lines" {
    local count
    server_spawn --listen "unix:$SOCKET" --module echo --set workers=4 --set log.level=debug \
        --set "log.target=$LOG"
    wait_until test -S "$SOCKET"
    for _ in 1 2 3 4; do
        load_start "unix:$SOCKET" --connections 100
        load_finish
        load_says done=100
    done
    server_stop
    count=$(log_lines logfmt "$LOG" "msg=connection closed" | wc -l)
    assert_equal "$count" 400
}

@test "A3: a socket's path with quotes, newlines and bytes that are no UTF-8 cannot forge a line" {
    local path=$BATS_TEST_TMPDIR/$'a b"=\\\n\e[31mtime=x level=error \xff\xc0\xaf.sock'
    local format expected
    expected=$BATS_TEST_TMPDIR/$'a b"=\\\n\e[31mtime=x level=error \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.sock'
    for format in logfmt json; do
        server_spawn --listen "unix:$path" --module echo --set workers=1 --set "log.format=$format"
        wait_until test -S "$path"
        wait_until server_has_logged 'msg"?[=:]"?ready'
        server_stop
        run log_lines $format "$SERVER_LOG" "msg=listening" address
        assert_output "unix:$expected"
        run grep -c . "$SERVER_LOG"
        assert_output "$(log_lines $format "$SERVER_LOG" | wc -l)"
        run grep -c '^time=x' "$SERVER_LOG"
        assert_output 0
    done
}

@test "A3: what a module says cannot forge a line" {
    module_build refused -DINIT_FAILS
    for format in logfmt json; do
        server_spawn --listen "unix:$SOCKET" --module "$MODULE" --set workers=1 \
            --set "log.format=$format"
        server_wait
        assert_equal "$SERVER_STATUS" 78
        run log_lines $format "$SERVER_LOG" "msg=cannot start" reason
        assert_line --index 0 --partial 'no "luck" here,'
        assert_line --index 1 'really'
    done
}

@test "A3: the path of a configuration cannot forge a line" {
    local conf=$BATS_TEST_TMPDIR/$'my "own\nlevel=x\xff.conf'
    module_build refused -DINIT_FAILS
    cat >"$conf" <<END
workers = 1
services = { main = { listen = "unix:$SOCKET"  module = "$MODULE" } }
END
    server_spawn -c "$conf"
    server_wait
    assert_equal "$SERVER_STATUS" 78
    run log_lines logfmt "$SERVER_LOG" "msg=cannot start" reason
    assert_line --index 0 "$BATS_TEST_TMPDIR/my \"own"
    assert_line --index 1 --partial $'level=x\xef\xbf\xbd.conf:2: '
}

@test "A3: a very long value is cut, and its line still ends" {
    local name path
    name=$(printf 'n%.0s' {1..200})
    path=$BATS_TEST_TMPDIR
    for _ in {1..18}; do
        path=$path/$name
    done
    mkdir -p "$path" 2>/dev/null || skip "no path that long here"
    echo 'nothing' >"$path/module.so"
    server_spawn --listen "unix:$SOCKET" --module "$path/module.so" --set workers=1
    server_wait
    assert_equal "$SERVER_STATUS" 78
    log_lines logfmt "$SERVER_LOG" >/dev/null
    run awk '{ if (length($0) > 4095) print "too long" }' "$SERVER_LOG"
    assert_output ""
}

@test "a flood of protocol errors leaves few lines, and how many were held back is said" {
    local written held second
    quiet_start
    bad_frames "unix:$SOCKET" 500
    wait_until one_more_error_tells_what_was_held
    second=$(log_lines logfmt "$SERVER_LOG" "msg=protocol error" time | cut -c 1-19 | sort |
        uniq -c | awk '$1 > 20' | wc -l)
    assert_equal "$second" 0
    server_stop
    written=$(log_lines logfmt "$SERVER_LOG" "msg=protocol error" | wc -l)
    held=$(log_lines logfmt "$SERVER_LOG" "msg=similar log lines held back" held | paste -sd+ | bc)
    assert_equal "$((written + held))" "$((500 + more))"
}

more=0
one_more_error_tells_what_was_held() {
    bad_frames "unix:$SOCKET" 1
    ((++more))
    server_has_logged 'held back" held=[0-9]+ lines="protocol error"$'
}

@test "what was held back is said at level warn too" {
    quiet_start --set log.level=warn
    bad_frames "unix:$SOCKET" 100
    wait_until one_more_error_tells_what_was_held
}

# Targets that take no more, while clients check every reply

# under_load COMMAND...: runs it while 100 connections are served, which all close in order.
under_load() {
    load_start "unix:$SOCKET" --connections 100
    "$@"
    load_finish
    load_says connections=100 done=100 wrong=0 unanswered=0
}

# piped_start [ARGUMENT...]: a server whose standard error is the pipe $PIPE, which this shell
# holds open for reading as descriptor 9, and reads only in `drain_pipe`.
piped_start() {
    PIPE=$BATS_TEST_TMPDIR/pipe
    SERVER_LOG=$BATS_TEST_TMPDIR/server-pipe.log
    mkfifo "$PIPE"
    exec 9<>"$PIPE"
    "$PREFORKD" --listen "unix:$SOCKET" --module echo --set workers=1 --set log.level=debug \
        "$@" </dev/null >/dev/null 2>"$PIPE" 3>&- 9>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until test -S "$SOCKET"
    wait_until serves
}

# Moves what is in the pipe to $SERVER_LOG.
drain_pipe() {
    "$PYTHON" - <<'END' >>"$SERVER_LOG"
import os, sys
os.set_blocking(9, False)
try:
    while data := os.read(9, 65536):
        sys.stdout.buffer.write(data)
except BlockingIOError:
    pass
END
}

@test "L3: a pipe that nobody reads holds nothing up, and what was lost is counted and said" {
    local got lost
    piped_start
    drain_pipe
    : >"$SERVER_LOG"
    load_start "unix:$SOCKET" --connections 800
    load_finish
    load_says connections=800 done=800 wrong=0
    drain_pipe
    run "$PREFORKCAT" "unix:$SOCKET" hello
    assert_output hello
    wait_until drained_pipe_has_logged 'log lines lost'
    wait_until drained_pipe_has_logged 'connection closed.*requests=1$'
    got=$(log_lines logfmt "$SERVER_LOG" | grep -c '"msg": "connection ')
    lost=$(log_lines logfmt "$SERVER_LOG" "msg=log lines lost" lost | paste -sd+ | bc)
    ((lost > 100))
    assert_equal "$((got + lost))" "$((2 * (800 + 1)))"
}

drained_pipe_has_logged() {
    drain_pipe
    server_has_logged "$1"
}

@test "L3: a pipe whose reader is gone ends nothing; a later reader is told what was lost" {
    local lost
    piped_start
    drain_pipe
    load_start "unix:$SOCKET" --connections 100 9>&-
    wait_until drained_pipe_has_opened 100
    exec 9<&-
    load_finish
    load_says connections=100 done=100 wrong=0 unanswered=0
    worker_count_is 1
    exec 9<>"$PIPE"
    drain_pipe
    run "$PREFORKCAT" "unix:$SOCKET" hello
    assert_output hello
    wait_until drained_pipe_has_logged 'process=worker .*msg="log lines lost" lost=[1-9]'
    exec 9<&-
    server_stop
    assert_equal "$SERVER_STATUS" 0
    lost=$(log_lines logfmt "$SERVER_LOG" process=worker "msg=log lines lost" lost | head -n 1)
    assert_equal "$lost" 100 # the end of each connection
}

drained_pipe_has_opened() {
    drain_pipe
    [ "$(grep -c 'msg="connection opened"' "$SERVER_LOG")" -gt "$1" ]
}

@test "L3: a full disk under standard error ends nothing" {
    server_spawn_to /dev/full --listen "unix:$SOCKET" --module echo --set workers=1 \
        --set log.level=debug
    under_load true
    worker_count_is 1
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

# server_spawn_to FILE ARGUMENT...: with standard error there.
server_spawn_to() {
    "$PREFORKD" "${@:2}" </dev/null >/dev/null 2>"$1" 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until test -S "$SOCKET"
    wait_until serves
}

@test "L3: a full disk under a log file ends nothing" {
    quiet_start --set log.target=/dev/full --set log.level=debug
    under_load true
    kill -KILL "$(worker_pid 1)"
    wait_until serves
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L3: a log file that has reached the limit of file sizes ends nothing" {
    local pid
    quiet_start --set "log.target=$LOG" --set log.level=debug
    prlimit --pid "$SERVER_PID" --fsize=4096
    pid=$(worker_pid 1)
    kill -KILL "$pid" # its successor has the limit, too
    wait_until worker_is_new 1 "$pid"
    under_load true
    pid=$(worker_pid 1)
    kill -TERM "$pid" # the master writes, too
    wait_until worker_is_new 1 "$pid"
    serves
    (($(stat -c %s "$LOG") >= 4096))
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L3: when a full disk has room again, what was lost is said, and no line runs into another" {
    local got lost
    mkdir "$BATS_TEST_TMPDIR/disk"
    mount -t tmpfs -o size=32k tmpfs "$BATS_TEST_TMPDIR/disk" 2>/dev/null ||
        skip "cannot mount a small disk here"
    DISK=$BATS_TEST_TMPDIR/disk
    head -c 16384 /dev/zero >"$DISK/filler"
    quiet_start --set "log.target=$DISK/log" --set log.level=debug
    under_load true
    under_load true
    rm "$DISK/filler"
    wait_until disk_log_says_what_was_lost
    server_stop
    assert_equal "$SERVER_STATUS" 0
    run grep -c 'time=.*time=' "$DISK/log"
    assert_output 0
    got=$(grep -c 'process=worker.*msg="connection ' "$DISK/log")
    lost=$(sed -n 's/.*process=worker.*msg="log lines lost" lost=//p' "$DISK/log" | paste -sd+ | bc)
    ((lost > 100))
    ((got + lost >= 2 * (100 + 100)))
}

disk_log_says_what_was_lost() {
    serves
    grep -q 'process=worker.*msg="log lines lost" lost=[1-9]' "$DISK/log"
}

@test "L3: a log file that was moved away is written on, and one that was removed ends nothing" {
    quiet_start --set "log.target=$LOG" --set log.level=debug
    under_load mv "$LOG" "$LOG.1"
    assert_equal "$(grep -c 'msg="connection closed".*requests=[1-9][0-9]' "$LOG.1")" 100
    kill -KILL "$(worker_pid 1)"
    wait_until grep -q 'msg="worker died"' "$LOG.1"
    wait_until serves
    under_load rm "$LOG.1"
    [ ! -e "$LOG" ]
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L3: a log file whose folder is gone ends nothing" {
    mkdir "$BATS_TEST_TMPDIR/folder"
    quiet_start --set "log.target=$BATS_TEST_TMPDIR/folder/log" --set log.level=debug
    under_load rm -r "$BATS_TEST_TMPDIR/folder"
    kill -KILL "$(worker_pid 1)"
    wait_until serves
    under_load true
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "L3: what was lost is said as an object if the format is json" {
    piped_start --set log.format=json
    drain_pipe
    : >"$SERVER_LOG"
    load_start "unix:$SOCKET" --connections 800
    load_finish
    load_says connections=800 done=800 wrong=0
    drain_pipe
    run "$PREFORKCAT" "unix:$SOCKET" hello
    assert_output hello
    wait_until drained_pipe_has_logged '"msg":"log lines lost","lost":[1-9][0-9]+}$'
    log_lines json "$SERVER_LOG" >/dev/null
}

@test "standard error is not made non-blocking for the shell that shares it" {
    local flags
    exec 8<>/dev/null
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 8<>"$BATS_TEST_TMPDIR/pipe"
    "$PREFORKD" --listen "unix:$SOCKET" --module echo </dev/null >/dev/null 2>&8 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until test -S "$SOCKET"
    flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$$/fdinfo/8")
    assert_equal "$((flags & 04000))" 0
}

@test "a log target that cannot be opened is refused with the reason" {
    run "$PREFORKD" --listen 127.0.0.1:0 --module echo --set "log.target=$BATS_TEST_TMPDIR/no/log"
    assert_failure 78
    assert_output --partial "No such file or directory"
    assert_output --partial log.target
    run "$PREFORKD" --listen 127.0.0.1:0 --module echo --set "log.target=$BATS_TEST_TMPDIR"
    assert_failure 78
    assert_output --partial "directory"
}

# open_folder: a folder that everybody can write to, $OPEN, and a file of ours elsewhere, $PRECIOUS.
open_folder() {
    OPEN=$BATS_TEST_TMPDIR/open
    PRECIOUS=$BATS_TEST_TMPDIR/precious
    mkdir -m 1777 "$OPEN"
    echo precious >"$PRECIOUS"
}

# expect_link_refused LINK TARGET: a start and -t with that log.target are.
expect_link_refused() {
    local check
    for check in "" -t; do
        # shellcheck disable=SC2086
        run timeout 20 "$PREFORKD" $check --listen 127.0.0.1:0 --module echo --set "log.target=$2"
        assert_failure 78
        assert_output --partial log.target
        assert_output --partial "\"$1\" is a symbolic link in a folder that everybody can write to"
    done
}

@test "A2: a log file that is a symbolic link where everybody can write is refused" {
    open_folder
    ln -s "$PRECIOUS" "$OPEN/log"
    expect_link_refused "$OPEN/log" "$OPEN/log"
    assert_equal "$(<"$PRECIOUS")" precious
    ln -s "$BATS_TEST_TMPDIR/new" "$OPEN/dangling"
    expect_link_refused "$OPEN/dangling" "$OPEN/dangling"
    [ ! -e "$BATS_TEST_TMPDIR/new" ]
}

@test "A2: a log file behind a folder that is a symbolic link where everybody can write is refused" {
    open_folder
    ln -s "$BATS_TEST_TMPDIR" "$OPEN/folder"
    expect_link_refused "$OPEN/folder" "$OPEN/folder/precious"
    ln -s "$OPEN/folder/precious" "$BATS_TEST_TMPDIR/own"
    expect_link_refused "$OPEN/folder" "$BATS_TEST_TMPDIR/own"
    assert_equal "$(<"$PRECIOUS")" precious
}

@test "A2: a log file where everybody can write, and a link in a folder of our own, are taken" {
    open_folder
    quiet_start --set "log.target=$OPEN/log"
    server_stop
    ln -s "$OPEN/log" "$LOG"
    quiet_start --set "log.target=$LOG"
    server_stop
    run log_lines logfmt "$OPEN/log" "msg=listening"
    assert_equal "${#lines[@]}" 2
}
