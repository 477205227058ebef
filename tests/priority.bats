#!/usr/bin/env bats
# What is urgent comes first, and what is not comes too.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

@test "of high and low, both of which always wait, low has one in 17" {
    work_start --set threads=1
    pipeline share --places hl --shares 16:1 --count 1000 "$ADDRESS"
}

@test "of high, normal and low they have 16, 4 and 1 of 21" {
    work_start --set threads=1
    pipeline share --places hnl --shares 16:4:1 --count 1000 "$ADDRESS"
}

@test "of normal and low, low has one in 5" {
    work_start --set threads=1
    pipeline share --places nl --shares 4:1 --count 500 "$ADDRESS"
}

@test "low gets its share of a flood of more than the queues take" {
    work_start --set threads=1 --set queue_length=300 --set max_pipeline=50
    pipeline share-of-flood --places hl --shares 16:1 --connections 20 --count 1000 --sleep 1000 \
        "$ADDRESS"
}

@test "the priority of a service counts where the module does not choose" {
    server_start_file <<END
workers = 1
threads = 1
services = {
    urgent = { listen = "127.0.0.1:0"  module = "$MODULE"  priority = "high" }
    usual = { listen = "127.0.0.2:0"  module = "$MODULE" }
    idle = { listen = "127.0.0.3:0"  module = "$MODULE"  priority = "low" }
}
END
    pipeline share --shares 16:4:1 --count 1000 \
        "$(server_address urgent)" "$(server_address usual)" "$(server_address idle)"
}

@test "within a long job of low messages more urgent ones come next" {
    work_start --set threads=1
    pipeline urgent "$ADDRESS"
}
