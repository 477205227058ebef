#!/usr/bin/env bats
# Who may connect to a unix socket: its mode, its owner, and that no moment lets in more.

setup() {
    load lib/server
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    SOCKET=$BATS_TEST_TMPDIR/socket
    open_tmpdir
}

teardown() {
    server_teardown
}

needs_root() {
    [ "$(id -u)" = 0 ] || skip "not root"
}

# start_on_socket [ARGUMENT...]: sets ADDRESS.
start_on_socket() {
    server_start --listen "unix:$SOCKET" --module echo --set workers=1 "$@"
    ADDRESS=unix:$SOCKET
}

# socket_is MODE USER GROUP
socket_is() {
    assert_equal "$(stat -c '%a %U %G' "$SOCKET")" "$1 $2 $3"
}

# as USER GROUP COMMAND...: with these ids alone.
as() {
    setpriv --reuid "$1" --regid "$2" --clear-groups -- "${@:3}"
}

# A file of somebody else may not be run from everywhere; its copy may.
copy_client() {
    cp -L "$PREFORKCAT" "$BATS_TEST_TMPDIR/cat"
    chmod 755 "$BATS_TEST_TMPDIR/cat"
    PREFORKCAT=$BATS_TEST_TMPDIR/cat
}

@test "a unix socket has mode 0660 and is the master's, whatever its umask" {
    local mask
    for mask in 000 022 077; do
        umask "$mask"
        start_on_socket
        socket_is 660 "$(id -un)" "$(id -gn)"
        run "$PREFORKCAT" "$ADDRESS" hello
        assert_output hello
        server_stop
    done
}

@test "socket_mode, socket_user and socket_group are the mode and the owner of the socket" {
    needs_root
    start_on_socket --set socket_mode=0640 --set socket_user=daemon --set socket_group=games
    socket_is 640 daemon games
    [ "$(find "$BATS_TEST_TMPDIR" -type s)" = "$SOCKET" ]
    server_stop
    start_on_socket --set socket_mode=777 --set socket_user=nobody
    socket_is 777 nobody "$(id -gn)"
    server_stop
    [ ! -e "$SOCKET" ]
}

@test "who may write to the socket may connect, and nobody else" {
    needs_root
    copy_client
    start_on_socket --set socket_user=daemon --set socket_group=games
    for who in 'daemon nogroup' 'nobody games'; do
        # shellcheck disable=SC2086
        run as $who "$PREFORKCAT" "$ADDRESS" hello
        assert_success
        assert_output hello
    done
    run as nobody nogroup "$PREFORKCAT" "$ADDRESS" hello
    assert_failure
    assert_output --partial 'Permission denied'
    server_stop
    start_on_socket --set socket_mode=0666
    run as nobody nogroup "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
}

@test "each service has its own mode, and a file may say it" {
    cat >"$BATS_TEST_TMPDIR/preforkd.conf" <<END
workers = 1
services = {
    first = { listen = "unix:$SOCKET"  module = "echo"  socket_mode = "0600" }
    second = { listen = "unix:$SOCKET-2"  module = "echo"  socket_mode = "0606" }
}
END
    server_start -c "$BATS_TEST_TMPDIR/preforkd.conf"
    assert_equal "$(stat -c %a "$SOCKET" "$SOCKET-2" | paste -sd ' ')" "600 606"
    run "$PREFORKD" -T -c "$BATS_TEST_TMPDIR/preforkd.conf"
    assert_line --regexp '^\s+socket_mode = "0606"$'
}

@test "a reload changes mode and owner of the socket that is there" {
    local inode
    needs_root
    configure 'socket_user = "daemon"; socket_group = "games"; socket_mode = "0606"'
    server_start -c "$CONFIG"
    socket_is 606 daemon games
    inode=$(stat -c %i "$SOCKET")
    configure 'socket_mode = "0620"'
    kill -HUP "$SERVER_PID"
    wait_until server_has_logged 'msg=reloaded'
    socket_is 620 "$(id -un)" "$(id -gn)"
    assert_equal "$(stat -c %i "$SOCKET")" "$inode"
    run "$PREFORKCAT" "unix:$SOCKET" hello
    assert_output hello
}

# start_stopped_at_bind [ARGUMENT...]: a server that stops as soon as it has bound its socket.
start_stopped_at_bind() {
    command -v strace >/dev/null || skip "strace is missing"
    strace -o /dev/null true 2>/dev/null || skip "strace may not attach here"
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    strace -qq -o /dev/null -e trace=bind -e inject=bind:signal=STOP "$PREFORKD" \
        --listen "unix:$SOCKET" --module echo --set workers=1 "$@" </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PIDS+=($!)
    wait_until stopped_master $!
}

# stopped_master TRACER-PID: sets SERVER_PID.
stopped_master() {
    SERVER_PID=$(pgrep -P "$1") && [[ $(process_state "$SERVER_PID") == [Tt] ]]
}

temporary_is_made() {
    TEMPORARY=$(find "$BATS_TEST_TMPDIR" -type s -name 'socket.*') && [ -n "$TEMPORARY" ]
}

@test "before it has its mode and its owner, nobody may connect to the socket" {
    umask 000
    start_stopped_at_bind --set socket_mode=0600
    wait_until temporary_is_made
    assert_equal "$(stat -c %a "$TEMPORARY")" 0
    [ ! -e "$SOCKET" ]
    kill -CONT "$SERVER_PID"
    wait_until server_is_ready_or_gone
    assert_equal "$(stat -c %a "$SOCKET")" 600
    kill -TERM "$SERVER_PID"
    wait_until test ! -e "$SOCKET"
}

# is_refused STATUS REASON ARGUMENT...
is_refused() {
    run "$PREFORKD" "${@:3}"
    assert_equal "$status" "$1"
    [[ ${output//\\\"/\"} == *"$2"* ]]
}

# configure SETTING: of the service.
configure() {
    CONFIG=$BATS_TEST_TMPDIR/preforkd.conf
    cat >"$CONFIG" <<END
services = { main = { listen = "unix:$SOCKET"  module = "echo"
    $1
} }
END
    chmod a+r "$CONFIG"
}

@test "an owner that does not exist is refused at the start and by -t, with file, line and key" {
    local what reason
    for what in user group; do
        configure "socket_$what = \"no-such\""
        reason="$CONFIG:2: services.main.socket_$what: there is no $what \"no-such\" on this system"
        is_refused 78 "$reason" -t -c "$CONFIG"
        is_refused 78 "$reason" -c "$CONFIG"
    done
    [ ! -e "$SOCKET" ]
}

@test "an owner whom somebody else than root cannot give the socket to is refused" {
    local reason
    configure 'socket_user = "daemon"'
    reason="$CONFIG:2: services.main.socket_user: only root can give a socket to \"daemon\"; expected it to be left out"
    if [ "$(id -u)" = 0 ]; then
        launch_with setpriv --reuid 65534 --regid 65534 --clear-groups
    fi
    is_refused 78 "$reason" -t -c "$CONFIG"
    is_refused 78 "$reason" -c "$CONFIG"
    configure 'socket_group = "daemon"'
    chmod 777 "$BATS_TEST_TMPDIR"
    is_refused 69 'cannot give it to socket_user and socket_group: Operation not permitted' -c "$CONFIG"
    run find "$BATS_TEST_TMPDIR" -type s
    assert_output ""
}

# spelled_socket SPELLING [SERVICE-SETTING]: the socket under that name, to be configured.
configure_socket() {
    configure <<END
workers = 1
${PID_FILE:+"pid_file = '$PID_FILE'"}
services = { main = { listen = "unix:$1" module = "${2:-echo}" } }
END
    sed -i "s/^\"\(.*\)\"$/\1/; s/'/\"/g" "$CONFIG"
}

# other_spelling_is_known: with or without PID_FILE.
other_spelling_is_known() {
    load lib/reload
    configure_socket "$SOCKET"
    server_start -c "$CONFIG"
    module_build refused -DINIT_FAILS # which shows when the listeners have been opened
    configure_socket "$BATS_TEST_TMPDIR//socket" "$MODULE"
    reload_fails '.*luck'
    assert_equal "$(asks "unix:$SOCKET" hello)" hello
    configure_socket "$BATS_TEST_TMPDIR//socket"
    reload_works
    assert_equal "$(asks "unix:$SOCKET" hello)" hello
}

@test "a socket that a reload spells in another way stays, whether that fails or not" {
    other_spelling_is_known
    server_stop
    PID_FILE=$BATS_TEST_TMPDIR/pid other_spelling_is_known
}

@test "a socket whose path was removed is made anew by a reload" {
    load lib/reload
    configure_socket "$SOCKET"
    server_start -c "$CONFIG"
    rm "$SOCKET"
    reload_works
    assert_equal "$(asks "unix:$SOCKET" hello)" hello
}

@test "a file that has taken the place of a socket fails the reload, and stays as it is" {
    load lib/reload
    configure_socket "$SOCKET"
    server_start -c "$CONFIG"
    rm "$SOCKET"
    echo precious >"$SOCKET"
    reload_fails '.*is no socket'
    assert_equal "$(<"$SOCKET")" precious
}
