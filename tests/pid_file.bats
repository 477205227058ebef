#!/usr/bin/env bats
# The pid file says who runs and keeps a second one away; the files of unix sockets are ours, or
# left alone.
# shellcheck disable=SC2030,SC2031,SC2153 # each test is a subshell

setup() {
    load lib/server
    bats_load_library bats-support
    bats_load_library bats-assert
    PID_FILE=$BATS_TEST_TMPDIR/preforkd.pid
    SOCKET=$BATS_TEST_TMPDIR/echo.sock
}

teardown() {
    server_teardown
}

start_with_pid_file() {
    echo_start --set workers=1 --set "pid_file=$PID_FILE"
}

# socket_start [ARGUMENT...]: an echo server on $SOCKET.
socket_start() {
    server_start --listen "unix:$SOCKET" --module echo --set workers=1 "$@"
}

# expect_refusal STATUS TEXT [ARGUMENT...]: an echo server with these does not start.
expect_refusal() {
    run timeout 20 "$PREFORKD" --module echo --set workers=1 "${@:3}"
    assert_failure "$1"
    assert_output --partial "$2"
    refute_output --partial msg=ready
}

# serves ADDRESS
serves() {
    run "$PREFORKCAT" "$1" hello
    assert_success
    assert_output hello
}

# A unix socket that nobody listens on any more.
leave_socket() {
    "$PYTHON" - "$1" <<'END'
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.bind(sys.argv[1])
END
}

@test "the pid file holds the master's pid, and is gone after TERM" {
    start_with_pid_file
    assert_equal "$(<"$PID_FILE")" "$SERVER_PID"
    assert_equal "$(stat -c %a "$PID_FILE")" 644
    server_stop
    assert_equal "$SERVER_STATUS" 0
    [ ! -e "$PID_FILE" ]
}

@test "the pid file is gone after QUIT and after a second TERM" {
    start_with_pid_file
    server_stop QUIT
    [ ! -e "$PID_FILE" ]
    start_with_pid_file
    exec {client}<>"/dev/tcp/${ADDRESS/:/\/}"
    printf '\0' >&"$client" # a frame that is never finished holds the drain up
    kill -TERM "$SERVER_PID"
    server_stop
    exec {client}>&-
    [ ! -e "$PID_FILE" ]
}

@test "M2: a second master on the same pid file is refused with 69 and names the first" {
    local first
    start_with_pid_file
    first=$SERVER_PID
    expect_refusal 69 "is held by process $first" --listen 127.0.0.1:0 --set "pid_file=$PID_FILE"
    assert_output --partial "$PID_FILE"
    assert_equal "$(<"$PID_FILE")" "$first"
    serves "$ADDRESS"
}

@test "M2: the second master is refused before it touches the socket of the first" {
    local inode
    socket_start --set "pid_file=$PID_FILE"
    inode=$(stat -c %i "$SOCKET")
    expect_refusal 69 "is held by process $SERVER_PID" --listen "unix:$SOCKET" \
        --set "pid_file=$PID_FILE"
    assert_equal "$(stat -c %i "$SOCKET")" "$inode"
    serves "unix:$SOCKET"
}

@test "M2: a worker that is left does not hold the pid file" {
    local workers
    start_with_pid_file
    workers=$(worker_pids)
    kill -STOP "$workers"
    kill -KILL "$SERVER_PID"
    wait "$SERVER_PID" || :
    start_with_pid_file
    kill -KILL "$workers"
    assert_equal "$(<"$PID_FILE")" "$SERVER_PID"
}

@test "M2: the pid file of a master that was killed is taken over" {
    start_with_pid_file
    kill -KILL "$SERVER_PID"
    server_wait
    [ -s "$PID_FILE" ]
    start_with_pid_file
    assert_equal "$(<"$PID_FILE")" "$SERVER_PID"
}

@test "M2: a pid file written by hand is taken over, and the process that it names not touched" {
    sleep 1000 3>&- &
    SERVER_PIDS+=("$!")
    local other=$!
    echo "$other and more than a pid, on a long line" >"$PID_FILE"
    start_with_pid_file
    assert_equal "$(<"$PID_FILE")" "$SERVER_PID"
    server_stop
    kill -0 "$other"
}

@test "a file that is no pid file is refused with 78, and stays as it is" {
    echo precious >"$PID_FILE"
    expect_refusal 78 "holds something else than a process id: remove it first" \
        --listen 127.0.0.1:0 --set "pid_file=$PID_FILE"
    assert_equal "$(<"$PID_FILE")" precious
}

@test "a pid file that cannot be made is refused with the reason" {
    expect_refusal 78 "$BATS_TEST_TMPDIR/none/pid\\\": No such file or directory" \
        --listen 127.0.0.1:0 --set "pid_file=$BATS_TEST_TMPDIR/none/pid"
    assert_output --partial "pid_file=$BATS_TEST_TMPDIR/none/pid: cannot open"
    expect_refusal 78 "$BATS_TEST_TMPDIR\\\": Is a directory" \
        --listen 127.0.0.1:0 --set "pid_file=$BATS_TEST_TMPDIR"
}

@test "a start that fails later leaves no pid file behind" {
    local file=$PID_FILE
    echo_start --set workers=1
    expect_refusal 69 "$ADDRESS" --listen "$ADDRESS" --set "pid_file=$file"
    [ ! -e "$file" ]
}

@test "a pid file that another one has replaced is left alone at the end" {
    start_with_pid_file
    rm "$PID_FILE"
    echo 1 >"$PID_FILE"
    server_stop
    assert_equal "$(<"$PID_FILE")" 1
}

# open_folder: a folder that everybody can write to, $OPEN.
open_folder() {
    OPEN=$BATS_TEST_TMPDIR/open
    mkdir -m 1777 "$OPEN"
}

@test "A2: a pid file that is a symbolic link where everybody can write is refused" {
    open_folder
    echo precious >"$BATS_TEST_TMPDIR/precious"
    ln -s "$BATS_TEST_TMPDIR/precious" "$OPEN/pid"
    expect_refusal 78 "pid\\\" is a symbolic link in a folder that everybody can write to" \
        --listen 127.0.0.1:0 --set "pid_file=$OPEN/pid"
    assert_output --partial "pid_file=$OPEN/pid: "
    expect_refusal 78 "pid\" is a symbolic link in a folder that everybody can write to" \
        -t --listen 127.0.0.1:0 --set "pid_file=$OPEN/pid"
    assert_equal "$(<"$BATS_TEST_TMPDIR/precious")" precious
}

@test "A2: a pid file behind a folder that is a symbolic link where everybody can write is refused" {
    open_folder
    ln -s "$BATS_TEST_TMPDIR" "$OPEN/folder"
    expect_refusal 78 "folder\\\" is a symbolic link in a folder that everybody can write to" \
        --listen 127.0.0.1:0 --set "pid_file=$OPEN/folder/pid"
    [ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "A2: a pid file where everybody can write, and a link in a folder of our own, are taken" {
    open_folder
    PID_FILE=$OPEN/pid
    start_with_pid_file
    server_stop
    ln -s "$OPEN/pid" "$BATS_TEST_TMPDIR/link"
    PID_FILE=$BATS_TEST_TMPDIR/link
    start_with_pid_file
    assert_equal "$(<"$OPEN/pid")" "$SERVER_PID"
}

# Unix sockets

@test "a unix socket is made, serves, and is gone at the end" {
    socket_start
    [ -S "$SOCKET" ]
    serves "unix:$SOCKET"
    server_stop
    assert_equal "$SERVER_STATUS" 0
    [ ! -e "$SOCKET" ]
    run ls "$BATS_TEST_TMPDIR"
    refute_output --partial echo.sock
}

@test "a socket that nobody listens on is replaced" {
    leave_socket "$SOCKET"
    socket_start
    serves "unix:$SOCKET"
}

@test "under the pid file's lock a socket that answers is replaced, for it is a former master's" {
    local first
    socket_start
    first=$SERVER_PID
    socket_start --set "pid_file=$PID_FILE"
    kill -KILL "$first"
    serves "unix:$SOCKET"
}

@test "without a pid file, a socket that answers is refused with 69, and its owner goes on" {
    socket_start
    expect_refusal 69 "another process listens there" --listen "unix:$SOCKET"
    assert_output --partial "$SOCKET"
    serves "unix:$SOCKET"
}

@test "a file that is no socket is refused, and stays as it is" {
    echo precious >"$SOCKET"
    expect_refusal 69 "is no socket" --listen "unix:$SOCKET"
    expect_refusal 69 "is no socket" --listen "unix:$SOCKET" --set "pid_file=$PID_FILE"
    assert_equal "$(<"$SOCKET")" precious
}

@test "A2: a symbolic link is refused, and what it points to stays as it is" {
    leave_socket "$BATS_TEST_TMPDIR/target"
    ln -s "$BATS_TEST_TMPDIR/target" "$SOCKET"
    expect_refusal 69 "is no socket" --listen "unix:$SOCKET"
    [ -L "$SOCKET" ]
    [ -S "$BATS_TEST_TMPDIR/target" ]
}

@test "A2: a socket behind a folder that is a symbolic link where everybody can write is refused" {
    open_folder
    mkdir "$BATS_TEST_TMPDIR/own"
    ln -s "$BATS_TEST_TMPDIR/own" "$OPEN/folder"
    expect_refusal 69 "folder\\\" is a symbolic link in a folder that everybody can write to" \
        --listen "unix:$OPEN/folder/socket"
    [ -z "$(ls "$BATS_TEST_TMPDIR/own")" ]
    ln -s "$BATS_TEST_TMPDIR/own/socket" "$OPEN/socket"
    expect_refusal 69 "socket\\\" is a symbolic link in a folder that everybody can write to" \
        --listen "unix:$OPEN/socket"
    [ -L "$OPEN/socket" ]
}

@test "A2: a socket where everybody can write, and a linked folder in one of our own, are taken" {
    open_folder
    ln -s "$OPEN" "$BATS_TEST_TMPDIR/link"
    SOCKET=$BATS_TEST_TMPDIR/link/socket
    socket_start
    serves "unix:$OPEN/socket"
}

# refused_with_its_pid COMMAND: a shell runs it, knowing as $$ the pid of the server that it becomes,
# which is refused with 69: the socket is made under a name with that pid first.
refused_with_its_pid() {
    # shellcheck disable=SC2016 # for the other shell
    run timeout 20 bash -c "$1; "'exec "$0" --listen "unix:$1" --module echo --set workers=1' \
        "$PREFORKD" "$SOCKET"
    assert_failure 69
    assert_output --partial "cannot bind: Address already in use"
    [ ! -e "$SOCKET" ]
}

@test "a file that is no socket at the name where a socket is made is refused, and stays as it is" {
    # shellcheck disable=SC2016 # for the other shell
    refused_with_its_pid 'echo precious >"$1.$$"'
    assert_equal "$(cat "$SOCKET".*)" precious
}

@test "A2: a symbolic link at the name where a socket is made is refused, and not followed" {
    leave_socket "$BATS_TEST_TMPDIR/target"
    # shellcheck disable=SC2016 # for the other shell
    refused_with_its_pid 'ln -s "${1%/*}/target" "$1.$$"'
    [ -S "$BATS_TEST_TMPDIR/target" ]
    [ -L "$(echo "$SOCKET".*)" ]
}

@test "a socket that was left at the name where a socket is made is replaced" {
    leave_socket "$BATS_TEST_TMPDIR/left"
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    # shellcheck disable=SC2016 # for the other shell
    bash -c 'mv "$2" "$1.$$"; exec "$0" --listen "unix:$1" --module echo --set workers=1' \
        "$PREFORKD" "$SOCKET" "$BATS_TEST_TMPDIR/left" </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until server_is_ready_or_gone
    serves "unix:$SOCKET"
    [ ! -e "$SOCKET.$SERVER_PID" ]
}

@test "a socket in a folder that is not there is refused with the reason" {
    expect_refusal 69 "No such file or directory" --listen "unix:$BATS_TEST_TMPDIR/none/socket"
}

@test "at the end a socket that another one has put in its place is left alone" {
    local first
    socket_start
    first=$SERVER_PID
    rm "$SOCKET"
    socket_start
    kill -TERM "$first"
    wait "$first"
    serves "unix:$SOCKET"
}

@test "at the end a file that has taken the socket's place is left alone" {
    socket_start
    rm "$SOCKET"
    echo precious >"$SOCKET"
    server_stop
    assert_equal "$SERVER_STATUS" 0
    assert_equal "$(<"$SOCKET")" precious
}

@test "when one of several listeners fails, the sockets made before it are removed again" {
    expect_refusal 69 "No such file or directory" --listen "unix:$SOCKET" \
        --listen "unix:$BATS_TEST_TMPDIR/none/socket"
    [ ! -e "$SOCKET" ]
}
