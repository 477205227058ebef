#!/usr/bin/env bats
# Traces: which requests have spans, what those say, and that a collector can do no harm.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; set by the libraries

setup() {
    load lib/pipeline
    pipeline_setup
    load lib/admin
    load lib/reload
    load lib/upgrade
    load lib/traces
    TRACE=0af7651916cd43dd8448eb211c80319c
    PARENT=b7ad6b7169203331
}

teardown() {
    pipeline_teardown
    server_teardown
    collector_teardown
}

# echo_traced ARGUMENT...: a traced server that echoes.
echo_traced() {
    MODULE=echo traced_start "$@"
}

# ask MESSAGE [COUNT]: what the server answers, once for all.
ask() {
    "$PREFORKCAT" --count "${2:-1}" "$ADDRESS" "$1" | sort -u
}

# flood COUNT: so many requests, all answered.
flood() {
    "$PREFORKCAT" --quiet --count "$1" "$ADDRESS" hello
}

attributes() {
    "$PYTHON" - "$SPANS" <<'END'
import json, sys
for line in open(sys.argv[1]):
    span = json.loads(line)
    if span["kind"] == 2:
        print(*(f"{key}={value}" for key, value in span["attributes"].items()), sep="\n")
END
}

@test "a request in the pool is a span with its wait and its handler as children" {
    collector_start
    echo_traced --option sleep_us=2000
    ask hello
    wait_until requests_traced_are 1
    run requests_traced
    assert_output --regexp '^[0-9a-f]{32} - [0-9a-f]{16} main/message ok 0 queue,handler$'
}

@test "a request on the loop has no wait" {
    collector_start
    echo_traced
    ask hello 3
    wait_until requests_traced_are 3 ' - [0-9a-f]{16} main/message ok 0 handler$'
}

@test "the span says who, where, what and how much, as the log does" {
    collector_start
    echo_traced --set log.requests=on
    ask hello
    wait_until requests_traced_are 1
    run attributes
    assert_line rpc.system=preforkd
    assert_line rpc.service=main
    assert_line rpc.method=message
    assert_line network.transport=tcp
    assert_line network.type=ipv4
    assert_line network.peer.address=127.0.0.1
    assert_line --regexp '^network.peer.port=[1-9][0-9]*$'
    assert_line "preforkd.connection=$("$PYTHON" "$LIB/loglines.py" logfmt "$SERVER_LOG" msg=request connection)"
    assert_line preforkd.request=1
    assert_line preforkd.received=5
    assert_line preforkd.sent=5
    assert_line preforkd.result=ok
    assert_line preforkd.worker=1
    assert_line preforkd.generation=1
}

@test "clients by IPv6 and by unix sockets are named as such" {
    collector_start
    echo_traced --listen '[::1]:0' --listen "unix:$BATS_TEST_TMPDIR/socket"
    "$PREFORKCAT" "$(sed -En 's/.*service=main address=(\[::1\].*)/\1/p' "$SERVER_LOG")" hello
    "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/socket" hello
    wait_until requests_traced_are 2
    run attributes
    assert_line network.type=ipv6
    assert_line network.peer.address=::1
    assert_line network.transport=unix
}

@test "of many requests, the share is traced that is asked for" {
    local traced
    collector_start
    echo_traced --set traces.sample=0.25
    flood 2000
    server_stop
    traced=$(requests_traced | wc -l)
    assert [ "$traced" -ge 400 ] # five standard deviations of 19
    assert [ "$traced" -le 600 ]
    requests_traced_are "$traced" ' - [0-9a-f]{16} main/message ok 0 handler$'
    assert_equal "$(requests_traced | cut -d ' ' -f 1 | sort -u | wc -l)" "$traced"
}

@test "with a share of 0, no request is traced but those whose clients are" {
    collector_start
    module_build traced
    traced_start --set traces.sample=0
    assert_equal "$(ask 'i hello' 100)" none
    ask "i 00-$TRACE-$PARENT-01"
    wait_until requests_traced_are 1
    server_stop
    requests_traced_are 1
}

@test "a client's trace goes on, and the handler hands on its own span" {
    local place handed
    collector_start
    module_build traced
    for place in i p; do
        : >"$SPANS"
        traced_start --set traces.sample=0
        handed=$(ask "$place 00-$TRACE-$PARENT-01")
        [[ $handed =~ ^00-$TRACE-[0-9a-f]{16}-01$ ]]
        server_stop
        requests_traced_are 1 "^$TRACE $PARENT ${handed:36:16} main/message ok 0 "
    done
}

@test "what a client does not trace has no spans here, and is handed on as it came" {
    collector_start
    module_build traced
    traced_start
    assert_equal "$(ask "p 00-$TRACE-$PARENT-00" 50)" "00-$TRACE-$PARENT-00"
    server_stop
    requests_traced_are 0
}

@test "a traceparent that is none is ignored" {
    local text
    collector_start
    module_build traced
    traced_start
    for text in "00-$TRACE-$PARENT-0" "ff-$TRACE-$PARENT-01" "00-${TRACE^^}-$PARENT-01" \
        "00-$TRACE-0000000000000000-01" "$TRACE" "" "$(printf 'x%.0s' {1..5000})"; do
        [[ $(ask "i $text") =~ ^00-[0-9a-f]{32}-[0-9a-f]{16}-01$ ]]
    done
    server_stop
    requests_traced_are 7 ' - [0-9a-f]{16} main/message ok 0 handler$'
    requests_traced_are 0 "^$TRACE"
}

@test "without traces a handler has none to hand on" {
    module_build traced
    server_start --listen 127.0.0.1:0 --module "$MODULE"
    ADDRESS=$(server_address)
    assert_equal "$(ask "i 00-$TRACE-$PARENT-01")" none
}

@test "clients that want all traced get 100 in a second, and then no more than others" {
    local traced
    collector_start
    module_build traced
    traced_start --set traces.sample=0
    SECONDS=0
    ask "i 00-$TRACE-$PARENT-01" 3000 >"$BATS_TEST_TMPDIR/handed"
    grep -qx "00-$TRACE-$PARENT-01" "$BATS_TEST_TMPDIR/handed"
    server_stop
    traced=$(requests_traced | wc -l)
    assert [ "$traced" -ge 100 ]
    assert [ "$traced" -le $((100 * (SECONDS + 2))) ]
}

@test "requests that time out are errors, whether they ran or waited" {
    collector_start
    module_build work
    traced_start --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
    wait_until requests_traced_are 11 ' main/message timeout 2 '
    requests_traced_are 1 ' - [0-9a-f]{16} main/message timeout 2 queue,handler$'
    requests_traced_are 10 ' - - main/message timeout 2 '
}

@test "requests that are shed, or whose clients have left, are errors" {
    collector_start
    module_build work
    traced_start --set threads=1 --set queue_length=8 --set overload=shed
    pipeline shed --queue 8 "$ADDRESS"
    wait_until requests_traced_are 22 ' - - main/message busy 2 queue$'
    server_stop
    : >"$SPANS"
    traced_start --set threads=1
    pipeline leave-with-queue "$ADDRESS"
    wait_until requests_traced_are 3 ' main/message closed 2 queue'
    requests_traced_are 1 ' main/message closed 2 queue,handler$'
}

@test "a kept request lasts until it is answered, and its handler until that returned" {
    collector_start
    module_build work
    traced_start
    pipeline ask --ask "p keep 50000,i sleep 0" "$ADDRESS"
    wait_until requests_traced_are 2 ' main/message ok 0 '
    "$PYTHON" - "$SPANS" <<'END'
import json, sys
spans = [json.loads(line) for line in open(sys.argv[1])]
longest = max(spans, key=lambda span: int(span["end"]) - int(span["start"]))
handler = next(s for s in spans if s["parent"] == longest["id"] and s["name"] == "handler")
assert int(longest["end"]) - int(handler["end"]) >= 49000000, (longest, handler)
END
}

@test "the last spans of workers that a reload replaces arrive, and those of the new ones" {
    collector_start
    local client admin
    configure <<END_OF_FILE
workers = 2
admin = { listen = "127.0.0.1:0" }
traces = { endpoint = "$ENDPOINT"  sample = 1 }
services = { main = { listen = "127.0.0.1:0"  module = "echo"  options = { sleep_us = 300000 } } }
END_OF_FILE
    server_start -c "$CONFIG"
    ADDRESS=$(server_address main)
    admin=$(admin_pid)
    ask hello &
    client=$!
    wait_until metric_is 1 preforkd_active_connections 'service="main"'
    sed -i 's/sleep_us = 300000/sleep_us = 1/' "$CONFIG"
    reload_works
    wait "$client"
    ask hello
    wait_until requests_traced_are 2 ' ok 0 queue,handler$'
    run attributes
    assert_line preforkd.generation=1
    assert_line preforkd.generation=2
    assert_equal "$(admin_pid)" "$admin"
    wait_until metric_is 6 preforkd_spans_exported_total
}

@test "a reload changes at once what is traced, and where it goes" {
    local workers
    collector_start
    configure <<END_OF_FILE
workers = 1
traces = { endpoint = ""  sample = 1 }
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END_OF_FILE
    configured_start
    workers=$(worker_pids)
    ask hello
    [ -z "$(admin_pid)" ]
    sed -i "s|endpoint = \"\"|endpoint = \"$ENDPOINT\"|" "$CONFIG"
    reload_works
    [[ $OUTCOME == *replaced=no* ]]
    wait_until admin_pid
    wait_until is_traced
    sed -i "s|sample = 1 }|sample = 0 } log = { requests = \"on\" }|" "$CONFIG"
    reload_works
    wait_until is_logged # and so the worker knows the rest, too
    ask "not traced"
    sed -i "s|sample = 0|sample = 1|" "$CONFIG"
    reload_works
    wait_until is_traced_as traced
    run attributes
    refute_line preforkd.received=10
    SPANS=$BATS_TEST_TMPDIR/others
    collector_start
    sed -i "s|http://[^\"]*|$ENDPOINT|" "$CONFIG"
    reload_works
    wait_until is_traced
    sed -i "s|http://[^\"]*||" "$CONFIG"
    reload_works
    wait_until no_admin
    assert_equal "$(worker_pids)" "$workers"
}

is_traced() {
    ask hello
    [ -s "$SPANS" ]
}

is_logged() {
    ask hello
    server_has_logged 'msg=request .*result=ok'
}

# is_traced_as MESSAGE: of a length of its own.
is_traced_as() {
    ask "$1"
    attributes | grep -qx "preforkd.received=${#1}"
}

no_admin() {
    ! admin_pid
}

@test "an upgrade loses no span" {
    collector_start
    upgrade_setup
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    module_build traced
    traced_start
    ask i
    kill -USR2 "$SERVER_PID"
    wait_until server_has_logged 'msg=upgraded'
    wait_until server_has_logged 'msg=reloaded'
    ask i
    wait_until requests_traced_are 2 ' ok 0 handler$'
    server_stop
    requests_traced_are 2
}

@test "what is traced last is exported when the server ends" {
    collector_start
    echo_traced --set workers=4
    flood 700
    server_stop
    assert_equal "$SERVER_STATUS" 0
    requests_traced_are 700 ' ok 0 handler$'
}

@test "traces need no admin.listen" {
    collector_start
    server_start --listen 127.0.0.1:0 --module echo --set "traces.endpoint=$ENDPOINT" \
        --set traces.sample=1
    ADDRESS=$(server_address)
    ask hello
    wait_until requests_traced_are 1
    ! server_has_logged 'service=.admin'
}

@test "spans that a collector refuses for now come later; those that it refuses are counted" {
    collector_start later
    echo_traced
    ask hello
    wait_until requests_traced_are 1
    wait_until metric_is 2 preforkd_spans_exported_total
    server_has_logged 'level=warn .*msg="traces cannot be exported" .*status=503'
    server_has_logged 'msg="traces are exported again"'
    server_stop
    collector_start partial
    echo_traced
    ask hello 2
    wait_until metric_is 3 preforkd_spans_exported_total
    metric_is 1 preforkd_spans_dropped_total 'reason="rejected"'
    server_stop
    collector_start refuse
    echo_traced
    ask hello
    wait_until metric_is 2 preforkd_spans_dropped_total 'reason="rejected"'
    metric_is 0 preforkd_spans_exported_total
}

# Anonymous and shared memory of its own, in KiB.
admin_memory() {
    awk '/^(RssAnon|RssShmem):/ { sum += $2 } END { print sum }' "/proc/$(admin_pid)/status"
}

# collector_is_harmless MODE COUNT: though it has seen so many requests.
collector_is_harmless() {
    local before after
    collector_start "$1"
    echo_traced --set workers=2
    before=$(admin_memory)
    flood 3000
    wait_until collector_has_seen "$2"
    flood 3000
    wait_until spans_dropped_reach 1 queue
    metric_is 0 preforkd_spans_exported_total
    wait_until metric_is 6000 preforkd_requests_total 'service="main",result="ok"'
    after=$(admin_memory)
    if [ -z "${PREFORK_SANITIZERS:-}" ]; then
        assert [ "$((after - before))" -lt 8192 ]
    fi
    get /readyz
    server_stop
    assert_equal "$SERVER_STATUS" 0
    collector_stop
    rm -f "$SPANS.requests"
}

@test "a collector that answers nothing does no harm" {
    collector_is_harmless slow 1
}

@test "a collector that answers garbage does no harm" {
    collector_is_harmless garbage 2
}

@test "a collector that answers without an end does no harm" {
    collector_is_harmless endless 2
    collector_is_harmless endless-head 2
}

@test "a collector that answers a byte at a time does no harm" {
    collector_is_harmless drip 1
}

@test "without a collector spans are dropped and counted, and go out once there is one" {
    COLLECTOR_HOST=127.$((RANDOM % 250 + 1)).$((RANDOM % 250)).9 # nobody takes its port meanwhile
    collector_start
    collector_stop
    echo_traced
    ask hello
    PATIENCE=30 wait_until metric_is 2 preforkd_spans_dropped_total 'reason="unreachable"'
    assert_equal "$(grep -c 'msg="traces cannot be exported" .*reason="nobody answers there' "$SERVER_LOG")" 1
    collector_start ok "$COLLECTOR_PORT"
    ask hello
    wait_until requests_traced_are 1
    wait_until metric_is 2 preforkd_spans_exported_total
    server_has_logged 'msg="traces are exported again"'
}

@test "spans are counted, each once: exported, dropped or waiting" {
    local exported
    collector_start
    echo_traced --set workers=2
    flood 5000
    wait_until all_are_counted 10000
    exported=$(metric preforkd_spans_exported_total)
    assert_equal "$(wc -l <"$SPANS")" "$exported"
}

@test "spans that a collector has not taken when another is to have them are counted as dropped" {
    collector_start slow
    configure <<END_OF_FILE
workers = 1
admin = { listen = "127.0.0.1:0" }
traces = { endpoint = "$ENDPOINT"  sample = 1 }
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END_OF_FILE
    configured_start
    flood 700
    wait_until collector_has_seen 1
    collector_start
    sed -i "s|http://[^\"]*|$ENDPOINT|" "$CONFIG"
    reload_works
    wait_until metric_is 1400 preforkd_spans_dropped_total 'reason="unreachable"'
    metric_is 0 preforkd_spans_exported_total
}

all_are_counted() {
    local sum
    sum=$(get /metrics | awk '/^preforkd_spans_/ { sum += $2 } END { print sum }')
    [ "$sum" -eq "$1" ]
}

@test "an admin process that is killed costs no request, and its successor goes on" {
    local pid exported
    collector_start
    echo_traced
    ask hello 10
    wait_until metric_is 20 preforkd_spans_exported_total
    pid=$(admin_pid)
    "$PREFORKCAT" --quiet --count 20000 "$ADDRESS" hello &
    kill -KILL "$pid"
    wait $!
    wait_until server_has_logged 'msg="the admin process died"'
    wait_until admin_is_other "$pid"
    ask hello
    wait_until get /readyz
    exported=$(metric preforkd_spans_exported_total)
    assert [ "$exported" -ge 20 ]
    wait_until spans_exported_beyond "$exported"
}

spans_exported_beyond() {
    ask hello
    [ "$(metric preforkd_spans_exported_total)" -gt "$1" ]
}

@test "an admin process that stands still costs no request; spans are dropped and counted" {
    local pid
    collector_start
    echo_traced
    pid=$(admin_pid)
    stop_process "$pid"
    flood 20000
    kill -CONT "$pid"
    wait_until spans_dropped_reach 1 channel
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

# ticks PID: hundredths of a second that it has computed.
ticks() {
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

@test "a worker that ends the channel for traces costs traces alone, and the admin process no time" {
    local before
    ENDPOINT=http://127.0.0.1:9/v1/traces # nobody is there, which does not matter
    module_build damage "-I$PREFORK_SOURCE/src"
    open_tmpdir
    traced_start
    assert_equal "$(ask traces)" 'done by 1'
    wait_until server_has_logged 'msg="no traces come any more: their channel has ended"'
    before=$(ticks "$(admin_pid)")
    flood 2000
    assert_equal "$(metric 'preforkd_requests_total{service="main",result="ok"}')" 2001
    assert [ $(($(ticks "$(admin_pid)") - before)) -lt 50 ]
}
