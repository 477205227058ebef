#!/usr/bin/env bats
# --daemon: the command returns when the server is ready, or says why it is not, and leaves nothing
# of the terminal or the pipe that it was started from in it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    PID_FILE=$BATS_TEST_TMPDIR/preforkd.pid
    SERVER_LOG=$BATS_TEST_TMPDIR/server-daemon.log
    ARGUMENTS=(--daemon --set "pid_file=$PID_FILE" --set "log.target=$SERVER_LOG" --set workers=2)
    STARTER=
}

teardown() {
    [ -z "$STARTER" ] || kill -KILL "$STARTER" 2>/dev/null || :
    if [ -s "$PID_FILE" ]; then
        SERVER_PIDS+=("$(<"$PID_FILE")")
    fi
    server_teardown
}

# daemon_run ARGUMENT...: runs preforkd as `run` does, but not in a pipe, whose end a server that
# keeps it would hold up. Sets status and output.
daemon_run() {
    local said=$BATS_TEST_TMPDIR/said
    status=0
    timeout 60 "$PREFORKD" "$@" </dev/null >"$said" 2>&1 3>&- || status=$?
    output=$(<"$said")
}

# daemon_start [ARGUMENT...]: an echo server in the background; sets SERVER_PID and
# ADDRESS.
daemon_start() {
    daemon_run "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo "$@"
    assert_success
    assert_output ""
    SERVER_PID=$(<"$PID_FILE")
    ADDRESS=$(server_address)
}

# daemon_fails STATUS TEXT ARGUMENT...: the start fails with that status and one line that has TEXT,
# and leaves no process and no pid file.
daemon_fails() {
    daemon_run "${@:3}"
    assert_failure "$1"
    assert_equal "$(wc -l <<<"$output")" 1
    assert_output --partial "$2"
    [ ! -e "$PID_FILE" ]
    run pgrep -f "preforkd.*$BATS_TEST_TMPDIR"
    assert_output ""
}

# daemon_start_slowly: in the background of this shell, a server whose module takes until $STONE is
# removed. Returns when it has a pid file and two workers; sets STARTER and SERVER_PID.
daemon_start_slowly() {
    STONE=$BATS_TEST_TMPDIR/stone
    touch "$STONE"
    open_tmpdir
    module_build refused -DINIT_HANGS_IF_PATH
    "$PREFORKD" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module "$MODULE" \
        --option "path=$STONE" --set start_timeout=10m \
        </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    STARTER=$!
    wait_until test -s "$PID_FILE"
    SERVER_PID=$(<"$PID_FILE")
    wait_until worker_count_is 2
}

serves() {
    run "$PREFORKCAT" --timeout 30s "$ADDRESS" hello
    assert_success
    assert_output hello
}

# daemon_ends: on TERM, with its pid file.
daemon_ends() {
    kill -TERM "$SERVER_PID"
    wait_until server_is_gone
    [ ! -e "$PID_FILE" ]
    server_has_logged msg=stopped
}

@test "the command returns when the server is ready, and TERM to the pid in its file ends it" {
    daemon_start
    server_has_logged "msg=ready workers=2 pid=$SERVER_PID "
    serves
    daemon_ends
}

@test "the server has a session of its own, and no parent that waits for it" {
    daemon_start
    run ps -o sid=,pgid=,tpgid= -p "$SERVER_PID"
    assert_output --regexp "^ *$SERVER_PID +$SERVER_PID +-1\$"
    run ps -o comm= -p "$(ps -o ppid= -p "$SERVER_PID" | tr -d ' ')"
    refute_output --partial preforkd
    refute_output --partial bash
}

@test "standard input, output and error of all its processes are /dev/null" {
    local pid fd
    daemon_start
    for pid in "$SERVER_PID" $(worker_pids); do
        for fd in 0 1 2; do
            assert_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null
        done
    done
}

# A pipe of the loop's own has both its ends in the process.
@test "nothing is left of the pipe by which the start was reported" {
    local pid
    daemon_start
    for pid in "$SERVER_PID" $(worker_pids); do
        run bash -c "readlink /proc/$pid/fd/* | grep ^pipe: | sort | uniq -u"
        assert_output ""
    done
}

@test "working directory and umask stay as they are" {
    cd "$BATS_TEST_TMPDIR"
    umask 027
    daemon_start --set log.target=server-daemon.log
    assert_equal "$(readlink "/proc/$SERVER_PID/cwd")" "$BATS_TEST_TMPDIR"
    assert_equal "$(sed -n 's/^Umask:\t//p' "/proc/$SERVER_PID/status")" 0027
}

@test "command substitution returns while the server runs" {
    # shellcheck disable=SC2016 # for the other shell
    timeout 60 bash -c 'said=$("$@" 2>&1 3>&-) && [ "$said" = "" ]' bash \
        "$PREFORKD" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo
    SERVER_PID=$(<"$PID_FILE")
    kill -0 "$SERVER_PID"
}

@test "the end of the terminal where it was started does not reach it" {
    "$PYTHON" - "$PREFORKD" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo 3>&- <<'END'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(pid, 0)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(status))
END
    SERVER_PID=$(<"$PID_FILE")
    ADDRESS=$(server_address)
    serves
    run ps -o tty= -p "$SERVER_PID"
    assert_output --partial '?'
    ! server_has_logged 'msg="?(draining|stopp|reload)'
}

@test "the server does not depend on the command once it has been forked" {
    daemon_start_slowly
    kill -KILL "$STARTER"
    wait "$STARTER" || :
    rm "$STONE"
    wait_until server_has_logged msg=ready
    ADDRESS=$(server_address)
    serves
    daemon_ends
}

@test "the command waits as long as the start takes" {
    daemon_start_slowly
    kill -0 "$STARTER"
    ! server_has_logged msg=ready
    rm "$STONE"
    wait "$STARTER"
    server_has_logged msg=ready
    [ ! -s "$BATS_TEST_TMPDIR/said" ]
}

@test "a server that is killed before it is ready ends the command with 70 and how it ended" {
    local status=0
    daemon_start_slowly
    kill -KILL "$SERVER_PID"
    wait "$STARTER" || status=$?
    assert_equal "$status" 70
    assert_equal "$(<"$BATS_TEST_TMPDIR/said")" \
        "preforkd: the server has ended before it was ready: signal KILL"
}

@test "a server that is told to end before it is ready ends the command with 70 and says so" {
    local status=0
    daemon_start_slowly
    kill -TERM "$SERVER_PID"
    wait "$STARTER" || status=$?
    assert_equal "$status" 70
    assert_equal "$(<"$BATS_TEST_TMPDIR/said")" \
        "preforkd: the server has ended before it was ready: exit status 0"
    [ ! -e "$PID_FILE" ]
}

# Starts that fail

@test "mistakes end the command as they do in the foreground" {
    daemon_fails 78 "worker=1: unknown key" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo \
        --set worker=1
    daemon_fails 78 "pid_file=/nonexistent/preforkd.pid: " "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo \
        --set pid_file=/nonexistent/preforkd.pid
    daemon_fails 78 "log.target=/nonexistent/log: " "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module echo \
        --set log.target=/nonexistent/log
    daemon_fails 64 "--module is missing" "${ARGUMENTS[@]}" --listen 127.0.0.1:0
    daemon_run --daemon=yes
    assert_failure 64
}

@test "a log on standard error does not go with it, in -t neither" {
    local check
    for check in -t ""; do
        # shellcheck disable=SC2086 # none, or a word
        daemon_fails 78 'log.target: "stderr" does not go with --daemon; expected "syslog" or a path' \
            $check --daemon --listen 127.0.0.1:0 --module echo
    done
    printf '%s\n' 'services = { main = { listen = "127.0.0.1:0"  module = "echo" } }' \
        'log = { target = "stderr" }' >"$BATS_TEST_TMPDIR/preforkd.conf"
    daemon_fails 78 'preforkd.conf:2: log.target: "stderr"' --daemon -c "$BATS_TEST_TMPDIR/preforkd.conf"
}

@test "a port that is taken ends the command with 69 and its address" {
    echo_start --set workers=1
    daemon_run "${ARGUMENTS[@]}" --set "log.target=$BATS_TEST_TMPDIR/second.log" \
        --listen "$ADDRESS" --module echo
    assert_failure 69
    assert_output --regexp "^preforkd: cannot start: .*$ADDRESS.*Address already in use\$"
    [ ! -e "$PID_FILE" ]
}

@test "a second master ends the command with 69 and names the first, which goes on" {
    daemon_start
    daemon_run "${ARGUMENTS[@]}" --set "log.target=$BATS_TEST_TMPDIR/second.log" \
        --listen 127.0.0.1:0 --module echo
    assert_failure 69
    assert_output --partial "is held by process $SERVER_PID"
    serves
}

@test "a module whose init fails, crashes or hangs ends the command with 78 and the reason" {
    let_crash
    module_build refused -DINIT_FAILS_IF_PATH
    daemon_fails 78 "/ is in the way" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module "$MODULE" \
        --option path=/
    server_has_logged 'level=error .*msg="cannot start"'
    module_build refused -DINIT_CRASHES
    daemon_fails 78 SEGV "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module "$MODULE"
    module_build refused -DINIT_HANGS
    daemon_fails 78 "not ready within start_timeout" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 \
        --module "$MODULE" --set start_timeout=300ms
}

@test "a worker that forges why it cannot start, with 0, ends the command with 70 and in plain text" {
    module_build refused -DINIT_FORGES "-I$PREFORK_SOURCE/src"
    open_tmpdir
    daemon_fails 70 "red ?[31m and?more" "${ARGUMENTS[@]}" --listen 127.0.0.1:0 --module "$MODULE"
    daemon_run --listen 127.0.0.1:0 --module "$MODULE"
    assert_failure 70
}
