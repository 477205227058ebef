#!/usr/bin/env bats
# More comes than is handled: clients wait, or are told, and nobody gets a wrong reply.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

# says_that_it_is_full: in the log, but ten times a second at most.
says_that_it_is_full() {
    wait_until server_has_logged 'level=warn .*(queue.*full|full.*queue|overload)'
    run grep -Ec 'level=warn .*(queue.*full|full.*queue|overload)' "$SERVER_LOG"
    ((output <= 10 * (SECONDS + 2)))
}

@test "wait: no more is dispatched than the queue takes, all are served in the end" {
    work_start --set threads=1 --set queue_length=8
    pipeline wait --queue 8 --connections 10 --count 50 --sleep 100 "$ADDRESS"
    says_that_it_is_full
    server_ends_well
}

@test "wait: the same for a concurrent module" {
    module_build work "$CONCURRENT"
    work_start --set threads=1 --set queue_length=8
    pipeline wait --queue 8 --connections 10 --count 50 --sleep 100 "$ADDRESS"
    says_that_it_is_full
    server_ends_well
}

@test "wait: a queue of one message is a queue" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=1 --set queue_length=1
        pipeline wait --queue 1 --connections 5 --count 20 --sleep 100 "$ADDRESS"
        server_ends_well
    done
}

@test "wait: connections go on in the order in which they were paused" {
    work_start --set threads=1 --set queue_length=20
    pipeline paused-order --connections 10 --count 20 "$ADDRESS"
}

@test "wait: whoever comes when there is room again goes behind those who wait" {
    work_start --set threads=1 --set queue_length=4
    pipeline newcomers --threads 1 "$ADDRESS"
    server_ends_well
}

@test "wait: clients that come in bursts, or shut their side down, get all replies" {
    work_start --set threads=2 --set queue_length=4
    pipeline half-close --count 200 --sleep 100 "$ADDRESS"
    pipeline bursts --connections 10 --count 100 --sleep 300 --places hnlip "$ADDRESS"
    server_ends_well
}

@test "wait: a connection that is closed while it is paused harms nobody" {
    module_build work "$CONCURRENT"
    work_start --set threads=1 --set queue_length=1
    pipeline bye-while-paused --connections 10 "$ADDRESS"
    server_ends_well
}

@test "shed: what finds no room is answered at once, in its place, and then it is as before" {
    work_start --set threads=1 --set queue_length=8 --set overload=shed
    pipeline shed --queue 8 "$ADDRESS"
    says_that_it_is_full
    server_ends_well
}

@test "shed: one connection that sends more than the queue takes gets right replies first" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=1 --set queue_length=8 --set overload=shed
        pipeline shed-behind-own --queue 8 "$ADDRESS"
        server_ends_well
    done
}

@test "shed: a module without a busy reply has the server's" {
    module_build work -DNOTICE=NULL
    work_start --set threads=1 --set queue_length=8 --set overload=shed
    pipeline shed --queue 8 "$ADDRESS"
}

@test "shed: a module may have no busy reply at all" {
    work_start --set threads=1 --set queue_length=8 --set overload=shed --option mute=true
    pipeline mute --queue 8 "$ADDRESS"
}

@test "shed: in a flood each reply is right or busy, and then it is as before" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=2 --set queue_length=16 --set overload=shed
        pipeline shed-flood --connections 20 --count 100 --sleep 500 "$ADDRESS"
        says_that_it_is_full
        server_ends_well
    done
}

@test "shed: the queue of one priority is full, that of another is not" {
    work_start --set threads=1 --set queue_length=8 --set overload=shed
    pipeline apart --queue 8 "$ADDRESS"
}

@test "shed: the server's busy reply has the header of its request" {
    echo_start --set workers=1 --set threads=1 --set queue_length=2 --set overload=shed \
        --set length_offset=3 --option sleep_us=20000
    pipeline heads --kinds busy --connections 10 --count 5 "$ADDRESS"
}
