#!/usr/bin/env bats
# The units that are installed, in a systemd that is booted in a container: the service is started,
# reloaded, upgraded, watched and stopped, in all that they take from it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/modules
    load lib/load
    load lib/reload
    load lib/upgrade
    load lib/systemd
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    container_install
    SERVER_LOG=$ROOT/var/log/preforkd/preforkd.log
    ln -s "$SERVER_LOG" "$BATS_TEST_TMPDIR/server-0.log"
    SOCKET=/proc/$LEADER/root/run/preforkd/main.sock
    ADDRESS=unix:$SOCKET
    LISTEN='"unix:/run/preforkd/main.sock"'
    cp "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)" "$SRV"
    unit_changes
}

teardown() {
    load_teardown
    container_teardown
    server_teardown
}

# configure_service [SETTING [SETTING-OF-THE-SERVICE]]
configure_service() {
    configure <<END
user = "preforkd"
workers = 2
control_socket = "/run/preforkd/control.sock"
log = { target = "/var/log/preforkd/preforkd.log" }
admin = { listen = [] }
${1:-}
services = { main = { listen = [ $LISTEN ], module = "echo", ${2:-} } }
END
}

reloads() {
    inside systemctl reload preforkd
    wait_until server_has_logged "msg=reloaded generation=$1 "
    wait_until workers_are_settled 2
}

status_says() {
    inside systemctl status --no-pager preforkd | grep -Eq "^ *Status: \"$1\"$"
}

is_answered() {
    [ "$(asks "$ADDRESS" hello)" = hello ]
}

# users: who the processes of the service run as.
users() {
    ps -o uid= -p "$(pgrep -d , -P "$LEADER" -f '^preforkd: '),$(pgrep -d , -P "$SERVER_PID")" |
        sort -u | tr -d ' '
}

@test "the service is active when it is ready, serves, says how it is, and stops in order" {
    configure_service
    unit_start
    is_answered
    wait_until status_says '2 workers, generation 1'
    assert_equal "$(users)" "$(awk -F : '$1 == "preforkd" { print $3 }' "$ROOT/etc/passwd")"
    talk_start "$ADDRESS"
    talk open 6
    talk begin 100
    inside systemctl stop --no-block preforkd
    wait_until server_has_logged msg=draining
    unit_property_is ActiveState deactivating
    wait_until status_says draining
    talk finish
    talk_gives "eof=6 missing=0" end
    wait_until unit_property_is ActiveState inactive
    unit_property_is Result success
    refute server_has_logged 'level=(warn|error)'
}

@test "the service is not active before its workers are ready" {
    versioned_build one
    cp "$MODULE" "$SRV"
    touch "$SRV/wait"
    configure_service
    sed -i 's|module = "echo"|module = "/srv/versioned.so", options = { wait = "/srv/wait" }|' "$CONFIG"
    inside systemctl start --no-block preforkd
    wait_until status_says starting
    unit_property_is ActiveState activating
    rm "$SRV/wait"
    wait_until unit_property_is ActiveState active
    server_has_logged msg=ready
}

@test "a configuration that is wrong is not tried again, and the status says what is wrong" {
    configure_service 'wokers = 2'
    run inside systemctl start preforkd
    assert_failure
    unit_property_is ActiveState failed
    unit_property_is ExecMainStatus 78
    unit_property_is NRestarts 0
}

@test "a reload by systemctl moves clients and nobody notices, a failed one is in the status" {
    configure_service
    unit_start
    talk_start "$ADDRESS"
    talk open 6
    talk begin 100
    reloads 2
    talk finish
    talk_gives "answered=12 missing=0" replies
    unit_is_unmoved
    configure_service 'wokers = 2'
    inside systemctl reload preforkd || :
    wait_until status_says '2 workers, generation 2; the last reload failed: .*wokers: unknown key.*'
    unit_is_unmoved
    configure_service
    reloads 3
    wait_until status_says '2 workers, generation 3'
    talk_gives "alive=6" ping
    unit_is_unmoved
}

@test "an upgrade keeps the main process, and clients and systemd notice nothing" {
    configure_service
    unit_start
    talk_start "$ADDRESS"
    talk open 6
    talk begin 100
    other_version
    inside systemctl kill --kill-whom=main --signal=USR2 preforkd
    wait_until server_has_logged "msg=upgraded pid=$MAIN_PID version=$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    talk finish
    talk_gives "answered=12 missing=0" replies
    wait_until status_says '2 workers, generation 2'
    unit_is_unmoved
    reloads 3
    unit_is_unmoved
    talk_gives "alive=6" ping
}

restarted() {
    unit_property_is NRestarts 1 && unit_property_is ActiveState active
}

@test "M6: a master that stands still is replaced by systemd" {
    # Without control groups of version 2, the end of the last process may go unnoticed.
    unit_changes WatchdogSec=1s RestartSec=0 TimeoutStopSec=1s
    configure_service
    unit_start
    kill -STOP "$SERVER_PID"
    wait_until restarted
    is_answered
}

@test "a worker that stands still leaves a core where its user can write" {
    [[ $(</proc/sys/kernel/core_pattern) == core ]] || skip "cores go elsewhere here"
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "sanitizers leave no cores"
    configure_service 'watchdog_timeout = "1s"'
    unit_start
    kill -STOP "$(worker_pid 1)"
    wait_until server_has_logged 'msg="worker died" .*ABRT, core dumped'
    [ -n "$(find "$ROOT/var/lib/preforkd" -name 'core*')" ]
    wait_until workers_are_settled 2
    is_answered
    unit_is_unmoved
}

@test "the service can bind low ports, and have workers below chroot" {
    mkdir "$ROOT/var/jail"
    LISTEN+=', "127.0.0.1:7"'
    configure_service 'chroot = "/var/jail"'
    unit_start
    assert_equal "$(inside "$(make_variable bindir)/preforkcat" 127.0.0.1:7 hello)" hello
    [[ $(readlink "/proc/$(worker_pid 1)/root") == */var/jail ]]
    reloads 2
    other_version
    inside systemctl kill --kill-whom=main --signal=USR2 preforkd
    wait_until server_has_logged 'msg=reloaded generation=3 '
    assert_equal "$(inside "$(make_variable bindir)/preforkcat" 127.0.0.1:7 hello)" hello
    refute server_has_logged 'level=(warn|error)'
}

@test "with the changes that preforkd(8) names the master is root, and workers are not" {
    local changes
    mapfile -t changes < <(awk '/^\[Service\]$/ { inside = 1; next } /^\.Ed$/ { inside = 0 } inside' \
        "$PREFORK_SOURCE/man/preforkd.8.in")
    unit_changes "${changes[@]}"
    chown -R root:root "$ROOT/var/log/preforkd"
    mkdir "$ROOT/var/jail"
    configure_service 'chroot = "/var/jail"' 'socket_user = "nobody"'
    unit_start
    is_answered
    assert_equal "$(stat -c %U "$SOCKET")" nobody
    assert_equal "$(ps -o uid= -p "$SERVER_PID" | tr -d ' ')" 0
    [ "$(ps -o uid= -p "$(worker_pid 1)" | tr -d ' ')" != 0 ]
    reloads 2
    other_version
    inside systemctl kill --kill-whom=main --signal=USR2 preforkd
    wait_until server_has_logged 'msg=reloaded generation=3 '
    is_answered
    refute server_has_logged 'level=(warn|error)'
}

# socket_listens ADDRESS...: preforkd.socket does, there alone.
socket_listens() {
    mkdir -p "$ROOT/etc/systemd/system/preforkd.socket.d"
    {
        printf '[Socket]\nListenStream=\n'
        printf 'ListenStream=%s\n' "$@"
    } >"$ROOT/etc/systemd/system/preforkd.socket.d/test.conf"
    inside systemctl daemon-reload
    inside systemctl start preforkd.socket
}

@test "D3: preforkd.socket starts the service for the first client, and keeps those of a restart" {
    local number
    configure_service
    socket_listens /run/preforkd/main.sock
    unit_property_is ActiveState inactive
    is_answered
    unit_property_is ActiveState active
    for number in 1 2 3; do
        inside systemctl restart --no-block preforkd
        is_answered
    done
    wait_until unit_property_is ActiveState active
    inside systemctl stop preforkd.service
    [ -S "$SOCKET" ]
    is_answered
}

@test "preforkd.socket as it is installed agrees with the configuration that is" {
    inside systemctl start preforkd.socket
    assert_equal "$(inside "$(make_variable bindir)/preforkcat" 127.0.0.1:9000 hello)" hello
    inside systemctl is-active preforkd.service
}

@test "an address of preforkd.socket that the configuration does not name is an error" {
    configure_service
    socket_listens 127.0.0.1:9009
    run inside systemctl start preforkd.service
    assert_failure
    unit_property_is ExecMainStatus 78
    server_has_logged 'it listens on 127.0.0.1:9009, which the configuration does not name'
}

# rotates: all processes write to a new file after `logrotate --force`.
rotates() {
    inside logrotate --force --state "/run/rotated-$1" /etc/logrotate.d/preforkd
    assert [ -s "$SERVER_LOG.1" ]
    wait_until server_has_logged 'msg="log opened anew"'
    wait_until is_answered
}

@test "what is installed for logrotate has the log rotated, with and without a pid file" {
    PATH=$PATH:/usr/sbin command -v logrotate || skip "no logrotate"
    configure_service 'pid_file = "/run/preforkd/preforkd.pid"'
    unit_start
    rotates 1
    inside systemctl stop preforkd
    rm "$SERVER_LOG.1"
    configure_service
    unit_start
    rotates 2
}
