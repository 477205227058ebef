#!/usr/bin/env bats
# What a job of the pool does not come to is not forgotten.

setup() {
    load lib/server
    load lib/client
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    # What a sanitizer keeps of freed memory is not the server's.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"
}

teardown() {
    server_teardown
}

@test "messages behind one that closes the connection in the pool leave no memory behind" {
    module_build farewell
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1
    client farewell --times 300 --frames 50 --size 1000 --server "$SERVER_PID" --grow 4M \
        "$(server_address)"
    server_stop
    run cat "$SERVER_LOG"
    refute_output --partial "worker died"
}
