#!/usr/bin/env bats
# Clients of pooled services that do not read, or promise much, cost a bounded amount of memory.

setup() {
    load lib/pipeline
    pipeline_setup
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "what a sanitizer does with memory is not the server's"
}

teardown() {
    server_teardown
}

@test "C3: 100 clients that pipeline to the pool without reading leave memory flat, get every reply" {
    echo_start --set workers=2 --set write_timeout=60s --set max_output=64K --set dispatch=pool
    client flood --clients 100 --server "$SERVER_PID" --grow 64M --hold 1 "$ADDRESS"
}

@test "C3: the same with a short queue" {
    echo_start --set workers=1 --set write_timeout=60s --set max_output=64K --set dispatch=pool \
        --set queue_length=16
    client flood --clients 100 --server "$SERVER_PID" --grow 32M --hold 1 "$ADDRESS"
}

@test "C3: 100 clients that announce large messages for the pool take memory for what has come" {
    echo_start --set workers=1 --set max_message_size=16M --set dispatch=pool
    client stall --clients 100 --announce 16M --head 1000 --server "$SERVER_PID" --grow 2M \
        "$ADDRESS"
}

@test "C3: 100 clients that fill the queue with small messages, none of which is handled, cost little" {
    module_build work
    work_start --set threads=2 --set queue_length=64
    pipeline full-queue-memory --connections 100 --threads 2 --size 100 --server "$SERVER_PID" \
        --grow 32M "$ADDRESS"
}

@test "C3: the same with messages of 60 KB" {
    module_build work
    work_start --set threads=2 --set queue_length=64
    pipeline full-queue-memory --connections 100 --threads 2 --size 60K --server "$SERVER_PID" \
        --grow 64M "$ADDRESS"
}

@test "C3: 100 clients that pipeline into shedding without reading leave memory flat" {
    module_build work
    work_start --set threads=2 --set queue_length=64 --set overload=shed --set max_output=64K \
        --set write_timeout=60s --option padding=4000
    pipeline full-queue-memory --connections 100 --threads 2 --size 1K --server "$SERVER_PID" \
        --grow 64M --kinds ok,busy "$ADDRESS"
}

@test "what stands behind a message whose handler closes costs nothing in the end" {
    local flag ask
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start
        for ask in "p bye" "i bye" "p keepbye 100" "i keepbye 100"; do
            pipeline behind-bye --ask "$ask" --count 200 --size 1000 --server "$SERVER_PID" \
                --grow 4M "$ADDRESS"
        done
        server_ends_well
    done
}
