#!/usr/bin/env bats
# A service manager that wants to hear (NOTIFY_SOCKET, sd_notify(3)) is told when the server is
# ready, reloads and ends, in which state it is, and that it is alive; by the master alone, which
# never waits for that.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/notify
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
}

teardown() {
    server_teardown
    notify_teardown
}

# configured_by SETTING...: a server with two workers and these settings.
configured_by() {
    configure <<END_OF_FILE
workers = 2
$*
services = { main = { listen = "127.0.0.1:0", module = "echo" } }
END_OF_FILE
}

# upgradable_start: a server whose program is $PROGRAM, with a watchdog.
upgradable_start() {
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    watchdog_by 1
    server_start --listen 127.0.0.1:0 --set workers=2 \
        --module "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
}

states_are() {
    [ "$(told_states)" = "$1 " ]
}

@test "while the server starts, the manager is told how long it may take" {
    notify_start
    echo_start --set start_timeout=200s
    was_told 'EXTEND_TIMEOUT_USEC=405000000'
}

@test "the server says READY when its workers are ready, and not before" {
    notify_start
    versioned_build one
    touch "$BATS_TEST_TMPDIR/wait"
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 \
        --option "wait=$BATS_TEST_TMPDIR/wait"
    wait_until was_told STATUS=starting
    wait_until worker_count_is 2
    told_count_is 0 READY=1
    rm "$BATS_TEST_TMPDIR/wait"
    wait_until was_told READY=1
    wait_until was_told 'STATUS=2 workers, generation 1'
    told_count_is 0 'MAINPID=.*'
}

@test "a reload is told with the time of its begin, and its end" {
    local before after at
    notify_start
    configured_by
    configured_start
    before=$("$PYTHON" -c 'import time; print(time.monotonic_ns() // 1000)')
    reload_works
    wait_until states_are 'READY=1 RELOADING=1 READY=1'
    after=$("$PYTHON" -c 'import time; print(time.monotonic_ns() // 1000)')
    at=$(grep -Eo 'RELOADING=1\|MONOTONIC_USEC=[0-9]+$' "$TOLD")
    ((before <= ${at##*=} && ${at##*=} <= after))
    wait_until was_told 'STATUS=2 workers, generation 2'
}

@test "a reload that fails is over, too, and the status says why, in one line, until one works" {
    notify_start
    configured_by
    configured_start
    configured_by 'log = { level = "a\nMAINPID=1" }'
    reload_fails ''
    wait_until states_are 'READY=1 RELOADING=1 READY=1'
    wait_until was_told 'STATUS=2 workers, generation 1; the last reload failed: .*log.level: .*a\?MAINPID=1.*'
    told_count_is 0 MAINPID=1
    configured_by
    reload_works
    wait_until was_told 'STATUS=2 workers, generation 2'
}

@test "a reload that takes over settings alone is told, too" {
    notify_start
    configured_by
    configured_start
    configured_by 'log = { level = "debug" }'
    reload_works
    wait_until states_are 'READY=1 RELOADING=1 READY=1'
}

@test "the status says how many workers serve" {
    notify_start
    echo_start --set workers=2
    kill -TTIN "$SERVER_PID"
    wait_until was_told 'STATUS=3 workers, generation 1'
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged 'msg="worker died"'
    kill -KILL "$(worker_pid 2)"
    wait_until server_has_logged 'msg="worker died" worker=2'
    wait_until workers_are_settled 3
    kill -TTOU "$SERVER_PID"
    wait_until was_told 'STATUS=2 workers, generation 1'
}

@test "a server that ends says so, and how long that may take" {
    notify_start
    echo_start --set drain_timeout=7s
    server_stop
    assert_equal "$SERVER_STATUS" 0
    was_told 'STOPPING=1\|EXTEND_TIMEOUT_USEC=12000000'
    states_are 'READY=1 STOPPING=1'
}

@test "a server that stops at once says so" {
    notify_start
    echo_start
    server_stop QUIT
    states_are 'READY=1 STOPPING=1'
}

@test "a server that cannot start says why" {
    notify_start
    echo_start
    server_spawn --listen "$ADDRESS" --module echo --set start_timeout=1ms
    server_wait
    assert_equal "$SERVER_STATUS" 69
    was_told 'STATUS=cannot start: .*cannot listen on "'"$ADDRESS"'".*'
    [[ $(told_states) == "READY=1 "* ]]
}

@test "WATCHDOG=1 comes twice in its time, while the server drains, too" {
    local begin count
    notify_start
    watchdog_by 1
    echo_start
    begin=$EPOCHREALTIME
    count=$(told_count WATCHDOG=1)
    wait_until told_at_least $((count + 4)) WATCHDOG=1
    # At least four intervals but the one that was under way; how long they take is not said.
    [ "$(bc <<<"$EPOCHREALTIME - $begin > 1.4")" = 1 ]
    exec {client}<>"/dev/tcp/${ADDRESS/:/\/}"
    printf '\0\0' >&"$client"
    kill -TERM "$SERVER_PID"
    wait_until was_told STOPPING=1
    count=$(told_count WATCHDOG=1)
    wait_until told_at_least $((count + 2)) WATCHDOG=1
    exec {client}>&-
    server_wait
}

@test "WATCHDOG=1 is for the process that WATCHDOG_PID names" {
    notify_start
    export WATCHDOG_USEC=200000 WATCHDOG_PID=1
    echo_start
    kill -TTIN "$SERVER_PID"
    wait_until was_told 'STATUS=2 workers.*'
    server_stop
    told_count_is 0 WATCHDOG=1
}

@test "a name in the abstract namespace is heard" {
    notify_start "@preforkd-test-$BASHPID"
    echo_start
    wait_until was_told READY=1
}

@test "after an upgrade the same process says READY, reloads, and goes on being alive" {
    local count
    notify_start
    upgradable_start
    other_version
    upgraded_to "$OTHER"
    wait_until states_are 'READY=1 READY=1 RELOADING=1 READY=1'
    count=$(told_count WATCHDOG=1)
    wait_until told_at_least $((count + 2)) WATCHDOG=1
    server_stop
    assert_equal "$(cut -d ' ' -f 1 "$TOLD" | sort -u)" "$(printf '%s\nbound' "$SERVER_PID")"
}

@test "an upgrade that is refused, or given back, says nothing wrong" {
    notify_start
    upgradable_start
    program_is /bin/false
    upgrade
    [[ $OUTCOME == *refused* ]]
    states_are READY=1
    build_fails
    passing_program half "$FAILING"
    upgrade
    [[ $OUTCOME == *"the former program goes on"* ]]
    wait_until states_are 'READY=1 READY=1'
}

@test "modules do not find the manager in their environment" {
    local variable
    notify_start
    module_build environment
    open_tmpdir
    watchdog_by 1
    server_start --listen 127.0.0.1:0 --module "$MODULE"
    ADDRESS=$(server_address)
    for variable in NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID; do
        assert_equal "$("$PREFORKCAT" "$ADDRESS" "$variable")" unset
    done
    assert_equal "$("$PREFORKCAT" "$ADDRESS" PATH)" "$PATH"
}

@test "the check of a new program does not find the manager in its environment" {
    notify_start
    upgradable_start
    c_program env "-DTO=\"$BATS_TEST_TMPDIR/environment\"" <<'END'
#include <stdlib.h>
int main(void) { return system("env >" TO) ? 1 : 2; }
END
    upgrade
    run cat "$BATS_TEST_TMPDIR/environment"
    assert_output --partial PATH=
    refute_output --regexp '(NOTIFY_SOCKET|WATCHDOG_)'
}

@test "with --daemon the server names its process, and is the one to be alive" {
    notify_start
    watchdog_by 1
    configured_by "pid_file = \"$BATS_TEST_TMPDIR/pid\" log = { target = \"$BATS_TEST_TMPDIR/server-d.log\" }"
    "$PREFORKD" --daemon -c "$CONFIG" 3>&-
    SERVER_PID=$(<"$BATS_TEST_TMPDIR/pid")
    SERVER_PIDS+=("$SERVER_PID")
    wait_until was_told "READY=1\\|MAINPID=$SERVER_PID"
    wait_until was_told WATCHDOG=1
}

@test "M5: a manager that takes nothing holds up nothing, and hears the last state as soon as it does" {
    notify_start
    touch "$HOLD"
    configured_by
    watchdog_by 1
    configured_start
    for _ in {1..20}; do
        reload_works
    done
    run "$PREFORKCAT" "$(server_address)" hello
    assert_output hello
    rm "$HOLD"
    wait_until was_told 'STATUS=2 workers, generation 21'
    [[ $(told_states) == *"READY=1 " ]]
    refute server_has_logged 'level=(warn|error)'
}

@test "M5: a manager that is gone is said once, and is nothing else to the server" {
    export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/nobody
    echo_start
    wait_until server_has_logged 'level=warn .*msg="the service manager does not hear" error="No such file or directory"'
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    server_stop
    assert_equal "$(grep -c 'service manager' "$SERVER_LOG")" 1
    assert_equal "$SERVER_STATUS" 0
}

@test "a NOTIFY_SOCKET that names nothing is said, with what would be right" {
    export NOTIFY_SOCKET=vsock:2:1234
    echo_start
    server_has_logged 'msg="the service manager does not hear" error=".*vsock:2:1234.*expected a path, or a name that begins with @'
}

@test "without a service manager no message is sent, and the log says nothing of it" {
    unset NOTIFY_SOCKET
    echo_start
    server_stop
    refute server_has_logged 'service manager'
}
