#!/usr/bin/env bats
# log.slow: a line for each request that took long.

setup() {
    load lib/pipeline
    pipeline_setup
    load lib/reload
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

# slow_lines [PATTERN]: how many there are.
slow_lines() {
    grep -Ec "level=warn .*msg=\"slow request\" .*${1:-}" "$SERVER_LOG" || :
}

slow_lines_are() {
    [ "$(slow_lines "${2:-}")" -eq "$1" ]
}

@test "a slow request has a line with its phases, a fast one has none" {
    local key
    work_start --set log.slow=300ms
    pipeline ask --ask "p sleep 400000,i sleep 400000,p sleep 0" "$ADDRESS"
    wait_until slow_lines_are 2
    for key in service=main peer=127.0.0.1: connection= result=ok received= sent= queue_us= \
        handler_us= reply_us= total_us=; do
        slow_lines_are 2 "$key"
    done
    slow_lines_are 2 "handler_us=([4-9][0-9]{5}|[0-9]{7,}) .*total_us=([4-9][0-9]{5}|[0-9]{7,})$"
    run "$PYTHON" "$LIB/loglines.py" logfmt "$SERVER_LOG" "msg=slow request" request
    assert_success
    assert_output $'1\n2'
}

@test "one that is kept for long is slow in its reply" {
    work_start --set log.slow=40ms
    pipeline ask --ask "p keep 50000" "$ADDRESS"
    wait_until slow_lines_are 1 "reply_us=([4-9][0-9]{4}|[0-9]{6,}) "
}

@test "those that fail have their result" {
    work_start --set log.slow=350ms --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
    wait_until slow_lines_are 1 "request=1 .*result=timeout "
}

@test "a flood of slow requests is a few lines, and how many there were besides" {
    work_start --set log.slow=1ms
    SECONDS=0
    pipeline order --connections 4 --count 500 --sleep 1500 "$ADDRESS"
    wait_until server_has_logged 'msg="similar log lines held back" .*lines="slow request"'
    server_stop
    assert [ "$(slow_lines)" -le $((10 * (SECONDS + 2))) ]
}

@test "off, which is the default, there are none; a reload changes it at once" {
    local worker
    configure <<END_OF_FILE
workers = 1
log = { slow = "off" }
services = { main = { listen = "127.0.0.1:0"  module = "echo"  options = { sleep_us = 5000 } } }
END_OF_FILE
    configured_start
    worker=$(worker_pid 1)
    "$PREFORKCAT" --quiet "$ADDRESS" hello
    slow_lines_are 0
    sed -i 's/slow = "off"/slow = "1ms"/' "$CONFIG"
    reload_works
    wait_until has_slow_line
    assert_equal "$(worker_pid 1)" "$worker"
}

has_slow_line() {
    "$PREFORKCAT" --quiet "$ADDRESS" hello
    [ "$(slow_lines)" -gt 0 ]
}
