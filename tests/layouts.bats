#!/usr/bin/env bats
# An upgrade to a program whose shared memory has another layout: it makes its own, and counts what
# workers of the former program still have there.
# shellcheck disable=SC2030,SC2031,SC2034 # each test is a subshell; PREFORKD: of lib/server

setup() {
    load lib/server
    load lib/client
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/admin
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    LARGER=$PREFORK_BUILD/tests/preforkd-larger
    [ -e "$LARGER" ] || skip "the program with another layout was not built"
}

teardown() {
    load_teardown
    server_teardown
}

upgrade_to_larger() {
    other_version "$LARGER"
    upgraded_to "$OTHER"
}

upgrade_to_original() {
    program_is "$ORIGINAL"
    upgraded_to "$VERSION"
}

# segments_are COUNT: the segments that the master has a descriptor of, two each.
segments_are() {
    local file count=0
    for file in /proc/"$SERVER_PID"/fd/*; do
        [[ $(readlink "$file") != "/memfd:preforkd (deleted)" ]] || count=$((count + 1))
    done
    [ "$count" -eq $((2 * $1)) ]
}

@test "R5: upgrades to a larger segment and back lose nothing under load" {
    upgrading_start
    load_start "$ADDRESS" --connections 20 --depth 3 --short 5
    upgrade_to_larger
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until segments_are 1
    upgrade_to_original
    wait_until server_has_logged 'msg=reloaded generation=3 '
    wait_until segments_are 1
    wait_until workers_are_settled 2
    load_finish
    load_lost_nothing 25
    load_says reconnected=0
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: max_connections is exact across two segments" {
    upgrading_start 'max_connections = 10'
    talk_start "$ADDRESS"
    talk_gives 10 fill
    talk begin 100
    hold_connections
    upgrade_to_larger
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until draining_count_is 2
    segments_are 2
    talk try
    [[ $TALK_SAID == @(eof|reset) ]]
    talk finish
    talk_gives "eof=10 missing=0" end
    wait_until segments_are 1
    talk_gives 10 fill
    talk_gives "alive=10 eof=10" ping
}

# admin_maps COUNT: the segments that the admin process has mapped.
admin_maps() {
    [ "$(grep -c 'memfd:preforkd' "/proc/$(admin_pid)/maps")" -eq "$1" ]
}

@test "R5: the admin process lets go of the former segment, too" {
    upgrading_start
    sed -i '1i admin = { listen = "127.0.0.1:0" }' "$CONFIG"
    reload_works
    talk_start "$ADDRESS"
    talk open 2
    talk begin 100
    hold_connections
    upgrade_to_larger
    wait_until server_has_logged 'msg=reloaded generation=3 '
    wait_until admin_maps 2
    assert_equal "$(get /readyz)" ready
    talk finish
    wait_until admin_maps 1
    assert_equal "$(get /readyz)" ready
}

@test "R5: max_connections is never exceeded by a crowd in upgrades to a larger segment and back" {
    local round pid
    upgrading_start 'max_connections = 40'
    client rush --signals HUP,TTIN,TTOU,TERM --kills 80 --freeze-each 5 --total 40 --limits 40 \
        --server "$SERVER_PID" "$ADDRESS" >"$BATS_TEST_TMPDIR/load-rush" 2>&1 3>&- &
    pid=$!
    LOAD_PIDS+=("$pid")
    for round in 1 2 3; do
        upgrade_to_larger
        wait_until segments_are 1
        upgrade_to_original
        wait_until segments_are 1
    done
    wait "$pid"
    refute server_has_logged 'worker died|reload failed'
}

@test "R5: a third layout has to wait for workers of the first; the second one has not" {
    upgrading_start
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    hold_connections
    upgrade_to_larger
    wait_until server_has_logged 'msg=reloaded generation=2 '
    program_is "$ORIGINAL"
    upgrade
    [[ $OUTCOME == *'msg="upgrade refused"'*'third layout of the shared memory'* ]]
    upgrade_to_larger
    wait_until server_has_logged 'msg=reloaded generation=3 '
    segments_are 2
    talk finish
    talk_gives "eof=4 missing=0" end
    wait_until segments_are 1
    upgrade_to_original
}

# failing_reload_start WATCHDOG-TIMEOUT: the reload that follows the upgrade fails, so that the workers go on in the
# former segment. 6 clients of 10.
failing_reload_start() {
    local file=$BATS_TEST_TMPDIR/stone
    open_tmpdir
    module_build refused -DINIT_FAILS_IF_PATH
    configure <<END_OF_FILE
workers = 2
max_connections = 10
watchdog_timeout = "$1"
services = {
    main = { listen = "127.0.0.1:0", module = "$MODULE", options = { path = "$file" } }
}
END_OF_FILE
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    configured_start
    wait_until workers_are_settled 2
    talk_start "$ADDRESS"
    talk open 6
    touch "$file"
    REAL=$LARGER passing_program passes
    upgraded_to "$VERSION"
    wait_until server_has_logged 'msg="reload failed"'
    wait_until generation_is 1 2
    segments_are 2
    rm "$file"
}

@test "R5: workers that go on in the former segment are watched, and replaced in the new one" {
    local one two
    failing_reload_start 1s
    one=$(worker_pid 1)
    two=$(worker_pid 2)
    kill -STOP "$one"
    wait_until worker_is_new 1 "$one"
    kill -KILL "$two"
    wait_until worker_is_new 2 "$two"
    wait_until segments_are 1
    wait_until workers_are_settled 2
    talk_gives "eof=6 missing=0" end
    talk_gives 10 fill
}

@test "R5: one that is replaced alone takes connections, too, and all of them count" {
    local one two
    failing_reload_start off
    one=$(worker_pid 1)
    two=$(worker_pid 2)
    kill -KILL "$one"
    wait_until worker_is_new 1 "$one"
    kill -STOP "$two"
    talk fill
    kill -CONT "$two"
    talk ping
    [[ $TALK_SAID =~ ^alive=10( |$) ]]
}
