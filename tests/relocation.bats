#!/usr/bin/env bats
# Connections that are moved by hand, between workers that serve on: `preforkctl move` and `rebalance`.
# No client notices, however busy it is and whatever becomes of the workers meanwhile.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

bats_require_minimum_version 1.5.0

setup() {
    load lib/server
    load lib/client
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/control
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# Neither lost nor doubled, nobody had to connect again, and nothing is wrong in the log.
nobody_noticed() {
    load_finish
    load_lost_nothing "$1"
    load_says reconnected=0
    refute server_has_logged 'level=(warn|error)'
}

@test "move gives all connections of a worker to the others" {
    WORKERS=3 controlled_start
    load_start "$ADDRESS" --connections 60 --depth 4
    run -0 ctl move --from 2
    assert_output --regexp '^connections moved: [0-9]+$'
    [ "${output##* }" -gt 0 ]
    assert_equal "$(counts | cut -d ' ' -f 2)" 0
    run -0 ctl move --from 2
    assert_output 'connections moved: 0'
    nobody_noticed 60
}

@test "move --to gives them to that worker alone" {
    WORKERS=3 controlled_start
    load_start "$ADDRESS" --connections 60 --depth 4
    before=$(counts | cut -d ' ' -f 2)
    run -0 ctl move --from 1 --to 3
    assert_equal "$(counts | cut -d ' ' -f 1,2)" "0 $before"
    run -0 ctl move --from 2 --to 3
    assert_output "connections moved: $before"
    assert_equal "$(counts)" '0 0 60'
    nobody_noticed 60
}

@test "rebalance evens them out" {
    WORKERS=4 controlled_start
    load_start "$ADDRESS" --connections 80
    ctl move --from 1 --to 4
    ctl move --from 2 --to 4
    ctl move --from 3 --to 4
    assert_equal "$(counts)" '0 0 0 80'
    run -0 ctl rebalance
    assert_output 'connections moved: 60'
    for count in $(counts); do
        [ "$count" -ge 15 ] && [ "$count" -le 25 ]
    done
    run -0 ctl rebalance
    nobody_noticed 80
}

@test "10,000 idle connections go from one worker to another and back" {
    ulimit -n 10500 || skip "10,500 descriptors are not allowed here"
    controlled_start
    talk_start "$ADDRESS"
    talk open 10000
    ctl move --from 1 --to 2
    assert_equal "$(counts)" '0 10000'
    talk_gives "alive=10000" ping
    ctl move --from 2 --to 1
    assert_equal "$(counts)" '10000 0'
    talk_gives "alive=10000" ping
    run -0 ctl rebalance
    assert_output 'connections moved: 5000'
}

# Messages go to the pool, and take so many microseconds there.
takes() {
    sed -i "s|module = \"[^\"]*\"|& dispatch = \"pool\" options = { sleep_us = $1 }|" "$CONFIG"
    ctl reload
}

@test "frames that have begun and requests in the pool move whole" {
    controlled_start
    takes 300
    load_start "$ADDRESS" --connections 20 --depth 3
    talk_start "$ADDRESS"
    talk open 10
    talk begin 1000
    for _ in 1 2 3 4 5; do
        ctl move --from 1 --to 2
        ctl move --from 2 --to 1
        ctl rebalance
    done
    talk finish
    talk_gives "answered=20 missing=0" replies
    nobody_noticed 20
}

@test "what is busy for too long stays, is served on, and can move later" {
    controlled_start
    takes 6500000
    mkfifo "$BATS_TEST_TMPDIR/lines"
    "$PREFORKCAT" --timeout 60s "unix:$BATS_TEST_TMPDIR/main.sock" <"$BATS_TEST_TMPDIR/lines" \
        >"$BATS_TEST_TMPDIR/replies" 2>&1 3>&- &
    SERVER_PIDS+=("$!")
    exec {lines}>"$BATS_TEST_TMPDIR/lines"
    echo one >&"$lines"
    wait_until some_are_in_flight
    from=$(ctl_json 'it[0]["worker"]' connections)
    SECONDS=0
    run -0 ctl move --from "$from"
    assert_output 'connections moved: 0'
    [ "$SECONDS" -ge 4 ]
    wait_until grep -qx one "$BATS_TEST_TMPDIR/replies"
    run -0 ctl move --from "$from"
    assert_output 'connections moved: 1'
}

some_are_in_flight() {
    [ "$(ctl_json 'sum(row["in_flight"] for row in it)' connections)" -gt 0 ]
}

@test "orders that make no sense are refused with the reason" {
    WORKERS=1 controlled_start
    run -75 ctl move --from 1
    assert_output --partial 'no connections were moved: there is no other worker that serves'
    run -75 ctl rebalance
    ctl workers 2
    wait_until workers_are_settled 2
    run -65 ctl move --from 9
    assert_output --partial 'no worker 9 serves: expected 1 to 2'
    run -65 ctl move --from 1 --to 1
    assert_output --partial 'worker 1 has its connections already'
    run -64 ctl move
    assert_output --partial 'expected --from N'
}

# A shuffle goes on while DISTURBANCE is done again and again; no connection is lost but those of
# workers that were killed.
shuffle_during() {
    local i
    for ((i = 0; i < ${ROUNDS:-12}; i++)); do
        ctl move --from $((RANDOM % 3 + 1)) || :
        "$@"
        ctl rebalance || :
    done >/dev/null 2>&1
}

@test "a reload in the middle of moves loses nothing" {
    WORKERS=3 controlled_start
    load_start "$ADDRESS" --connections 30 --depth 4
    shuffle_during hup
    wait_until workers_are_settled 3
    load_finish
    load_lost_nothing 30
    load_says reconnected=0
    refute server_has_logged 'level=error'
}

@test "workers that come and go in the middle of moves lose nothing" {
    WORKERS=3 controlled_start
    load_start "$ADDRESS" --connections 30 --depth 4
    shuffle_during more_and_less
    load_finish
    load_lost_nothing 30
    load_says reconnected=0
}

more_and_less() {
    kill -TTIN "$SERVER_PID"
    ctl workers $((RANDOM % 2 + 2))
}

@test "an upgrade in the middle of moves loses nothing" {
    WORKERS=3 upgradable_start
    load_start "$ADDRESS" --connections 30 --depth 4
    ROUNDS=4 shuffle_during upgrade
    load_finish
    load_lost_nothing 30
    load_says reconnected=0
}

@test "who waits for moves hears of an upgrade that comes in between" {
    upgradable_start
    takes 6500000
    "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/main.sock" one </dev/null >/dev/null 2>&1 3>&- &
    SERVER_PIDS+=("$!")
    wait_until some_are_in_flight
    ctl move --from "$(ctl_json 'it[0]["worker"]' connections)" >"$BATS_TEST_TMPDIR/moved" 2>&1 3>&- &
    local moving=$! status=0
    wait_until ctl_is_waiting
    ctl upgrade
    wait "$moving" || status=$?
    assert_equal "$status" 75
    grep -q 'an upgrade came in between' "$BATS_TEST_TMPDIR/moved"
}

# Whether the master has a client that waits, besides the one that looks.
ctl_is_waiting() {
    run -75 ctl rebalance
    [[ $output == *'on the move already'* ]]
}

@test "a worker that is killed while it gives or takes costs its own connections alone, and the rest goes on" {
    WORKERS=3 controlled_start
    talk_start "$ADDRESS"
    talk open 300
    ROUNDS=4 shuffle_during kill_one
    wait_until workers_are_settled 3
    run -0 ctl rebalance
    talk ping
    left=${TALK_SAID#alive=}
    assert_equal "$(ctl_json 'len(it)' connections)" "${left%% *}"
    assert_equal "$(ctl_json 'it["services"]["main"]["active_connections"]' status)" "${left%% *}"
    refute server_has_logged 'holds nonsense'
}

kill_one() {
    ctl move --from 1 3>&- &
    pick_worker && kill -KILL "$WORKER"
    wait $! || :
    wait_until workers_are_settled 3
}

@test "a giver that is stopped is the watchdog's to end, and the order ends with it" {
    WORKERS=2 controlled_start 'watchdog_timeout = "1s"'
    load_start "$ADDRESS" --connections 10 --reconnect
    stop_process "$(worker_pid 1)"
    run -0 ctl move --from 1
    assert_output 'connections moved: 0'
    load_finish
}
