#!/usr/bin/env bats
# The manifest in doc/ is in order, and what it says is so where preforkd is process 1 of a process
# and a network namespace of its own, as the manifest's user, without any capability.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/upgrade
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    "$PYTHON" -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
    CONTAINER=
    LEADER=
}

teardown() {
    load_teardown
    [ -z "$LEADER" ] || kill -KILL "$LEADER" 2>/dev/null || :
    server_teardown
}

manifest() {
    "$PYTHON" "$LIB/manifest.py" "$PREFORK_SOURCE/doc/kubernetes.yaml" "$@"
}

# within COMMAND...: in the namespaces of the container.
within() {
    timeout "$PATIENCE" nsenter --target "$LEADER" --pid --mount --net "$@" 3>&-
}

probe() {
    within curl -s -o /dev/null -w '%{http_code}' -m 1 "http://127.0.0.1:$(manifest port admin)$1"
}

probe_gives() {
    [ "$(probe "$1")" = "$2" ]
}

leader_is_there() {
    LEADER=$(pgrep -P "$CONTAINER" -f '^preforkd: master ')
}

# container_start: the command of the manifest, with its configuration.
container_start() {
    local command user config=$BATS_TEST_TMPDIR/preforkd.conf
    [ "$(id -u)" = 0 ] || skip "only root can make the namespaces"
    mapfile -t command < <(manifest command)
    assert_equal "${command[*]}" "/usr/local/sbin/preforkd -c /etc/preforkd/preforkd.conf"
    manifest configuration >"$config"
    # Where modules are found, in a build tree.
    sed -i "s|\"echo\"|\"$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)\"|" "$config"
    user=$(manifest user)
    program_is "$ORIGINAL"
    open_tmpdir
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    # shellcheck disable=SC2016 # for that shell
    unshare --net --mount --pid --fork --mount-proc sh -c 'ip link set lo up && exec "$@"' sh \
        setpriv --reuid "$user" --regid "$user" --clear-groups --bounding-set -all \
        --no-new-privs "$PROGRAM" -c "$config" </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    CONTAINER=$!
    wait_until leader_is_there
    SERVER_PID=$LEADER
    SERVER_PIDS+=("$LEADER")
    wait_until probe_gives /readyz 200
    assert_equal "$(awk '/^NSpid/ { print $3 }' "/proc/$LEADER/status")" 1
}

@test "the parts of the manifest agree with each other" {
    run manifest check
    assert_success
    assert_output ""
}

@test "the configuration of the manifest is valid" {
    manifest configuration >"$BATS_TEST_TMPDIR/preforkd.conf"
    run "$PREFORKD" -t -c "$BATS_TEST_TMPDIR/preforkd.conf"
    assert_success
}

@test "the document names the manifest's numbers" {
    run cat "$PREFORK_SOURCE/doc/kubernetes.md"
    assert_output --partial "5 + 30, and 10 to spare"
    run grep -E 'terminationGracePeriodSeconds|\["sleep"|drain_timeout =' "$PREFORK_SOURCE/doc/kubernetes.yaml"
    assert_output --partial ': 45 '
    assert_output --partial '["sleep", "5"]'
    assert_output --partial '"30s"'
}

@test "as process 1 it is ready, live, scraped and served" {
    container_start
    probe_gives /livez 200
    probe_gives /metrics 200
    assert_equal "$(within "$PREFORKCAT" "127.0.0.1:$(manifest port main)" hello)" hello
    [ "$(grep -c '"level":"\(warn\|error\)"' "$SERVER_LOG")" = 0 ]
}

is_left_to_it() {
    within pgrep -P 1 cat >/dev/null
}

nothing_is_left() {
    ! is_left_to_it && ! within ps -e -o stat= | grep -q '^Z'
}

@test "as process 1 it reaps what others leave to it" {
    mkfifo "$BATS_TEST_TMPDIR/end"
    container_start
    # shellcheck disable=SC2016 # for that shell
    within sh -c 'cat "$1" >/dev/null 2>&1 &' sh "$BATS_TEST_TMPDIR/end"
    wait_until is_left_to_it
    : >"$BATS_TEST_TMPDIR/end"
    wait_until nothing_is_left
    probe_gives /readyz 200
}

@test "SIGTERM drains: what has begun is answered, nobody is told that the pod is ready, and it exits with 0" {
    local status=0
    container_start
    printf '#!/bin/sh\nexec nsenter --target %s --net "%s" "$@"\n' "$LEADER" "$PYTHON" \
        >"$BATS_TEST_TMPDIR/python"
    chmod 755 "$BATS_TEST_TMPDIR/python"
    PYTHON=$BATS_TEST_TMPDIR/python talk_start "127.0.0.1:$(manifest port main)"
    talk open 6
    talk begin 100
    kill -TERM "$LEADER"
    wait_until probe_gives /readyz 503
    probe_gives /livez 200
    talk finish
    talk_gives "eof=6 missing=0" end
    wait_until process_is_gone "$CONTAINER"
    wait "$CONTAINER" || status=$?
    assert_equal "$status" 0
}

@test "as process 1 it is upgraded in its place" {
    container_start
    other_version
    kill -USR2 "$LEADER"
    wait_until server_has_logged "\"msg\":\"upgraded\",\"pid\":1,\"version\":\"$OTHER\""
    wait_until server_has_logged '"msg":"reloaded"'
    probe_gives /readyz 200
    assert_equal "$(within "$PREFORKCAT" "127.0.0.1:$(manifest port main)" hello)" hello
}
