#!/usr/bin/env bats
# Requests that take too long are answered as late, and nobody else has to wait for them.

setup() {
    load lib/pipeline
    pipeline_setup
    load lib/load
    module_build work
}

teardown() {
    load_teardown
    pipeline_teardown
    server_teardown
}

@test "W5: a handler that takes too long: its client and those behind are told, others served" {
    work_start --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
    wait_until server_has_logged 'reply to p1 gave -4' # PF_E_LATE
    server_ends_well
}

@test "a module without a timeout reply has the server's" {
    module_build work -DNOTICE=NULL
    work_start --set threads=4 --set request_timeout=400ms
    pipeline time-out "$ADDRESS"
}

@test "the server's timeout reply has the header of its request" {
    echo_start --set workers=1 --set threads=2 --set length_offset=3 --set request_timeout=300ms \
        --option sleep_us=50000
    pipeline heads --kinds timeout --count 20 "$ADDRESS"
}

@test "a module may have no timeout reply at all" {
    work_start --set threads=4 --set request_timeout=200ms --option mute=true
    pipeline time-out-mute --hold 1 "$ADDRESS"
}

@test "what waits too long in the queue is answered in its place, and not handled" {
    work_start --set threads=2 --set request_timeout=500ms
    pipeline expire-queued --threads 2 "$ADDRESS"
    server_ends_well
}

@test "paused connections whose requests time out are served again" {
    work_start --set threads=2 --set queue_length=1 --set request_timeout=500ms
    pipeline expire-paused --threads 2 --sleep 50000 --connections 20 "$ADDRESS"
    server_ends_well
}

@test "of a concurrent module a long request holds up no other of its connection" {
    module_build work "$CONCURRENT"
    work_start --set threads=4
    pipeline batch --hold 5 "$ADDRESS"
}

@test "of a concurrent module a late request holds up no other of its connection" {
    module_build work "$CONCURRENT"
    work_start --set threads=4 --set request_timeout=400ms
    pipeline time-out-concurrent "$ADDRESS"
    server_ends_well
}

@test "a request that is kept too long is answered as late, and its reply refused" {
    local place
    for place in i p; do
        work_start --set threads=2 --set request_timeout=300ms
        pipeline time-out-kept --ask "$place park" "$ADDRESS"
        wait_until server_has_logged "kept reply to ${place}1 gave -4"
        server_ends_well
    done
}

@test "a late handler still has its request and its connection" {
    module_build work "$CONCURRENT"
    work_start --set threads=2 --set request_timeout=300ms
    pipeline time-out-kept --ask "p sleep 700000" "$ADDRESS"
    wait_until server_has_logged 'reply to p1 gave -[34]' # the client may have left
    server_ends_well
}

@test "an inline handler is never late" {
    work_start --set threads=2 --set request_timeout=200ms
    pipeline in-time --sleep 600000 "$ADDRESS"
}

@test "a handler sees its deadline" {
    work_start --set request_timeout=20s
    pipeline deadline --most 20000 "$ADDRESS"
    server_stop
    work_start
    pipeline deadline --most 0 "$ADDRESS"
}

@test "W5: handlers that hang for ever, one less than there are threads, hurt nobody else" {
    local worker
    work_start --set threads=4 --set request_timeout=300ms
    worker=$(worker_pids)
    load_start "$ADDRESS" --connections 10 --largest 100
    pipeline hang --count 3 "$ADDRESS"
    load_finish
    load_says wrong=0 cut=0 reset=0
    assert_equal "$(worker_pids)" "$worker"
}

@test "W5: handlers that have become slow, each in time for itself, are not taken for one that hangs" {
    local worker
    work_start --set threads=1 --set request_timeout=1s
    worker=$(worker_pids)
    pipeline slow-down --sleep 300000 --count 16 "$ADDRESS"
    refute server_has_logged 'msg="a handler hangs"'
    assert_equal "$(worker_pids)" "$worker"
}

@test "W5: a worker all of whose threads hang is replaced, and ends; no other client is hurt" {
    module_build work -DNOTICE=NULL # no good-bye, which the load does not know
    work_start --set threads=4 --set request_timeout=300ms --set drain_timeout=5s
    load_start "$ADDRESS" --connections 10 --largest 100
    pipeline hang-until-replaced --server "$SERVER_PID" --least 4 --most 8 "$ADDRESS"
    load_wait
    load_says eof=10 wrong=0 cut=0 reset=0
    server_has_logged 'level=error .*msg="too many handlers hang: this worker retires"'
    run grep -c 'msg="worker died' "$SERVER_LOG"
    assert_output 0
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "W5: a worker whose threads hang is replaced also when the clients have left" {
    work_start --set threads=2 --set request_timeout=300ms --set drain_timeout=5s
    pipeline hang-and-leave --threads 2 --server "$SERVER_PID" "$ADDRESS"
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "W5: a drain ends although a handler hangs" {
    work_start --set threads=4 --set request_timeout=300ms --set drain_timeout=2s
    pipeline hang --count 2 "$ADDRESS"
    server_stop
    assert_equal "$SERVER_STATUS" 0
}
