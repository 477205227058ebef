#!/usr/bin/env bats
# Silent clients are asked whether they are there.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

@test "a silent client gets a heartbeat each time, and stays if it answers" {
    work_start --set heartbeat=200ms --set heartbeat_timeout=20s
    pipeline beats --count 8 --minimum 0.18 "$ADDRESS"
    wait_until server_closed client
}

@test "one that answers nothing is closed after heartbeat_timeout, also if it never said a word" {
    local ask
    for ask in "" "i sleep 0" "p sleep 0,p sleep 0"; do
        work_start --set heartbeat=200ms --set heartbeat_timeout=300ms
        pipeline dead --ask "$ask" "$ADDRESS"
        wait_until server_closed heartbeat_timeout
        server_stop
    done
}

@test "a client that asks all the time gets none" {
    work_start --set heartbeat=1s --set heartbeat_timeout=20s
    pipeline lively --hold 3 "$ADDRESS"
}

@test "heartbeats do not put idle_timeout off" {
    work_start --set heartbeat=200ms --set heartbeat_timeout=20s --set idle_timeout=900ms
    pipeline dead --ask "i sleep 0" "$ADDRESS"
    wait_until server_closed idle_timeout
}

@test "a client that takes long to read a large reply is not closed for a heartbeat" {
    work_start --set max_output=64K --set heartbeat=300ms --set heartbeat_timeout=20s
    pipeline unread --size 8000000 --hold 2 "$ADDRESS"
}

@test "heartbeat with a module that has notices but none for it is refused" {
    for check in -t ""; do
        run timeout 30 "$PREFORKD" $check --listen 127.0.0.1:0 --module "$MODULE" \
            --option mute=true --set heartbeat=1s
        assert_failure 78
        assert_output --partial 'heartbeat=1s: the module work has no heartbeat; expected'
    done
}

@test "heartbeat with a module that has none is refused" {
    module_build work -DNOTICE=NULL
    run timeout 30 "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE" --set heartbeat=1s
    assert_failure 78
    assert_output --partial heartbeat
    run timeout 30 "$PREFORKD" --listen 127.0.0.1:0 --module "$MODULE" --set heartbeat=1s
    assert_failure 78
    assert_output --partial heartbeat
}
