#!/usr/bin/env bats
# A worker, a server, clients end while much waits to be handled.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

# full_start: a server whose threads are held and whose queue is full, and its clients.
full_start() {
    work_start --set threads=2 --set queue_length=32
    pipeline_start full-queue --threads 2 --queue 32 --connections 10 --count 20 "$ADDRESS"
}

@test "W1: a worker killed with a full queue ends its clients only, and the service goes on" {
    full_start
    kill -KILL "$(worker_pid 1)"
    pipeline_say killed
    pipeline_wait
    server_has_logged 'msg="worker died'
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "D1: TERM with a full queue: all that was sent is answered, then comes the good-bye and the end" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        full_start
        kill -TERM "$SERVER_PID"
        wait_until server_has_logged msg=draining
        pipeline_say release
        pipeline_wait
        server_wait
        assert_equal "$SERVER_STATUS" 0
        server_has_logged 'msg=stopped closed=[0-9]+ cut=0'
        server_has_logged 'work: exit'
    done
}

@test "C4: clients reset with a full queue: none is closed while its handler runs" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=4 --set queue_length=64
        pipeline resets --server "$SERVER_PID" --threads 4 --queue 64 --connections 20 --count 10 \
            "$ADDRESS"
        server_ends_well
        assert_equal "$(grep -c 'msg="work: closed"' "$SERVER_LOG")" 25
    done
}

# survives_chaos FLAG ARGUMENT...
survives_chaos() {
    module_build work "$1"
    work_start --set drain_timeout=5s "${@:2}"
    seed=$RANDOM
    echo "seed $seed"
    pipeline chaos --connections 15 --hold 3 --seed "$seed" --server "$SERVER_PID" "$ADDRESS"
    server_ends_well
    run grep -c 'never answered' "$SERVER_LOG"
    assert_output 0
}

@test "whatever clients do, and wherever they break off, the worker serves and ends well" {
    survives_chaos -DFLAGS=PF_MODULE_THREADS --set queue_length=20
    survives_chaos "$CONCURRENT" --set queue_length=20 --set threads=8
}

@test "the same with little of everything, shedding, timeouts and heartbeats" {
    survives_chaos -DFLAGS=PF_MODULE_THREADS --set queue_length=10 --set max_pipeline=5 \
        --set max_output=8K --set request_timeout=300ms --set threads=8 --set heartbeat=20ms \
        --set heartbeat_timeout=100ms
    survives_chaos "$CONCURRENT" --set queue_length=10 --set overload=shed \
        --set request_timeout=300ms --set threads=8
}
