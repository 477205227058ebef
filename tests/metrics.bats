#!/usr/bin/env bats
# What the server counts and shows by HTTP: right to the last request, and harmless whatever is sent
# there.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/admin
    load lib/prometheus
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    OK='service="main",result="ok"'
}

teardown() {
    load_teardown
    server_teardown
}

# metered_start [SETTING [SERVICE-SETTING [MODULE]]]: two workers, and the admin process.
metered_start() {
    configure <<END_OF_FILE
workers = 2
admin = { listen = "127.0.0.1:0" }
${1:-}
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "${3:-$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)}"
        ${2:-}
    }
}
END_OF_FILE
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    configured_start
    ADDRESS=$(sed -n 's/.*msg=listening service=main address=//p' "$SERVER_LOG" | head -n 1)
    wait_until workers_are_ready 2
}

workers_are_ready() {
    metric_is "$1" preforkd_workers 'state="ready"'
}

no_worker_drains() {
    metric_is 0 preforkd_workers 'state="draining"'
}

@test "all requests are counted, exactly, over reloads, an upgrade and killed workers" {
    local sum=0 number=0 phase
    metered_start
    for phase in none HUP HUP HUP KILL KILL USR2; do
        case $phase in
        HUP) kill -HUP "$SERVER_PID" && number=$((number + 1)) ;;
        KILL) kill -KILL "$(worker_pid 1)" ;;
        USR2) other_version && upgraded_to "$OTHER" ;;
        esac
        wait_until server_has_logged "msg=(ready|reloaded generation=$((number + 1)) )"
        load_start "$ADDRESS" --connections 8 --depth 4
        load_finish
        load_lost_nothing 8
        sum=$((sum + $(load_count answered)))
        wait_until workers_are_ready 2
        metric_is "$sum" preforkd_requests_total "$OK"
    done
    ((sum > 1000))
    metric_is "$sum" preforkd_request_duration_seconds_count 'service="main"'
    metric_is "$sum" preforkd_request_duration_seconds_bucket 'service="main",le="+Inf"'
    metric_is 56 preforkd_connections_total 'service="main"'
    wait_until metric_is 0 preforkd_active_connections 'service="main"'
    wait_until metric_is 4 preforkd_reloads_total 'result="ok"'
    metric_is 2 preforkd_worker_restarts_total 'reason="signal"'
    wait_until no_worker_drains
}

@test "bytes, connections and how they end are counted" {
    metered_start
    talk_start "$ADDRESS"
    talk open 3
    talk send 10 100
    talk_gives "answered=33 missing=0" replies
    metric_is 3 preforkd_active_connections 'service="main"'
    metric_is "$(metric preforkd_sent_bytes_total 'service="main"')" preforkd_received_bytes_total 'service="main"'
    talk close
    wait_until metric_is 0 preforkd_active_connections 'service="main"'
    metric_is 3 preforkd_connections_closed_total 'service="main",reason="client"'
    "$PYTHON" - "${ADDRESS##*:}" <<'END_OF_FILE'
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(b"\xff\xff\xff\xff")
assert sock.recv(1) == b""
END_OF_FILE
    wait_until metric_is 1 preforkd_protocol_errors_total 'service="main",kind="too_long"'
    wait_until metric_is 1 preforkd_connections_closed_total 'service="main",reason="protocol"'
}

@test "connections that move are counted as that, and not as new or closed" {
    metered_start
    talk_start "$ADDRESS"
    talk open 6
    reload_works
    wait_until metric_is 6 preforkd_connections_migrated_total 'service="main"'
    talk_gives "alive=6" ping
    metric_is 6 preforkd_connections_total 'service="main"'
    wait_until metric_is 6 preforkd_active_connections 'service="main"'
    metric_is 0 preforkd_connections_closed_total 'service="main",reason="drain"'
    metric_is 2 preforkd_config_generation
}

# sum_of NAME LABELS: over all values of one more label.
sum_of() {
    get /metrics | grep -F "$1{$2," | awk '{ sum += $NF } END { print sum + 0 }'
}

# add_up ACCEPTED: all these are open, or have ended for a reason.
connections_add_up() {
    local open closed
    metric_is "$1" preforkd_connections_total 'service="main"' || return 1
    open=$(metric preforkd_active_connections 'service="main"')
    closed=$(sum_of preforkd_connections_closed_total 'service="main"')
    [ "$((open + closed))" -eq "$1" ] && return
    echo "accepted $1, open $open, closed $closed"
    return 1
}

@test "connections of killed workers are counted as that, and all add up" {
    local killed
    metered_start
    talk_start "$ADDRESS"
    talk open 20
    connections_add_up 20
    wait_until metric_is 20 preforkd_active_connections 'service="main"'
    killed=$(metric preforkd_worker_connections 'worker="1"')
    ((killed > 0))
    kill -KILL "$(worker_pid 1)"
    wait_until metric_is "$killed" preforkd_connections_closed_total 'service="main",reason="killed"'
    metric_is "$((20 - killed))" preforkd_active_connections 'service="main"'
    connections_add_up 20
    wait_until workers_are_ready 2
    talk open 4
    reload_works
    wait_until no_worker_drains
    connections_add_up 24
    kill -KILL "$(worker_pid 1)" "$(worker_pid 2)"
    wait_until metric_is 0 preforkd_active_connections 'service="main"'
    wait_until metric_is 24 preforkd_connections_closed_total 'service="main",reason="killed"'
    connections_add_up 24
}

@test "connections add up when workers die while they hand connections over" {
    local i count=0
    metered_start
    talk_start "$ADDRESS"
    for ((i = 1; i <= 6; i++)); do
        talk open 200
        count=$((count + 200))
        hup
        wait_until outcome_count_is "$i"
        pgrep -P "$SERVER_PID" -f "preforkd: worker $((i % 2 + 1)) " | xargs -r kill -KILL || :
        wait_until workers_are_ready 2
        wait_until no_worker_drains
        wait_until connections_add_up "$count"
    done
    talk close
    wait_until metric_is 0 preforkd_active_connections 'service="main"'
    connections_add_up "$count"
}

@test "timeouts are counted by kind" {
    metered_start "" 'read_timeout = "200ms" idle_timeout = "500ms" request_timeout = "100ms" dispatch = "pool"
        options = { sleep_us = 300000 }'
    talk_start "$ADDRESS"
    talk connect 1
    talk begin 100
    wait_until metric_is 1 preforkd_timeouts_total 'service="main",kind="read"'
    metric_is 1 preforkd_connections_closed_total 'service="main",reason="read_timeout"'
    talk_start "$ADDRESS"
    talk connect 1
    wait_until metric_is 1 preforkd_timeouts_total 'service="main",kind="idle"'
    talk_start "$ADDRESS"
    talk connect 1
    talk send 1
    wait_until was_late
    metric_is "$(metric preforkd_timeouts_total 'service="main",kind="request"')" \
        preforkd_requests_total 'service="main",result="timeout"'
}

was_late() {
    [ "$(metric preforkd_timeouts_total 'service="main",kind="request"')" -gt 0 ]
}

@test "a client that does not close after its last reply is counted" {
    metered_start
    "$PYTHON" - "${ADDRESS##*:}" <<'END_OF_FILE'
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(b"\xff\xff\xff\xff")
assert sock.recv(1) == b""
sock.settimeout(10)
try:
    while True: # it stays until the server has waited for long enough
        sock.sendall(b"x")
        sock.recv(1)
except OSError:
    pass
END_OF_FILE
    wait_until metric_is 1 preforkd_timeouts_total 'service="main",kind="linger"'
}

@test "the time to a client's first byte and the age of connections outlive a move" {
    metered_start
    "$PYTHON" - "${ADDRESS##*:}" "$SERVER_PID" "$SERVER_LOG" <<'END_OF_FILE'
import os, signal, socket, sys, time
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
end = time.monotonic() + 1.1
os.kill(int(sys.argv[2]), signal.SIGHUP)
while "msg=reloaded" not in open(sys.argv[3]).read() or time.monotonic() < end:
    time.sleep(0.02)
sock.sendall(b"\0\0\0\1x")
assert sock.recv(5) == b"\0\0\0\1x"
sock.sendall(b"\0\0\0\1x")
assert sock.recv(5) == b"\0\0\0\1x"
END_OF_FILE
    metric_is 1 preforkd_connections_migrated_total 'service="main"'
    wait_until metric_is 1 preforkd_connection_age_seconds_count 'service="main"'
    metric_is 1 preforkd_first_byte_seconds_count 'service="main"'
    [[ $(metric preforkd_connection_age_seconds_sum 'service="main"') =~ ^[1-9] ]]
    [[ $(metric preforkd_first_byte_seconds_sum 'service="main"') =~ ^[1-9] ]]
    metric_is 0 preforkd_connection_age_seconds_bucket 'service="main",le="0.512"'
}

@test "refused connections, shed and late requests are counted by reason" {
    metered_start 'queue_length = 1 threads = 1 max_connections = 4' \
        'dispatch = "pool" overload = "shed" request_timeout = "500ms" options = { sleep_us = 200000 }'
    talk_start "$ADDRESS"
    talk_gives 4 fill
    wait_until metric_is 1 preforkd_connections_rejected_total 'service="main",reason="max_connections"'
    talk send 3
    wait_until was_shed
}

was_shed() {
    [ "$(metric preforkd_requests_total 'service="main",result="busy"')" -gt 0 ]
}

@test "times of the pool are told apart: waiting and handling" {
    metered_start 'threads = 1' 'dispatch = "pool" options = { sleep_us = 20000 }'
    talk_start "$ADDRESS"
    talk open 1
    talk send 4
    talk_gives "answered=5 missing=0" replies
    metric_is 5 preforkd_handler_duration_seconds_count 'service="main"'
    metric_is 5 preforkd_queue_wait_seconds_count 'service="main"'
    [[ $(metric preforkd_handler_duration_seconds_sum 'service="main"') =~ ^0\.[1-9] ]]
    metric_is 0 preforkd_handler_duration_seconds_bucket 'service="main",le="0.016777216"'
}

@test "a request is in the histograms wherever it was handled, and if it was not" {
    module_build work
    open_tmpdir
    metered_start 'threads = 1' 'request_timeout = "1s"' "$MODULE"
    kill -TTOU "$SERVER_PID"
    wait_until workers_are_ready 1
    wait_until no_worker_drains
    # The second one is for the loop, behind one for the pool; the third one never gets the thread.
    "$PYTHON" - "${ADDRESS##*:}" <<'END_OF_FILE'
import socket, struct, sys
def connect():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
def send(sock, *texts):
    sock.sendall(b"".join(struct.pack(">I", len(text)) + text for text in texts))
def take(sock):
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        got = sock.recv(4096)
        assert got
        data += got
    return data[4:]
one, two, three = connect(), connect(), connect()
send(one, b"p1 sleep 1000", b"i2 sleep 1000")
data = take(one)
while b"i2" not in data:
    data += one.recv(4096)
send(one, b"p3 sleep 800000")
send(two, b"p4 sleep 800000")
send(three, b"p5 get")
reply = take(three)
assert reply == b"timeout p5", reply
END_OF_FILE
    wait_until metric_is 4 preforkd_handler_duration_seconds_count 'service="main"'
    wait_until metric_is 4 preforkd_queue_wait_seconds_count 'service="main"'
    [[ $(metric preforkd_queue_wait_seconds_sum 'service="main"') =~ ^[1-9] ]]
}

@test "who serves, who drains and why workers were replaced is shown" {
    local pid
    metered_start 'watchdog_timeout = "1s"'
    metric_is 2 preforkd_workers_wanted
    pid=$(worker_pid 1)
    kill -STOP "$pid"
    wait_until worker_is_new 1 "$pid"
    wait_until metric_is 1 preforkd_worker_restarts_total 'reason="watchdog"'
    kill -TERM "$(worker_pid 2)"
    wait_until metric_is 1 preforkd_worker_restarts_total 'reason="retired"'
    kill -TTIN "$SERVER_PID"
    wait_until metric_is 3 preforkd_workers_wanted
    wait_until workers_are_ready 3
    echo broken >>"$CONFIG"
    reload_fails ".*"
    metric_is 0 preforkd_config_last_reload_successful
    metric_is 1 preforkd_reloads_total 'result="failed"'
}

@test "promtool finds nothing wrong with the metrics" {
    metered_start
    get /metrics >"$BATS_TEST_TMPDIR/metrics"
    run promtool check metrics <"$BATS_TEST_TMPDIR/metrics"
    assert_success
    assert_output ""
}

@test "a Prometheus scrapes the server and answers with the right number" {
    metered_start
    prometheus_start
    talk_start "$ADDRESS"
    talk open 7
    talk send 3
    talk_gives "answered=28 missing=0" replies
    PATIENCE=30 wait_until prometheus_says 28 'sum(preforkd_requests_total{result="ok"})'
    prometheus_says 7 'preforkd_active_connections{service="main"}'
    kill -TERM "${ORPHANS[-1]}"
}

@test "livez and readyz say what they should, also while the server drains" {
    metered_start
    assert_equal "$(get /livez)" alive
    assert_equal "$(get /readyz)" ready
    talk_start "$ADDRESS"
    talk open 1
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until server_ends_for_http
    assert_equal "$(get /readyz -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}')" 503
    assert_equal "$(get /livez)" alive
    talk finish
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

server_ends_for_http() {
    [ "$(get /readyz)" = "the server ends" ]
}

@test "status is JSON that says what the metrics say" {
    metered_start
    talk_start "$ADDRESS"
    talk open 4
    get /status >"$BATS_TEST_TMPDIR/status"
    run "$PYTHON" - "$BATS_TEST_TMPDIR/status" "$SERVER_PID" <<'END_OF_FILE'
import json, sys
status = json.load(open(sys.argv[1]))
assert status["pid"] == int(sys.argv[2]), status["pid"]
assert status["state"] == "running" and status["server"]["config_generation"] == 1
assert status["server"]["workers"] == {"starting": 0, "ready": 2, "draining": 0}
assert status["reloads"] == []
assert sorted(worker["worker"] for worker in status["workers"]) == [1, 2]
assert sum(worker["connections"] for worker in status["workers"]) == 4
assert sum(worker["slot"]["requests_total"]["ok"] for worker in status["workers"]) == 4
main = status["services"]["main"]
assert main["active_connections"] == 4 and main["requests_total"]["ok"] == 4
assert main["request_duration_seconds"]["count"] == 4
assert main["request_duration_seconds"]["p99"] in status["bucket_ends"]
buckets = [worker["slot"]["request_duration_seconds"]["buckets"] for worker in status["workers"]]
assert sum(map(sum, buckets)) == sum(main["request_duration_seconds"]["buckets"]) == 4
END_OF_FILE
    assert_success
    assert_output ""
}

# status_has FILTER-OF-JQ: whether that is true of it.
status_has() {
    get /status | jq -e "$1" >/dev/null
}

@test "status has the last reloads, and why they failed, and who was replaced" {
    metered_start
    reload_works
    wait_until status_has '.reloads[0] | .ok and .generation == 2 and now - .at < 60'
    printf 'log = { target = "/none/\xf6/x" } # not UTF-8\n' >>"$CONFIG"
    reload_fails ".*"
    metric_is 0 preforkd_config_last_reload_successful
    wait_until status_has '.reloads[0].ok | not'
    status_has '.reloads[0] | .generation == 2 and (.reason | test("preforkd.conf:[0-9]+: .*/none/[?]/x"))'
    status_has '.reloads | length == 2'
    kill -KILL "$(worker_pid 2)"
    wait_until status_has '[.workers | sort_by(.worker)[] | .restarts] == [0, 1]'
    status_has '.server.worker_restarts_total.signal == 1'
}

# memory_of PID: the most that it had, in KiB.
memory_of() {
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

@test "A1: junk, slow and endless HTTP touch nothing but the admin process" {
    local before
    metered_start
    talk_start "$ADDRESS"
    talk open 4
    before=$(worker_pids | grep -v "$(admin_pid)")
    run "$PYTHON" "$LIB/bad_http.py" "$(admin_address)"
    assert_success
    wait_until get /livez
    [ -n "${PREFORK_SANITIZERS:-}" ] || (($(memory_of "$(admin_pid)") < 65536))
    talk_gives "alive=4" ping
    assert_equal "$(worker_pids | grep -v "$(admin_pid)")" "$before"
    assert_equal "$(get /nothing -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}')" 404
    assert_equal "$(get /metrics -X POST -d x -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}')" 501
}

@test "A1: an admin process that is killed is started again, and nothing else notices" {
    local pid
    metered_start
    talk_start "$ADDRESS"
    talk open 2
    pid=$(admin_pid)
    kill -KILL "$pid"
    wait_until get /livez
    [ "$(admin_pid)" != "$pid" ]
    server_has_logged 'level=error .*msg="the admin process died" pid='
    metric_is 2 preforkd_requests_total "$OK"
    talk_gives "alive=2" ping
}

@test "an admin process that is told to end is started again, and that is no error" {
    local pid
    metered_start
    pid=$(admin_pid)
    kill -TERM "$pid"
    wait_until server_has_logged "level=info .*msg=\"the admin process ended\" pid=$pid "
    wait_until get /livez
    [ "$(admin_pid)" != "$pid" ]
    refute server_has_logged 'level=error'
}

admin_deaths_are() {
    [ "$(grep -c 'msg="the admin process died"' "$SERVER_LOG")" -eq "$1" ]
}

@test "A1: a reload that starts it again before its time has come leaves it alone afterwards" {
    local i pid since
    metered_start
    for ((i = 1; i <= 6; i++)); do
        wait_until admin_pid
        kill -KILL "$(admin_pid)"
        wait_until admin_deaths_are "$i"
    done
    reload_works
    wait_until get /livez
    pid=$(admin_pid)
    since=$SECONDS
    two_seconds_pass() { ((SECONDS >= since + 2)); } # the longest wait is one
    wait_until two_seconds_pass
    admin_deaths_are 6
    assert_equal "$(admin_pid)" "$pid"
}

@test "the admin process outlives reloads, and listens elsewhere when they say so" {
    local pid
    metered_start
    pid=$(admin_pid)
    reload_works
    assert_equal "$(admin_pid)" "$pid"
    sed -i "s|admin = { listen = .*|admin = { listen = \"unix:$BATS_TEST_TMPDIR/admin.sock\" }|" "$CONFIG"
    reload_works
    wait_until get /livez
    assert_equal "$(get /readyz)" ready
    assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/admin.sock")" 660
    sed -i "s|admin = { listen = .*|admin = { listen = [] }|" "$CONFIG"
    reload_works
    wait_until admin_is_gone
    [ ! -e "$BATS_TEST_TMPDIR/admin.sock" ]
}

admin_is_gone() {
    ! admin_pid
}

@test "the admin process has no right to change anything: no capability, and the memory to read" {
    mkdir "$BATS_TEST_TMPDIR/root"
    open_tmpdir
    metered_start "chroot = \"$BATS_TEST_TMPDIR/root\""
    [ "$(id -u)" -ne 0 ] || assert_equal "$(readlink "/proc/$(admin_pid)/root")" "$BATS_TEST_TMPDIR/root"
    grep -q '^CapEff:.0*$' "/proc/$(admin_pid)/status"
    run grep -c 'rw-s .*memfd:preforkd' "/proc/$(admin_pid)/maps"
    assert_output 0
    [ "$(grep -c 'r--s .*memfd:preforkd' "/proc/$(admin_pid)/maps")" -ge 1 ]
}

@test "no counter goes back, and no series is lost, over 10 reloads and killed workers" {
    local i
    metered_start
    talk_start "$ADDRESS"
    talk open 5
    get /metrics | grep -E '^[a-z_]+_(total|count|bucket|sum)[{ ]' >"$BATS_TEST_TMPDIR/before"
    for ((i = 0; i < 10; i++)); do
        reload_works
        kill -KILL "$(worker_pid 2)" || :
        wait_until workers_are_ready 2
        get /metrics | grep -E '^[a-z_]+_(total|count|bucket|sum)[{ ]' >"$BATS_TEST_TMPDIR/after"
        run "$PYTHON" - "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" <<'END_OF_FILE'
import sys
before, after = (dict(line.rsplit(" ", 1) for line in open(name)) for name in sys.argv[1:])
for series, value in before.items():
    if float(after.get(series, -1)) < float(value):
        print(series, value, after.get(series))
END_OF_FILE
        assert_output ""
        mv "$BATS_TEST_TMPDIR/after" "$BATS_TEST_TMPDIR/before"
    done
}
