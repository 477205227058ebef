#!/usr/bin/env bats
# preforkd as a service of a systemd, booted in a container: it is upgraded, reloaded and stopped by
# systemctl, neither clients nor systemd notice, and the main process is the same.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/reload
    load lib/upgrade
    load lib/systemd
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    container_setup
    PROGRAM=$SRV/preforkd
    CONFIG=$SRV/preforkd.conf
    SERVER_LOG=$SRV/preforkd.log
    ln -s "$SERVER_LOG" "$BATS_TEST_TMPDIR/server-0.log"
    ADDRESS=unix:$SRV/main.sock
    program_is "$ORIGINAL"
    cp "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)" "$SRV"
}

teardown() {
    load_teardown
    container_teardown
    server_teardown
}

# service_start SETTING-OF-THE-CONFIGURATION SETTING-OF-THE-UNIT...: with 6 clients.
service_start() {
    configure <<END
workers = 2
$1
services = { main = { listen = "unix:/srv/main.sock", module = "/srv/echo.so" } }
END
    unit "${@:2}" 'ExecReload=kill -HUP $MAINPID' Restart=on-failure
    unit_start
    talk_start "$ADDRESS"
    talk open 6
}

foreground_start() {
    service_start 'log = { target = "stderr" }' Type=exec 'StandardError=append:/srv/preforkd.log' \
        'ExecStart=/srv/preforkd -c /srv/preforkd.conf' "$@"
}

daemon_start() {
    service_start 'log = { target = "/srv/preforkd.log" } pid_file = "/run/preforkd.pid"' \
        Type=forking PIDFile=/run/preforkd.pid \
        'ExecStart=/srv/preforkd --daemon -c /srv/preforkd.conf' "$@"
}

# upgrade_by_systemctl OPTION...: to the file that is the program now; sets OUTCOME.
upgrade_by_systemctl() {
    local before
    before=$(upgrade_outcomes | wc -l)
    inside systemctl kill --signal=USR2 "$@" preforkd
    wait_until upgrade_count_is $((before + 1))
    OUTCOME=$(upgrade_outcomes | tail -n 1)
}

# upgrades_there_and_back: clients with messages cut in the middle, and systemd, notice nothing of an
# upgrade to another version and of one back.
upgrades_there_and_back() {
    talk begin 100
    other_version
    upgrade_by_systemctl --kill-whom=main
    [[ $OUTCOME == *"msg=upgraded pid=$MAIN_PID version=$OTHER" ]]
    wait_until server_has_logged 'msg=reloaded generation=2 '
    talk finish
    talk_gives "answered=12 missing=0" replies
    unit_is_unmoved
    program_is "$ORIGINAL"
    upgrade_by_systemctl --kill-whom=all
    [[ $OUTCOME == *"msg=upgraded pid=$MAIN_PID version=$VERSION" ]]
    wait_until server_has_logged 'msg=reloaded generation=3 '
    talk_gives "alive=6" ping
    wait_until workers_are_settled 2
    unit_is_unmoved
    run asks "$ADDRESS" hello
    assert_output hello
}

# reloads: the unit is reloaded, and neither clients nor systemd notice anything else.
reloads() {
    talk begin 100
    inside systemctl reload preforkd
    wait_until server_has_logged "msg=reloaded generation=$1 "
    talk finish
    talk_gives "alive=6" ping
    wait_until workers_are_settled 2
    unit_is_unmoved
}

# stops_in_order: all that clients have begun is answered, and systemd takes it for a good end.
stops_in_order() {
    talk begin 100
    inside systemctl stop --no-block preforkd
    wait_until server_has_logged 'msg=draining'
    unit_property_is ActiveState deactivating
    talk finish
    talk_gives "eof=6 missing=0" end
    wait_until unit_property_is ActiveState inactive
    unit_property_is Result success
    unit_property_is ExecMainStatus 0
    server_has_logged 'msg=stopped .*cut=0'
    [ ! -e "$SRV/main.sock" ]
}

@test "R5: under systemd, the main process of a service in the foreground stays when it is upgraded" {
    foreground_start
    upgrades_there_and_back
    reloads 4
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: under systemd, the main process of a daemon with a pid file stays when it is upgraded" {
    daemon_start
    upgrades_there_and_back
    assert_equal "$(inside cat /run/preforkd.pid)" "$MAIN_PID"
    reloads 4
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: under systemd, an upgrade that is refused, or given back, is nothing to it" {
    daemon_start
    program_is /bin/false
    upgrade_by_systemctl --kill-whom=main
    [[ $OUTCOME == *'msg="upgrade refused"'* ]]
    talk_gives "alive=6" ping
    unit_is_unmoved
    build_fails
    cp "$BATS_TEST_TMPDIR/fails.so" "$SRV"
    cp "$ORIGINAL" "$SRV/original"
    REAL=/srv/original FAILS=/srv/fails.so passing_program half "$FAILING"
    upgrade_by_systemctl --kill-whom=main
    [[ $OUTCOME == *'msg="upgrade failed: the former program goes on"'* ]]
    talk_gives "alive=6" ping
    unit_is_unmoved
}

@test "D1: under systemd, a service that was upgraded ends in order" {
    foreground_start
    other_version
    upgrade_by_systemctl --kill-whom=main
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until workers_are_settled 2
    stops_in_order
}

@test "D1: under systemd, a daemon ends in order, although TERM goes to its workers, too" {
    daemon_start
    stops_in_order
    [ ! -e "$ROOT/run/preforkd.pid" ]
}
