#!/usr/bin/env bats
# Listening sockets that a service manager has bound (LISTEN_FDS, sd_listen_fds(3)) are served, stay
# the manager's, and have to be ones that the configuration names.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/client
    load lib/modules
    load lib/reload
    load lib/upgrade
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    MANAGER=
    SOCKET=$BATS_TEST_TMPDIR/main.sock
    SERVER_LOG=$BATS_TEST_TMPDIR/server-lent.log
}

teardown() {
    [ -z "$MANAGER" ] || kill -KILL "$MANAGER" 2>/dev/null || :
    server_teardown
}

# lend KIND... -- ARGUMENT...: a server with these sockets, without waiting for it; see
# lib/activate.py, which fills in their addresses.
lend() {
    local kinds=()
    while [ "$1" != -- ]; do
        kinds+=("$1")
        shift
    done
    rm -f "$BATS_TEST_TMPDIR/pid"
    : >"$SERVER_LOG"
    FILL=$CONFIG "$PYTHON" "$LIB/activate.py" "$BATS_TEST_TMPDIR" "${kinds[@]}" -- \
        "$PREFORKD" "${@:2}" </dev/null >>"$SERVER_LOG" 2>&1 3>&- &
    MANAGER=$!
    wait_until test -s "$BATS_TEST_TMPDIR/pid"
    SERVER_PID=$(<"$BATS_TEST_TMPDIR/pid")
    SERVER_PIDS+=("$SERVER_PID")
}

# lend_started KIND... -- ARGUMENT...: the same, and waits until it is ready.
lend_started() {
    lend "$@"
    wait_until server_is_ready_or_gone
    server_has_logged msg=ready
}

# lent NUMBER: where that socket listens.
lent() {
    sed -n "$1p" "$BATS_TEST_TMPDIR/addresses"
}

# lent_fails EXTENDED-REGULAR-EXPRESSION KIND... -- ARGUMENT...: no server can start so.
lent_fails() {
    local status=0
    lend "${@:2}"
    wait_until process_is_gone "$MANAGER"
    wait "$MANAGER" || status=$?
    MANAGER=
    assert_equal "$status" 78
    server_has_logged "$1"
}

another_is_there() {
    local pid
    pid=$(<"$BATS_TEST_TMPDIR/pid") && [ -n "$pid" ] && [ "$pid" != "$SERVER_PID" ]
}

# next_server: the one that the manager starts in the place of the last; sets SERVER_PID.
next_server() {
    wait_until another_is_there
    SERVER_PID=$(<"$BATS_TEST_TMPDIR/pid")
    SERVER_PIDS+=("$SERVER_PID")
}

# say_later ADDRESS: a client that connects now, and may have to wait for its answer.
say_later() {
    SAID=$BATS_TEST_TMPDIR/said
    asks "$1" hello >"$SAID" 3>&- &
    CLIENT=$!
}

was_answered() {
    wait "$CLIENT"
    assert_equal "$(<"$SAID")" hello
}

# is_queued PATH: whether somebody has connected to the unix socket and was not accepted.
is_queued() {
    [ "$(ss -Hlx src "$1" | awk '{ print $3 }')" = 1 ]
}

# echo_at ADDRESS...: a configuration of one service.
echo_at() {
    local list
    list=$(printf ', "%s"' "$@")
    configure <<<"workers = 2, services = { main = { listen = [ ${list#, } ], module = \"echo\" $MORE } }"
}
MORE=

@test "sockets of IPv4, IPv6 and a path are served, each for the entry that names its address" {
    local number
    configure <<END
workers = 2
services = {
    one = { listen = [ "@1@", "unix:$SOCKET" ], module = "echo", options = { tag = true } }
    two = { listen = "@3@", module = "echo" }
}
END
    lend_started tcp "unix:$SOCKET" tcp6 -- -c "$CONFIG"
    server_has_logged 'msg="the service manager has bound listeners" count=3'
    for number in 1 2; do
        run "$PREFORKCAT" "$(lent "$number")" hello
        assert_output --regexp '^worker-[12]:hello$'
    done
    run "$PREFORKCAT" "$(lent 3)" hello
    assert_output hello
    run descriptors "$SERVER_PID"
    assert_equal "$(grep -c '^\(tcp\|unix\) listener, close-on-exec$' <<<"$output")" 3
}

@test "what is lent to one entry leaves the others to be bound" {
    lend_started tcp -- --listen @1@ --listen 127.0.0.1:0 --module echo
    run server_addresses main
    assert_equal "${#lines[@]}" 2
    assert_equal "${lines[0]}" "$(lent 1)"
    assert_equal "$(asks "${lines[0]}" hello)" hello
    assert_equal "$(asks "${lines[1]}" hello)" hello
}

@test "the admin process can have a socket that is lent" {
    configure <<END
admin = { listen = "@2@" }
services = { main = { listen = "@1@", module = "echo" } }
END
    lend_started tcp tcp -- -c "$CONFIG"
    run curl -sS -f -m "$PATIENCE" "http://$(lent 2)/readyz"
    assert_success
}

@test "a socket whose address the configuration does not name is an error that names both" {
    lent_fails 'reason="descriptor 4 of LISTEN_FDS, \\"tcp-socket\\": it listens on 127.0.0.1:[0-9]+, which the configuration does not name' \
        tcp tcp -- --listen @1@ --module echo
}

@test "what does not listen for connections is an error that says what would" {
    lent_fails 'descriptor 3 of LISTEN_FDS, .*expected ListenStream=' datagram -- \
        --listen @1@ --module echo
    lent_fails 'descriptor 3 of LISTEN_FDS, .*expected ListenStream=' file -- \
        --listen 127.0.0.1:0 --module echo
}

@test "a socket for IPv6 that takes clients of IPv4, too, is an error" {
    lent_fails 'descriptor 3 of LISTEN_FDS, .*it takes clients of IPv4, too: expected BindIPv6Only=ipv6-only' \
        both -- --listen @1@ --module echo
}

@test "two sockets for one address are an error" {
    lent_fails 'descriptor 4 of LISTEN_FDS, .*another one listens on the same address' \
        tcp again -- --listen @1@ --module echo
}

@test "reuse_port and a socket that is lent exclude each other, at the start and at a reload" {
    lent_fails 'reuse_port.*expected false' tcp -- --listen @1@ --module echo --set reuse_port=true
    echo_at @1@
    lend_started tcp -- -c "$CONFIG"
    MORE=', reuse_port = true'
    echo_at "$(lent 1)"
    reload_fails '.*services.main.reuse_port: the service manager has bound it.*expected false'
    assert_equal "$(asks "$(lent 1)" hello)" hello
}

@test "variables that make no sense are an error" {
    export LISTEN_FDS=many
    lent_fails 'LISTEN_FDS is "many": expected a number of descriptors' tcp -- \
        --listen @1@ --module echo
    export LISTEN_FDS=2 LISTEN_FDNAMES=
    lent_fails 'descriptor 4 of LISTEN_FDS: it cannot be used: Bad file descriptor' tcp -- \
        --listen @1@ --module echo
}

@test "what is meant for another process is left alone" {
    export LISTEN_PID=1
    lend_started tcp -- --listen 127.0.0.1:0 --module echo
    refute server_has_logged 'service manager'
    assert_equal "$(asks "$(server_address)" hello)" hello
    assert_equal "$(descriptors "$SERVER_PID" | grep -c 'tcp listener')" 1
}

@test "neither modules nor a new program find the variables, and that one goes on with the sockets" {
    local variable
    module_build environment
    open_tmpdir
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    lend_started "unix:$SOCKET" -- --listen @1@ --module "$MODULE" --set workers=2
    wait_until workers_are_settled 2
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    for variable in LISTEN_PID LISTEN_FDS LISTEN_FDNAMES; do
        assert_equal "$(asks "$(lent 1)" "$variable")" unset
    done
    kill -TERM "$SERVER_PID"
    next_server
    assert_equal "$(asks "$(lent 1)" LISTEN_FDS)" unset
}

@test "the path of a socket that is lent, and who may connect, stay as they are" {
    local inode
    echo_at @1@
    lend_started "unix:$SOCKET" -- -c "$CONFIG"
    chmod 751 "$SOCKET"
    inode=$(stat -c %i "$SOCKET")
    reload_works
    MORE=', socket_mode = "0640"'
    echo_at "unix:$SOCKET"
    reload_works
    touch "$BATS_TEST_TMPDIR/pause"
    kill -TERM "$SERVER_PID"
    wait_until server_is_gone
    assert_equal "$(stat -c %i:%a "$SOCKET")" "$inode:751"
}

# waits_for_the_next SIGNAL: who connects while there is no server is served by the next one.
waits_for_the_next() {
    touch "$BATS_TEST_TMPDIR/pause"
    mapfile -t ORPHANS < <(worker_pids)
    kill -s "$1" "$SERVER_PID"
    wait_until process_is_gone "$SERVER_PID"
    wait_until orphans_are_gone
    say_later "$(lent 1)"
    rm "$BATS_TEST_TMPDIR/pause"
    next_server
    was_answered
}

@test "D3: who connects while one server has ended and the next has not begun is served by that" {
    local kind
    for kind in tcp tcp6 local6 "unix:$SOCKET"; do
        lend_started "$kind" -- --listen @1@ --module echo --set workers=2
        waits_for_the_next TERM
        waits_for_the_next QUIT
        waits_for_the_next KILL
        kill -KILL "$MANAGER"
        kill -TERM "$SERVER_PID"
        wait_until process_is_gone "$SERVER_PID"
    done
}

@test "D3: who waits in the queue when the server ends is left to the next one" {
    local worker
    lend_started "unix:$SOCKET" -- --listen @1@ --module echo --set workers=1
    worker=$(worker_pid 1)
    stop_process "$worker"
    say_later "$(lent 1)"
    wait_until is_queued "$SOCKET"
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged msg=draining
    kill -CONT "$worker"
    next_server
    was_answered
}

@test "an address that a reload takes out is kept for one that puts it in again, and who waits is served" {
    echo_at 127.0.0.1:0 @1@
    lend_started "unix:$SOCKET" -- -c "$CONFIG"
    echo_at 127.0.0.1:0
    reload_works
    server_has_logged "level=warn .*msg=\"nobody serves a listener of the service manager: who connects waits\" address=unix:$SOCKET"
    say_later "$(lent 1)"
    wait_until is_queued "$SOCKET"
    echo_at 127.0.0.1:0 "unix:$SOCKET"
    reload_works
    was_answered
}

@test "with --daemon the sockets go to the background, too" {
    local pid=$BATS_TEST_TMPDIR/daemon.pid log=$BATS_TEST_TMPDIR/server-daemon.log
    lend "unix:$SOCKET" -- --daemon --listen @1@ --module echo --set "pid_file=$pid" \
        --set "log.target=$log"
    touch "$BATS_TEST_TMPDIR/pause"
    wait_until test -s "$pid"
    SERVER_PIDS+=("$(<"$pid")")
    assert_equal "$(asks "unix:$SOCKET" hello)" hello
}

@test "under systemd-socket-activate the first client starts the server, and is served" {
    command -v systemd-socket-activate >/dev/null || skip "no systemd-socket-activate"
    systemd-socket-activate --listen="$SOCKET" --fdname=main "$PREFORKD" --listen "unix:$SOCKET" \
        --module echo --set workers=2 </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until test -S "$SOCKET"
    refute server_has_logged msg=ready
    assert_equal "$(asks "unix:$SOCKET" hello)" hello
    server_stop
    assert_equal "$SERVER_STATUS" 0
    [ -S "$SOCKET" ]
}
