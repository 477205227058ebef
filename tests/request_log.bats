#!/usr/bin/env bats
# log.requests: a line a request.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

# request_lines PATTERN: how many there are.
request_lines() {
    grep -Ec "msg=request.* $1" "$SERVER_LOG" || :
}

request_lines_are() {
    [ "$(request_lines "$2")" -eq "$1" ]
}

@test "on: a line a request says what it was, how long it took, and how it ended" {
    local connection key
    work_start --set log.requests=on
    connection=$(pipeline identified --ask "p sleep 20000,i sleep 10" "$ADDRESS")
    wait_until request_lines_are 3 ""
    for key in service=main "connection=$connection" result=ok received= sent= queue_us= \
        handler_us= total_us=; do
        request_lines_are 3 "$key"
    done
    request_lines_are 1 "request=1 .*received=(5|9) sent="
    request_lines_are 1 "request=2 .*received=1[48] sent=1[48] .*handler_us=([2-9][0-9]{4}|[0-9]{6,})"
    request_lines_are 1 "request=3 .*received=1[15] sent=1[15] .*queue_us="
    run "$PYTHON" "$LIB/loglines.py" logfmt "$SERVER_LOG" msg=request request
    assert_success
    assert_output $'1\n2\n3'
}

@test "on: requests whose client has left are closed, whether they ran or waited" {
    work_start --set log.requests=on --set threads=1
    pipeline leave-with-queue "$ADDRESS"
    wait_until request_lines_are 3 "result=closed"
    request_lines_are 1 "request=1 .*result=closed .*sent=0 .*handler_us=[1-9]"
    request_lines_are 1 "request=3 .*result=closed .*sent=0 .*handler_us=0"
}

@test "on: a handler that was too slow has had its time" {
    work_start --set log.requests=on --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
    request_lines_are 1 "request=1 .*result=timeout .*queue_us=[0-9]{1,5} handler_us=[34][0-9]{5} "
}

@test "off, which is the default: none" {
    work_start
    pipeline ask --ask "p sleep 0,i sleep 0" "$ADDRESS"
    server_stop
    request_lines_are 0 ""
}

@test "a rate: so many a second" {
    work_start --set log.requests=10
    SECONDS=0
    pipeline order --connections 2 --count 500 --sleep 100 "$ADDRESS"
    server_stop
    assert [ "$(request_lines "")" -ge 10 ]
    assert [ "$(request_lines "")" -le $((10 * (SECONDS + 2))) ]
}

@test "a rate: failures always" {
    work_start --set log.requests=1 --set threads=1 --set queue_length=8 --set overload=shed
    pipeline shed --queue 8 "$ADDRESS"
    server_stop
    assert [ "$(request_lines "result=busy")" -ge 22 ]
    work_start --set log.requests=1 --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
    server_stop
    assert [ "$(request_lines "result=timeout")" -ge 11 ]
}

@test "JSON lines are as strict" {
    work_start --set log.requests=on --set log.format=json
    ADDRESS=$(sed -n 's/.*"msg":"listening".*"address":"\(.*\)".*/\1/p' "$SERVER_LOG")
    pipeline ask --ask "p sleep 0,i sleep 0" "$ADDRESS"
    server_stop
    run "$PYTHON" "$LIB/loglines.py" json "$SERVER_LOG" msg=request service
    assert_success
    assert_output $'main\nmain'
}

@test "a kept request is logged once it is answered, with all the time that it took" {
    work_start --set log.requests=on
    pipeline ask --ask "p keep 50000,i sleep 0" "$ADDRESS"
    wait_until request_lines_are 2 ""
    request_lines_are 1 "request=1 .*total_us=([5-9][0-9]{4}|[0-9]{6,})"
}

@test "echo sleeps or burns processor time in the pool if it is told to" {
    local option
    for option in sleep_us burn_us; do
        echo_start --set workers=1 --set log.requests=on --option $option=20000
        client ask "$ADDRESS"
        wait_until request_lines_are 1 "handler_us=([2-9][0-9]{4}|[0-9]{6,})"
        server_stop
    done
}
