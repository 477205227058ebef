#!/usr/bin/env bats
# How many files the processes may open, and what is said if that is too few for max_connections.

setup() {
    load lib/server
    load lib/load
    bats_load_library bats-support
    bats_load_library bats-assert
    TOO_FEW='msg="a worker may open fewer files than its share of max_connections takes"'
}

teardown() {
    load_teardown
    server_teardown
}

# The soft and the hard limit of process $1.
limits_of() {
    sed -nE 's/^Max open files +([0-9]+) +([0-9]+) .*/\1 \2/p' "/proc/$1/limits"
}

# warnings_are COUNT
warnings_are() {
    [ "$(grep -c "$TOO_FEW" "$SERVER_LOG")" -eq "$1" ]
}

@test "the soft limit of open files is raised to the hard one, in all processes" {
    limit_files 100 700
    echo_start --set workers=2 --set max_connections=1000
    assert_equal "$(limits_of "$SERVER_PID")" "700 700"
    assert_equal "$(limits_of "$(worker_pid 1)")" "700 700"
    assert_equal "$(limits_of "$(worker_pid 2)")" "700 700"
    warnings_are 0
}

@test "a limit that is just enough for a worker's share and its listeners is no reason to warn" {
    limit_files 567 567
    echo_start --listen 127.0.0.2:0 --set workers=2 --set max_connections=1001
    warnings_are 0
}

@test "with one less there is one line that says what would be right, and the server serves" {
    limit_files 566 566
    echo_start --listen 127.0.0.2:0 --set workers=2 --set max_connections=1001
    server_has_logged "level=warn .*$TOO_FEW limit=566 needed=567 advice=\"raise RLIMIT_NOFILE to 567, or lower max_connections to 1000, or have 3 workers\"\$"
    warnings_are 1
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
}

@test "what cannot be is not advised" {
    limit_files 100 100
    echo_start --set workers=1 --set max_connections=100000
    server_has_logged "$TOO_FEW limit=100 needed=100065 advice=\"raise RLIMIT_NOFILE to 100065, or lower max_connections to 35\"\$"
    limit_files 40 40
    echo_start --set workers=1 --set max_connections=10
    server_has_logged "$TOO_FEW limit=40 needed=75 advice=\"raise RLIMIT_NOFILE to 75\"\$"
}

@test "a worker that may open too few files serves those that it can" {
    limit_files 100 100
    echo_start --set workers=1 --set max_connections=1000
    talk_start "$ADDRESS"
    talk open 30
    talk ping
    [ "$TALK_SAID" = alive=30 ]
}

@test "a hard limit that is too low is raised by who has the right" {
    # CAP_SYS_RESOURCE is capability 24
    (((0x$(sed -n 's/^CapEff:\s*//p' /proc/self/status) >> 24) & 1)) || skip "no right to raise limits"
    launch_with prlimit --nofile=100:200
    echo_start --set workers=2 --set max_connections=1000
    assert_equal "$(limits_of "$SERVER_PID")" "565 565"
    assert_equal "$(limits_of "$(worker_pid 2)")" "565 565"
    warnings_are 0
}

@test "a reload says it again of the new configuration" {
    local config=$BATS_TEST_TMPDIR/preforkd.conf
    limit_files 200 200
    echo 'workers = 1; max_connections = 100
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }' >"$config"
    server_start -c "$config"
    warnings_are 0
    sed -i 's/100$/1000/' "$config"
    kill -HUP "$SERVER_PID"
    wait_until server_has_logged 'msg=reloaded'
    server_has_logged "$TOO_FEW limit=200 needed=1065 "
    warnings_are 1
}
