#!/usr/bin/env bats
# Two servers behind a real HAProxy, with the configuration of doc/haproxy.md: clients see no error
# while one of them is taken away, comes back or is reloaded.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/haproxy
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    haproxy_teardown
    server_teardown
}

@test "HAProxy finds nothing wrong with the configuration of the manual" {
    haproxy_configure one 127.0.0.1:1 2 two 127.0.0.1:3 4
    run haproxy -c -f "$HAPROXY_CONFIG"
    assert_success
    refute_output --regexp 'WARNING|ALERT'
}

@test "HAProxy weighs servers by how much room they have" {
    pair_start 'max_connections = 10'
    server_is one UP 100
    server_is two UP 100
    talk_start "$(address_of one)"
    talk open 5
    wait_until server_is one UP 50
    talk open 5
    wait_until server_is one UP 0
    server_is two UP 100
    talk close
    wait_until server_is one UP 100
}

@test "HAProxy sends no client to a server that drains, and leaves it those that it has" {
    local i
    pair_start
    talk_start "$(address_of one)"
    talk open 1
    talk begin 100
    use_server one
    kill -TERM "$SERVER_PID"
    wait_until grep -q 'servers/one enters drain state' "$BATS_TEST_TMPDIR/haproxy.log"
    wait_until server_is_drained one
    for i in 1 2 3 4 5 6; do
        assert_equal "$("$PREFORKCAT" --timeout 20s "$FRONT" "hello $i")" "hello $i"
    done
    [ "$(sessions_of one)" -eq 0 ]
    talk finish
    talk_gives "eof=1 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "clients see no error while one of two servers is stopped and started again" {
    local round
    pair_start
    load_start "$FRONT" --connections 20 --short 10 --depth 2 --reconnect
    for round in one two one; do
        use_server "$round"
        server_stop TERM
        assert_equal "$SERVER_STATUS" 0
        wait_until server_is_away "$round"
        server_again "$round"
        wait_until server_is "$round" UP 100
        wait_until serves "$round"
    done
    load_finish
    load_lost_nothing 30
    (($(load_count answered) > 1000))
    (($(load_count reconnected) > 0))
}

@test "clients see nothing at all of reloads of both servers" {
    local round
    pair_start
    load_start "$FRONT" --connections 20 --short 10 --depth 2 --reconnect
    for round in one two one two; do
        use_server "$round"
        reload_works
    done
    load_finish
    load_lost_nothing 30
    load_says reconnected=0 retried=0
    server_is one UP 100
    server_is two UP 100
}
