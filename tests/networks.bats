#!/usr/bin/env bats
# Who may connect, how many from one address, how fast, and what their sockets are set to.

setup() {
    load lib/server
    load lib/client
    load lib/load
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# knock SOURCES: who of them is served, as client.py says it.
knock() {
    run client knock --sources "$1" "$ADDRESS"
    assert_success
}

@test "C5: max_connections_per_ip is exact over 4 workers, and a crowd of one disturbs no other" {
    echo_start --set workers=4 --set max_connections_per_ip=7
    client sources --sources 127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5 --limits 7 "$ADDRESS"
    server_has_logged 'level=warn .*msg="connection refused" reason=max_connections_per_ip service=main peer=127.0.0.2:'
}

@test "W3: places of an address are free at once when a worker is killed, and no more" {
    echo_start --set workers=4 --set max_connections_per_ip=7 --option tag=true
    client sources --sources 127.0.0.2,127.0.0.3,127.0.0.4 --limits 7 --server "$SERVER_PID" \
        "$ADDRESS"
}

@test "max_connections_per_ip counts an IPv6 client over all addresses of a service" {
    server_start --listen '[::1]:0' --listen '[::1]:0' --module echo --set workers=4 \
        --set max_connections_per_ip=3
    client limit --limits 3 "$(server_address)"
    client sources --sources ::1 --limits 3 "$(server_addresses main | tail -n 1)"
}

@test "max_connections_per_ip counts each service for itself, and no unix socket" {
    server_start_file <<END_OF_FILE
        workers = 2
        services = {
            a = { listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/a" ], module = "echo"
                  max_connections_per_ip = 2 }
            b = { listen = [ "127.0.0.1:0" ], module = "echo", max_connections_per_ip = 2 }
            c = { listen = [ "127.0.0.1:0" ], module = "echo" }
        }
END_OF_FILE
    client sources --sources 127.0.0.2,127.0.0.3 --limits 2 "$(server_address a)" \
        "$(server_address b)"
    client spread --clients 20 --workers 1 --ratio 1 "unix:$BATS_TEST_TMPDIR/a"
    client spread --clients 20 --workers 1 --ratio 1 "$(server_address c)"
}

@test "accept_rate holds over 4 workers, a second's worth at once, and refuses nobody" {
    echo_start --set workers=4 --set accept_rate=40 --set log.level=debug
    client rate --clients 160 --rate 40 "$ADDRESS"
    ! server_has_logged 'connection refused'
}

@test "accept_rate of one takes one a second on 4 workers" {
    echo_start --set workers=4 --set accept_rate=1
    client rate --clients 4 --rate 1 "$ADDRESS"
}

@test "accept_rate lets other services be, and waiting costs no CPU" {
    server_start_file <<END_OF_FILE
        workers = 1
        services = {
            a = { listen = [ "127.0.0.1:0" ], module = "echo", accept_rate = 20 }
            b = { listen = [ "127.0.0.1:0" ], module = "echo" }
        }
END_OF_FILE
    local used
    client rate --clients 80 --rate 20 "$(server_address a)" &
    client spread --clients 200 --workers 1 --ratio 1 "$(server_address b)"
    wait "$!"
    used=$(awk '{ print $14 + $15 }' "/proc/$(worker_pids)/stat")
    echo "$used ticks"
    [ "$used" -lt $(($(getconf CLK_TCK) * 3 / 2)) ]
}

@test "connections refused by deny do not count for accept_rate" {
    echo_start --set workers=2 --set accept_rate=2 --set deny=127.0.0.2
    for _ in 1 2 3 4 5; do
        knock 127.0.0.2,127.0.0.2,127.0.0.2,127.0.0.2
        refute_output --partial served
    done
    client rate --clients 4 --rate 2 "$ADDRESS"
}

@test "a drain takes at once those whom accept_rate lets wait" {
    echo_start --set workers=2 --set accept_rate=1
    client rate --clients 10 --rate 1000 --slack 20 "$ADDRESS" 3>&- &
    wait_until waiting_in_queue
    server_stop
    wait "$!"
}

waiting_in_queue() {
    [ "$(ss -Hltn "sport = :${ADDRESS##*:}" | awk '{ print $2 }')" -ge 8 ]
}

@test "deny refuses, allow serves the rest, and the log says why" {
    echo_start --set workers=2 --set allow=127.0.0.0/29 --set deny=127.0.0.3 --set deny=127.0.0.4/31
    knock 127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.8
    assert_output "127.0.0.1 served
127.0.0.2 served
127.0.0.3 refused
127.0.0.4 refused
127.0.0.5 refused
127.0.0.6 served
127.0.0.8 refused"
    server_has_logged 'level=warn .*msg="connection refused" reason=deny service=main peer=127.0.0.3:'
    server_has_logged 'msg="connection refused" reason="not in allow" service=main peer=127.0.0.8:'
}

@test "deny alone leaves everybody else" {
    echo_start --set workers=1 --set deny=127.0.0.2 --set deny=::/0
    knock 127.0.0.2,127.0.0.3
    assert_output "127.0.0.2 refused
127.0.0.3 served"
}

@test "an IPv6 client is found in networks of IPv6, and unix sockets always pass" {
    server_start --listen '[::1]:0' --listen "unix:$BATS_TEST_TMPDIR/socket" --module echo \
        --set workers=1 --set allow=::1 --set deny=0.0.0.0/0
    run client knock "$(server_address)" "unix:$BATS_TEST_TMPDIR/socket"
    refute_output --partial refused
    server_stop
    server_start --listen '[::1]:0' --listen "unix:$BATS_TEST_TMPDIR/socket" --module echo \
        --set workers=1 --set allow=10.0.0.0/8 --set deny=::/64
    run client knock "$(server_address)" "unix:$BATS_TEST_TMPDIR/socket"
    assert_line --partial "$(server_address) refused"
    assert_line "unix:$BATS_TEST_TMPDIR/socket served"
}

@test "refusals of a flood are logged at a bounded rate" {
    echo_start --set workers=1 --set deny=127.0.0.2
    knock "$(printf '127.0.0.2%.0s,' {1..300})127.0.0.2"
    refute_output --partial served
    [ "$(grep -c 'connection refused' "$SERVER_LOG")" -lt 100 ]
    [ "$(ss -Htn state established "sport = :${ADDRESS##*:}" | wc -l)" -eq 0 ]
}

@test "a flood of refusals hides no refusal for another reason" {
    echo_start --set workers=1 --set max_connections=1 --set deny=127.0.0.2 --set allow=127.0.0.0/30
    talk_start "$ADDRESS"
    talk open 1
    knock "$(printf '127.0.0.2%.0s,' {1..200})127.0.0.3,127.0.0.8"
    refute_output --partial served
    server_has_logged 'msg="connection refused" reason=max_connections service=main peer=127.0.0.3:'
    server_has_logged 'msg="connection refused" reason="not in allow" service=main peer=127.0.0.8:'
    wait_until server_has_logged 'msg="similar log lines held back" held=[0-9]+ lines="connection refused" reason=deny$'
    [ "$(grep -c 'reason=deny' "$SERVER_LOG")" -lt 100 ]
}

# backlog_of: what the kernel has for the listener.
backlog_of() {
    ss -Hltn "sport = :${ADDRESS##*:}" | awk '{ print $3 }'
}

@test "backlog is that of the listener, 4096 by default" {
    echo_start --set workers=1 --set backlog=77
    assert_equal "$(backlog_of)" 77
    echo_start --set workers=1
    assert_equal "$(backlog_of)" 4096
}

@test "tcp_nodelay and tcp_keepalive are those of each connection" {
    module_build sockets
    open_tmpdir
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1
    run "$PREFORKCAT" "$(server_address)" x
    assert_output "nodelay=1 keepalive=1 idle=30 interval=10 probes=3"
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set tcp_nodelay=false \
        --set tcp_keepalive=1s
    run "$PREFORKCAT" "$(server_address)" x
    assert_output "nodelay=0 keepalive=1 idle=1 interval=1 probes=3"
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set tcp_keepalive=off
    run "$PREFORKCAT" "$(server_address)" x
    assert_output --partial "nodelay=1 keepalive=0"
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set tcp_keepalive=9h
    run "$PREFORKCAT" "$(server_address)" x
    assert_output "nodelay=1 keepalive=1 idle=32400 interval=10800 probes=3"
}

# calls_of_a_connection ARGUMENT...: what a worker asks of the kernel's network for one.
calls_of_a_connection() {
    local calls=$BATS_TEST_TMPDIR/calls tracer worker
    echo_start --set workers=1 "$@"
    worker=$(worker_pids)
    strace -qq -p "$worker" -e trace=%network -o "$calls" 3>&- &
    tracer=$!
    wait_until is_traced "$worker" "$tracer"
    kill -0 "$tracer" || skip "strace may not attach here"
    "$PREFORKCAT" "$ADDRESS" hello >/dev/null
    wait_until grep -q accept4 "$calls"
    kill "$tracer"
    wait "$tracer" || :
    sed 's/(.*//' "$calls" | sort | uniq -c >"$calls.names"
    CALLS=$(<"$calls")
}

# is_traced PID TRACER: or the tracer has given up.
is_traced() {
    ! kill -0 "$2" 2>/dev/null || ! grep -q '^TracerPid:[[:space:]]0$' "/proc/$1/status"
}

@test "limits that are off cost no system call, and the address is not even asked for" {
    command -v strace >/dev/null || skip "strace is missing"
    calls_of_a_connection
    echo "$CALLS"
    [[ $CALLS == *'accept4('*', NULL, NULL, '* ]]
    [[ $CALLS != *sockopt* && $CALLS != *name\(* ]]
    mv "$BATS_TEST_TMPDIR/calls.names" "$BATS_TEST_TMPDIR/off"
    calls_of_a_connection --set max_connections_per_ip=5 --set deny=10.0.0.0/8 --set accept_rate=9
    echo "$CALLS"
    [[ $CALLS == *'accept4('*'inet_addr("127.0.0.1")'* ]]
    diff "$BATS_TEST_TMPDIR/off" "$BATS_TEST_TMPDIR/calls.names"
}
