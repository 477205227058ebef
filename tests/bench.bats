#!/usr/bin/env bats
# preforkbench: loads a framed server and measures it. No test asserts a speed.
# shellcheck disable=SC2154 # address, status, output, errors: set by lib/peer.bash, lib/bench.bash

setup() {
    load lib/peer
    load lib/server
    load lib/bench
}

teardown() {
    peer_stop_all
    server_teardown
}

# What is measured

@test "a number of requests is sent, answered and counted, no more and no less" {
    echo_start
    bench_run -n 2000 -c 7 "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 2000 and r["connects"] == 7 and sum(e.values()) == 0'
    json 'r["bytes_in"] == r["bytes_out"] == 2000 * 68 and r["lost"] == r["unsent"] == 0'
}

@test "the results have each of their keys" {
    echo_start
    bench_run -n 10 -c 2 "$ADDRESS"
    json 'list(r) == ["version", "address", "connections", "idle", "pipeline", "threads",
        "processes", "framing", "rate", "warmup_s", "duration_s", "requests", "requests_per_s",
        "bytes_in", "bytes_out", "connects", "connects_per_s", "connect_latency_us",
        "latency_us", "errors", "lost", "unsent", "client_cpu_us_per_request",
        "client_cpu_share", "bottleneck", "steps"]'
    json 'list(r["latency_us"]) == list(r["connect_latency_us"]) == ["min", "mean", "stddev",
        "p50", "p90", "p99", "p999", "p9999", "max"]'
    json 'list(e) == ["connect", "reset", "eof", "timeout", "frame", "length", "content"]'
    json 'r["version"] == 1 and r["rate"] is None and r["steps"] == []'
}

@test "latencies are in order, and none is larger than the run" {
    echo_start
    bench_run -n 500 -c 4 "$ADDRESS"
    json '(lambda l: 0 < l["min"] <= l["p50"] <= l["p90"] <= l["p99"] <= l["p999"] <= l["p9999"]
        <= l["max"] <= r["duration_s"] * 1e6)(r["latency_us"])'
}

@test "a duration is measured behind a warm-up" {
    echo_start
    bench_run -d 300ms -w 200ms -c 4 "$ADDRESS"
    expect_status 0
    json 'abs(r["duration_s"] - 0.3) < 1e-6 and r["warmup_s"] == 0.2 and r["requests"] > 0'
}

@test "a warm-up of no time is none, and no other duration may be none" {
    local option
    echo_start
    bench_run -n 100 -w 0s "$ADDRESS"
    expect_status 0
    json 'r["warmup_s"] == 0 and r["requests"] == 100'
    bench_run -d 200ms -w 1h -w 0ms "$ADDRESS"
    expect_status 0
    json 'r["warmup_s"] == 0 and abs(r["duration_s"] - 0.2) < 1e-6 and r["requests"] > 0'
    for option in --duration --timeout; do
        bench_run "$option" 0s "$ADDRESS"
        expect_status 64
        [[ $errors == "preforkbench: $option \"0s\": expected a duration"* ]]
    done
}

@test "a number of requests behind a warm-up is exact too" {
    echo_start
    bench_run -n 3000 -w 100ms -c 4 -p 8 "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 3000'
}

@test "threads and processes share the connections and the requests" {
    echo_start
    bench_run -n 1001 -c 11 --idle 5 -t 2 -P 3 "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 1001 and r["connects"] == 16 and r["threads"] * r["processes"] == 6'
}

@test "with one connection for several threads, some have none" {
    echo_start
    bench_run -n 10 -c 1 -t 3 -P 2 "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 10 and r["connects"] == 1'
}

@test "more requests in flight than a connection's life has are not sent" {
    echo_start
    bench_run -n 1000 -c 5 -p 16 --churn=4 "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 1000 and r["pipeline"] == 4 and r["connects"] >= 245'
}

@test "in churn each request has a connection of its own" {
    echo_start
    bench_run -n 300 -c 6 --churn "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 300 and sum(e.values()) == 0 and r["connects"] >= 294'
}

@test "connections come from the addresses that they are told to" {
    echo_start --set log.level=debug
    bench_run -n 20 -c 4 --source 127.0.0.2,127.0.0.3 "$ADDRESS"
    expect_status 0
    server_has_logged 'peer=127\.0\.0\.2:'
    server_has_logged 'peer=127\.0\.0\.3:'
    ! server_has_logged 'peer=127\.0\.0\.1:'
}

@test "several addresses are taken in turn" {
    peer_start mirror
    bench_run -n 1 -c 2 --idle 2 127.0.0.1:1 "$address"
    expect_status 1
    json 'e["connect"] >= 1 and r["address"].startswith("127.0.0.1:1,127.0.0.1:")'
}

@test "the results name all of many addresses" {
    local i addresses=()
    peer_start mirror
    for ((i = 0; i < 200; i++)); do
        addresses+=("$address")
    done
    bench_run -n 1 -c 1 "${addresses[@]}" "unix:/tmp/\"quoted\""
    expect_status 0
    json 'r["address"].count(",") == 200 and r["address"].endswith(",unix:/tmp/\"quoted\"")'
}

# Messages

@test "sizes may be one, a range, a distribution or those of a file" {
    local size
    echo_start
    printf '1\n10K\n64K\n' >"$BATS_TEST_TMPDIR/sizes"
    for size in 1 100K 1-3000 exp:2K "file:$BATS_TEST_TMPDIR/sizes"; do
        bench_run -n 200 -c 3 -p 5 -s "$size" --check content "$ADDRESS"
        expect_status 0
        json 'r["requests"] == 200'
        bench_run -n 200 -c 3 -p 5 -s "$size" "$ADDRESS"
        expect_status 0
        json 'r["requests"] == 200'
    done
}

@test "every framing of the server is spoken" {
    local options
    for options in "--length-bytes 1" "--length-bytes 2 --byte-order little" \
        "--length-bytes 8" "--length-bytes varint" "--length-offset 3 --length-adjust -2" \
        "--framing line" "-f line --crlf"; do
        peer_start mirror
        # shellcheck disable=SC2086 # several words
        bench_run -n 200 -c 1 -p 10 -s 10-200 --check content $options "$address"
        expect_status 0
        json 'r["requests"] == 200'
    done
    json 'r["framing"] == "line"'
}

@test "a unix socket is loaded, with messages larger than it takes at once" {
    server_start --listen "unix:$BATS_TEST_TMPDIR/s" --module echo
    bench_run -n 200 -c 4 -p 4 -s 1-500K --check content "unix:$BATS_TEST_TMPDIR/s"
    expect_status 0
    json 'r["requests"] == 200'
}

@test "a reply that comes byte by byte is one" {
    peer_start slow
    bench_run -n 2 -c 1 -s 8 --check content "$address"
    expect_status 0
}

# The open loop

@test "at a rate, what is due is sent or told to be unsent" {
    echo_start
    bench_run -d 1s -c 5 -r 400 "$ADDRESS"
    expect_status 0
    # Up to 5 are answered after the end, and count for neither.
    json 'r["rate"] == 400 and 394 <= r["requests"] + r["unsent"] <= 401 and r["lost"] == 0'
}

@test "what is due while preforkbench itself is held up is told to be unsent" {
    local pid child
    echo_start
    "$PREFORKBENCH" -d 2s -c 5 -r 400 --json --live "$ADDRESS" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/errors" 3>&- &
    pid=$!
    wait_until grep -q 's: [0-9]* requests/s, [1-9]' "$BATS_TEST_TMPDIR/errors"
    child=$(pgrep -P "$pid")
    kill -STOP "$child"
    wait_until grep -Eq '^(2\.[1-9]|[3-9]\.)' "$BATS_TEST_TMPDIR/errors"
    kill -CONT "$child"
    wait "$pid"
    json '794 <= r["requests"] + r["unsent"] <= 801 and r["lost"] == 0'
}

@test "the latency of a rate counts from when a request was due" {
    peer_start stall-after --count 20
    bench_run -d 2s -c 1 -r 100 "$address"
    expect_status 0
    # Of 200 requests those of the second in which the server was away have waited for it.
    json 'r["latency_us"]["p90"] > 400000'
}

@test "a stepped rate has results for each of its steps" {
    echo_start
    bench_run -d 900ms -w 100ms -c 5 -r 100:200:400 "$ADDRESS"
    expect_status 0
    json '[s["rate"] for s in r["steps"]] == [100, 200, 400]'
    json 'all(abs(s["duration_s"] - 0.3) < 1e-6 for s in r["steps"])'
    json 'sum(s["requests"] for s in r["steps"]) == r["requests"]'
    json 'list(r["steps"][0]) == ["rate", "duration_s", "requests", "requests_per_s",
        "latency_us"]'
}

@test "churn at a rate connects for each request" {
    echo_start
    bench_run -n 50 -c 5 -r 500 --churn "$ADDRESS"
    expect_status 0
    json 'r["requests"] == 50 and r["connects"] >= 45'
}

# Failures

@test "a reply of another length is an error, the next one is not" {
    peer_start reply --payload 616263
    bench_run -n 5 -c 1 -s 4 "$address"
    expect_status 1
    json 'e["length"] == 5 and r["requests"] == 0'
    bench_run -n 5 -c 1 -s 3 "$address"
    expect_status 0
}

@test "a reply of other content is an error if it is checked" {
    peer_start reply --payload 61626364
    bench_run -n 5 -c 1 -s 4 "$address"
    expect_status 0
    bench_run -n 5 -c 1 -s 4 --check content "$address"
    expect_status 1
    json 'e["content"] == 5 and r["requests"] == 0'
}

@test "any frame is a reply if nothing is checked" {
    peer_start reply --payload 616263
    bench_run -n 5 -c 1 -s 400 --check none "$address"
    expect_status 0
    json 'r["requests"] == 5'
}

@test "what is no frame is an error" {
    peer_start junk-after --count 2
    bench_run -n 4 -c 1 "$address"
    expect_status 1
    json 'e["frame"] >= 1'
}

@test "a reply that nobody asked for is an error" {
    peer_start chatty
    bench_run -n 4 -c 1 "$address"
    expect_status 1
    json 'e["frame"] + e["length"] >= 1'
}

@test "a connection that the server closes is an error, and another one follows" {
    peer_start close-after --count 3
    bench_run -n 10 -c 1 -p 2 "$address"
    expect_status 1
    json 'e["eof"] >= 1 and r["requests"] > 3 and r["requests"] + r["lost"] >= 10'
}

@test "a connection that is closed in the midst of a reply is an error" {
    peer_start cut-after --count 3
    bench_run -n 4 -c 1 -p 4 "$address"
    expect_status 1
    json 'e["eof"] == 1 and r["requests"] == 3 and r["lost"] == 1'
}

@test "a connection that is reset is an error" {
    peer_start reset-after --count 3
    bench_run -n 4 -c 1 "$address"
    expect_status 1
    json 'e["reset"] == 1 and r["requests"] == 3 and r["lost"] == 1'
}

@test "a server that does not answer is given up" {
    peer_start silent-after --count 1
    bench_run -n 2 -c 1 --timeout 300ms "$address"
    expect_status 1
    json 'e["timeout"] == 1 and r["requests"] == 1 and r["lost"] == 1'
}

@test "a run without any reply is none that went well" {
    peer_start silent
    bench_run -d 200ms -c 1 "$address"
    expect_status 1
    json 'r["requests"] == 0 and sum(e.values()) == 0'
}

@test "a server that does not read is given up" {
    peer_start deaf
    bench_run -n 8 -c 1 -p 8 -s 4M --timeout 300ms "$address"
    expect_status 1
    json 'e["timeout"] == 1 and r["requests"] == 0 and r["lost"] == 8'
}

@test "an idle connection that the server closes is an error" {
    echo_start --set idle_timeout=500ms
    bench_run -d 2s -c 1 --idle 3 "$ADDRESS"
    expect_status 1
    json 'e["eof"] == 3 and r["idle"] == 3 and r["connects"] == 4'
}

@test "without any connection there is no result" {
    peer_start refuse
    bench_run -n 1 "$address"
    expect_status 69
    [ "$errors" = "preforkbench: cannot connect to $address: Connection refused" ]
    [ "$output" = "" ]
}

@test "connections that do not come about are given up" {
    peer_start full
    bench_run -n 1 -c 1 --timeout 300ms "$address"
    expect_status 69
    [ "$errors" = "preforkbench: cannot connect to $address: Connection timed out" ]
}

@test "a unix socket whose backlog is full is tried again, and given up at last" {
    peer_start full --unix "$BATS_TEST_TMPDIR/s"
    bench_run -n 1 -c 1 --timeout 300ms "$address"
    expect_status 69
    [ "$errors" = "preforkbench: cannot connect to $address: Connection timed out" ]
    server_start --listen "unix:$BATS_TEST_TMPDIR/t" --module echo --set backlog=2
    bench_run -n 200 -c 100 "unix:$BATS_TEST_TMPDIR/t"
    expect_status 0
    json 'r["requests"] == 200 and r["connects"] == 100 and sum(e.values()) == 0'
}

@test "more connections than files can be open are refused with what to do" {
    status=0
    run "$BASH" -c 'ulimit -n 64; exec "$0" "$@"' "$PREFORKBENCH" -c 100 127.0.0.1:1
    [ "$status" = 64 ]
    [[ $output == *"100 connections a process are more than the limit of open files, 64"* ]]
}

@test "mistakes on the command line are told" {
    local arguments
    for arguments in "" "-c 0 127.0.0.1:1" "-d 1s -n 5 127.0.0.1:1" "-s 64-1 127.0.0.1:1" "-s exp:x 127.0.0.1:1" \
        "-r 0 127.0.0.1:1" "-r 1:x 127.0.0.1:1" "-n 5 -r 1:2 127.0.0.1:1" \
        "--check all 127.0.0.1:1" "--crlf 127.0.0.1:1" "-d 5 127.0.0.1:1" "127.0.0.1" \
        "--source ::1 127.0.0.1:1" "--source x 127.0.0.1:1" "--length-bytes 1 -s 300 127.0.0.1:1"; do
        # shellcheck disable=SC2086 # several words
        bench_run $arguments
        expect_status 64
        [[ $errors == "preforkbench: "* ]]
    done
    bench_run --source 127.0.0.2:80 127.0.0.1:1
    [[ $errors == *'--source "127.0.0.2:80": expected an IP address without a port' ]]
}

# Output

@test "the summary tells rate, latencies and their spread" {
    echo_start
    run "$PREFORKBENCH" -n 100 -c 2 "$ADDRESS"
    [ "$status" = 0 ]
    [[ $output == "requests    100 in "*"latency     50% "*"  up to "*"#"*"connects    2: "* ]]
}

@test "the summary tells what failed" {
    peer_start reply --payload 616263
    run "$PREFORKBENCH" -n 5 -c 1 -s 4 "$address"
    [ "$status" = 1 ]
    [[ $output == *"errors      5 replies were of another length"* ]]
}

@test "how it goes is shown on a terminal, unless it is to be quiet" {
    echo_start
    bench_on_terminal -d 1200ms -c 2 "$ADDRESS"
    expect_status 0
    [[ $errors == *" requests/s, "* ]]
    bench_on_terminal -q -d 1200ms -c 2 "$ADDRESS"
    expect_status 0
    [ "$output$errors" = "" ]
    bench_on_terminal -q --live -d 1200ms -c 2 "$ADDRESS"
    expect_status 0
    [[ $output == "" && $errors == *" requests/s, "* ]]
    bench_run -d 1200ms -c 2 "$ADDRESS"
    expect_status 0
    [[ $errors != *" requests/s, "* ]]
}

@test "percentiles are written for a plot" {
    local file=$BATS_TEST_TMPDIR/latency.hgrm
    echo_start
    bench_run -n 1000 -c 2 --percentiles "$file" "$ADDRESS"
    expect_status 0
    [ "$(head -n 1 "$file")" = "       Value     Percentile TotalCount 1/(1-Percentile)" ]
    grep -Eq '^ +[0-9.]+ 1\.000000000000 +1000$' "$file"
    grep -Eq '^#\[Max .*Total count +=  +1000\]$' "$file"
    # Values and counts go up.
    awk 'NF >= 3 && $1 + 0 == $1 { if ($1 < v || $3 < n) exit 1; v = $1; n = $3 }' "$file"
}

@test "a file of percentiles that cannot be written is told before the run" {
    peer_start refuse
    bench_run -n 1 --percentiles /nonexistent/x "$address"
    expect_status 70
    [ "$errors" = 'preforkbench: cannot write "/nonexistent/x": No such file or directory' ]
    bench_run -n 1 --percentiles "$BATS_TEST_TMPDIR" "$address"
    expect_status 70
    [ "$errors" = "preforkbench: cannot write \"$BATS_TEST_TMPDIR\": Is a directory" ]
    [ "$output" = "" ]
}

@test "a file of percentiles is left as it was by a run without results" {
    local file=$BATS_TEST_TMPDIR/latency.hgrm
    peer_start refuse
    bench_run -n 1 --percentiles "$file" "$address"
    expect_status 69
    [ ! -e "$file" ]
    echo before >"$file"
    bench_run -n 1 --percentiles "$file" "$address"
    expect_status 69
    [ "$(<"$file")" = before ]
}

@test "percentiles replace what the file had, and may go into a pipe" {
    local file=$BATS_TEST_TMPDIR/latency.hgrm
    echo_start
    seq 10000 >"$file"
    bench_run -n 10 --percentiles "$file" "$ADDRESS"
    expect_status 0
    grep -q '^ *Value' <(head -n 1 "$file")
    grep -q '^#\[Buckets' <(tail -n 1 "$file")
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    tail -n 1 "$BATS_TEST_TMPDIR/pipe" >"$file" 3>&- &
    bench_run -n 10 --percentiles "$BATS_TEST_TMPDIR/pipe" "$ADDRESS"
    expect_status 0
    wait $!
    grep -q '^#\[Buckets' "$file"
}

@test "a file that cannot be written is told" {
    echo_start
    bench_run -n 10 --percentiles /dev/full "$ADDRESS"
    expect_status 70
    [ "$errors" = 'preforkbench: cannot write "/dev/full": No space left on device' ]
    status=0
    "$PREFORKBENCH" -n 10 "$ADDRESS" >/dev/full 2>"$BATS_TEST_TMPDIR/errors" || status=$?
    [ "$status" = 70 ]
    grep -q 'cannot write standard output' "$BATS_TEST_TMPDIR/errors"
}

@test "an interrupt ends the run with its results" {
    echo_start
    "$PREFORKBENCH" -d 1h -c 2 --json --live "$ADDRESS" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/errors" 3>&- &
    local pid=$!
    wait_until grep -q 's: [0-9]* requests/s, [1-9]' "$BATS_TEST_TMPDIR/errors"
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 0 ]
    json 'r["requests"] > 0 and 0 < r["duration_s"] < 3600'
}

@test "its processes end with it" {
    echo_start
    "$PREFORKBENCH" -d 1h -c 4 -P 2 "$ADDRESS" >/dev/null 2>&1 3>&- &
    local pid=$! child
    wait_until has_children "$pid" 2
    child=$(pgrep -P "$pid" | head -n 1)
    kill -KILL "$pid"
    { wait "$pid" || :; } 2>/dev/null # quietly
    wait_until is_gone "$child"
}

has_children() {
    [ "$(pgrep -c -P "$1")" = "$2" ]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1") == Z* ]]
}
