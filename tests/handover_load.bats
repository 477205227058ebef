#!/usr/bin/env bats
# What a server with many or long connections goes through: reloads, upgrades, more and fewer workers,
# in any order. No client notices.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/client
    load lib/load
    load lib/modules
    load lib/reload
    load lib/session
    load lib/upgrade
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
}

teardown() {
    load_teardown
    server_teardown
}

sum_of_moved() {
    sed -nE 's/.*msg=drained .*\bmoved=([0-9]+).*/\1/p' "$SERVER_LOG" | paste -sd + | bc
}

moved_are() {
    [ "$(sum_of_moved)" = "$1" ]
}

@test "R1: 10,000 idle connections move at a reload, and each is served afterwards" {
    ulimit -n 10500 || skip "10,500 descriptors are not allowed here"
    upgrading_start
    talk_start "$ADDRESS"
    talk open 10000
    reload_works
    wait_until moved_are 10000
    talk_gives "alive=10000" ping
    wait_until workers_are_settled 2
    refute server_has_logged 'level=(warn|error)|msg="connections could not move"'
}

@test "R1: a listener that goes takes no connection with it, and one that comes is served" {
    local unix=$BATS_TEST_TMPDIR/main.sock
    upgrading_start
    load_start "$ADDRESS" --connections 10 --depth 3
    talk_start "unix:$unix"
    talk open 10
    talk begin 1000
    sed -i "s|, \"unix:$unix\"||" "$CONFIG"
    reload_works
    talk_gives "refused" try
    talk finish
    talk_gives "answered=20 missing=0" replies
    sed -i "s|\"127.0.0.1:0\"|& , \"unix:$unix\"|" "$CONFIG"
    reload_works
    talk_gives "served" try
    talk_gives "alive=10" ping
    load_finish
    load_lost_nothing 10
    load_says reconnected=0
    refute server_has_logged 'level=(warn|error)|msg="connections could not move"'
}

# The connections that are there have all places, and nobody else gets one.
is_full() {
    talk try
    [[ $TALK_SAID == @(eof|reset) ]] && talk_gives "alive=20" ping
}

@test "max_connections is exact through reloads, upgrades, retiring workers, more and fewer of them (seed 7)" {
    local i signal signals=(HUP TTIN USR2 TTOU TERM)
    RANDOM=7
    upgrading_start 'max_connections = 20 worker_max_requests = 20'
    talk_start "$ADDRESS"
    talk_gives 20 fill
    other_version
    for ((i = 0; i < 60; i++)); do
        signal=${signals[RANDOM % 5]}
        if [ "$signal" = TERM ]; then
            wait_until pick_worker
            kill -TERM "$WORKER" || : # or it is gone by now
        else
            kill -s "$signal" "$SERVER_PID"
        fi
        is_full
        talk_gives "alive=20" ping
    done
    server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    server_has_logged 'msg="worker retires" reason=requests'
    talk close
    wait_until fills_again
}

# crowd SEED TOTAL: three times as many clients as there are places, which come and go while all of
# that happens; nobody who is served is cut off.
crowd() {
    client rush --seed "$1" --signals HUP,TTIN,TTOU,USR2,TERM --kills 60 --freeze-each 5 \
        --total "$2" --limits "$2" --server "$SERVER_PID" "$ADDRESS"
    server_has_logged 'msg=reloaded'
    server_has_logged 'msg="number of workers changed"'
    server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    refute server_has_logged 'worker died|reload failed'
}

@test "max_connections is never exceeded by a crowd that comes and goes through all of that (seed 3)" {
    upgrading_start 'max_connections = 40 worker_max_requests = 100'
    other_version
    crowd 3 40
    server_has_logged 'msg="worker retires" reason=requests'
}

@test "max_connections of few is never exceeded by a crowd through all of that (seed 4)" {
    upgrading_start 'max_connections = 3 worker_max_requests = 5'
    other_version
    crowd 4 3
}

# service_crowd SEED LIMIT: such a crowd of 8 at most, for that limit of the service.
service_crowd() {
    upgrading_start 'worker_max_requests = 20'
    sed -i "s/module = /$2 = 8 &/" "$CONFIG"
    reload_works
    wait_until workers_are_settled 2
    other_version
    crowd "$1" 8
}

@test "max_connections of a service is never exceeded by a crowd through all of that (seed 5)" {
    service_crowd 5 max_connections
    server_has_logged 'msg="connection refused" reason="max_connections of the service"'
}

@test "max_connections_per_ip is never exceeded by a crowd through all of that (seed 6)" {
    service_crowd 6 max_connections_per_ip
    server_has_logged 'msg="connection refused" reason=max_connections_per_ip'
}

# Places that a worker has given back a moment ago may count for another moment.
fills_again() {
    talk fill
    talk ping
    [[ $TALK_SAID == "alive=20"* ]]
}

@test "TTIN and TTOU, 300 of them at random moments under load, lose nothing (seed 8)" {
    local i signals=(TTIN TTOU) result
    RANDOM=8
    upgrading_start
    load_start "$ADDRESS" --connections 20 --depth 3 --short 5
    result=$LOAD_RESULT
    load_start "unix:$BATS_TEST_TMPDIR/main.sock" --connections 5 --largest 100000
    for ((i = 0; i < 300; i++)); do
        kill -s "${signals[RANDOM % 2]}" "$SERVER_PID"
        read -rt "0.0$((RANDOM % 3))" <> <(:) || :
    done
    load_finish
    load_lost_nothing 5
    LOAD_PID=${LOAD_PIDS[0]} LOAD_RESULT=$result
    load_finish
    load_lost_nothing 25
    reload_works
    wait_until workers_are_settled 2
    refute server_has_logged 'level=error'
}

@test "R5: what a module saves of a connection lives through two upgrades: examples/session.c" {
    local pid
    session_build
    upgrading_start "" "$MODULE"
    session_open
    pid=$CAT_PID
    says "name Ada" "hello, Ada"
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    says "x" "Ada, that was your message number 2"
    other_version "$ORIGINAL"
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    says "y" "Ada, that was your message number 3"
    exec {CAT[1]}>&-
    wait "$pid"
}
