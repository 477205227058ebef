#!/usr/bin/env bats
# Who pipelines gets each reply, and in the order of the requests, wherever they are handled.

setup() {
    load lib/pipeline
    pipeline_setup
}

teardown() {
    pipeline_teardown
    server_teardown
}

@test "200 pipelined requests a connection, 8 threads, random handler times: all right, in order" {
    module_build work
    work_start --set threads=8
    pipeline order --connections 8 --count 200 --sleep 2000 "$ADDRESS"
    server_ends_well
}

@test "of a module that is not concurrent one handler of a connection runs at a time" {
    module_build work
    work_start --set threads=8
    pipeline order --connections 8 --count 200 --sleep 500 --places hnlip --most 1 "$ADDRESS"
    server_ends_well
}

@test "of a concurrent one the handlers of a connection overlap, and replies are in order" {
    module_build work "$CONCURRENT"
    work_start --set threads=8
    pipeline order --connections 4 --count 200 --sleep 5000 --least 2 --most 9 "$ADDRESS"
    pipeline order --connections 4 --count 200 --sleep 1000 --places hnlip --least 2 --most 9 \
        "$ADDRESS"
    server_ends_well
}

@test "bursts, with requests among them that get no reply, are answered in order" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=8
        pipeline bursts --connections 8 --count 200 --sleep 1000 --places hnlip "$ADDRESS"
        server_ends_well
    done
}

@test "a GET says what the SET before it set, both pipelined in the pool" {
    module_build work
    work_start --set threads=8
    pipeline state --connections 5 --count 200 "$ADDRESS"
    server_ends_well
}

@test "a GET says what the SET before it set, whether inline or in the pool, in any priority" {
    module_build work
    work_start --set threads=8
    pipeline state --connections 5 --count 200 --places ip "$ADDRESS"
    pipeline state --connections 5 --count 200 --places ihnl "$ADDRESS"
    server_ends_well
}

@test "a short max_pipeline and a short queue change nothing of that" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start --set threads=3 --set max_pipeline=3 --set queue_length=2
        pipeline order --connections 5 --count 100 --sleep 300 --places hnlip --most 4 "$ADDRESS"
        [ "$flag" = "$CONCURRENT" ] || pipeline state --connections 5 --places ip "$ADDRESS"
        server_ends_well
    done
}

@test "of a concurrent module an inline message overtakes a pooled one, its reply does not" {
    module_build work "$CONCURRENT"
    work_start --set threads=2
    pipeline overtake "$ADDRESS"
}

@test "no more than max_pipeline requests of a connection are under way" {
    module_build work "$CONCURRENT"
    work_start --set threads=2 --set max_pipeline=8
    pipeline window --ask "p hold" --count 50 --least 2 --most 8 "$ADDRESS"
    server_stop
    module_build work
    work_start --set threads=2 --set max_pipeline=8
    pipeline window --ask "p hold" --count 50 --least 1 --most 8 "$ADDRESS"
}

@test "kept requests count for max_pipeline" {
    module_build work "$CONCURRENT"
    work_start --set threads=2 --set max_pipeline=4
    pipeline window --ask "p park" --count 20 --least 4 --most 4 "$ADDRESS"
}

@test "a client that has shut its side down gets all replies, then the end" {
    module_build work
    work_start --set threads=2
    pipeline half-close --count 200 --sleep 500 "$ADDRESS"
    server_ends_well
}

@test "dispatch says where messages run, and counts more than the module" {
    module_build work
    work_start
    pipeline places --where pool,inline "$ADDRESS"
    server_stop
    work_start --set dispatch=pool
    pipeline places --where pool,pool "$ADDRESS"
    server_stop
    work_start --set dispatch=inline
    pipeline places --where inline,inline "$ADDRESS"
    server_stop
    module_build work -DROUTE=NULL
    work_start
    pipeline places --where inline,inline "$ADDRESS"
}

# The echo module in the pool: the path of its bytes is another.

# echo_pool_start [ARGUMENT...]
echo_pool_start() {
    echo_start --set workers=1 --set dispatch=pool "$@"
}

@test "in the pool, frames may be cut wherever they are" {
    echo_pool_start
    client stream --piece 0 --times 20 "$ADDRESS"
    client stream --piece 1 "$ADDRESS"
    client stream --piece 7 --times 10 "$ADDRESS"
    client splits "$ADDRESS"
}

@test "in the pool, large messages are echoed whole, pipelined too" {
    echo_pool_start
    client large --clients 4 --sizes 1,1000,65535,65536,70000,1000000 --times 3 "$ADDRESS"
}

@test "in the pool, lines and headers around replies are right" {
    echo_pool_start --set framing=line
    client stream --framing line --end mixed --times 10 "$ADDRESS"
    server_stop
    echo_pool_start --set length_offset=3 --set length_bytes=2
    client stream --length-offset 3 --length-bytes 2 --times 10 "$ADDRESS"
}

@test "in the pool, replies before a breach of the protocol are sent" {
    echo_pool_start
    client violate --frames 100 "$ADDRESS"
}

@test "in the pool, clients that break off anywhere leave no place taken" {
    echo_pool_start --set max_connections=8
    client reset --times 40 "$ADDRESS"
    server_ends_well
}

@test "a reply does not wait for a long request behind it" {
    module_build work
    work_start --set threads=1
    pipeline quick-before-long "$ADDRESS"
    server_ends_well
}

@test "neither a reply nor a request waits for a long request of another client" {
    module_build work
    work_start --set threads=4
    pipeline beside-slow --sleep 100000 "$ADDRESS"
}
