#!/usr/bin/env bats
# Signals to the master: one worker more, one less, many in a row, and what a terminal sends to all.
# What TERM, INT and QUIT do is in drain.bats, what signals do to a worker in supervision.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/churn
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    LOG=$BATS_TEST_TMPDIR/log
    STONE=$BATS_TEST_TMPDIR/stone
}

teardown() {
    load_teardown
    server_teardown
}

# No signal waits for it any more.
signals_are_taken() {
    ! grep -qE '^(Sig|Shd)Pnd:.*[1-9a-f]' "/proc/$SERVER_PID/status"
}

no_zombie_is_left() {
    ! ps -o stat= --ppid "$SERVER_PID" | grep -q Z
}

# generation: the number of the one that serves, by the titles of its workers.
generation() {
    pgrep -P "$SERVER_PID" -fa '^preforkd: worker [0-9]+ \(generation [0-9]+\) *$' |
        sed 's/.*generation \([0-9]*\).*/\1/' | sort -un | paste -sd' '
}

# A reload, be it not the only one.
one_more_outcome() {
    local before
    before=$(outcomes | wc -l)
    hup
    wait_until outcomes_are_more_than "$before"
}

outcomes_are_more_than() {
    [ "$(outcomes | wc -l)" -gt "$1" ]
}

nothing_went_wrong() {
    ! server_has_logged 'level=error|worker died'
}

# storm_passes SEED: 1,000 signals under load, and all is as the configuration says.
storm_passes() {
    local generation before
    server_start_logging "$LOG" --listen 127.0.0.1:0 --module echo --set workers=3
    ADDRESS=$(server_address)
    run "$PREFORKCAT" "$ADDRESS" hello
    reload_works
    wait_until workers_serve 3
    before=$(all_descriptors 3)
    generation=$(generation)
    churn_start "$ADDRESS"
    "$PYTHON" "$LIB/churn.py" storm "$SERVER_PID" 1000 "$1"
    wait_until signals_are_taken
    one_more_outcome
    one_more_outcome # that one may have been one of the storm's
    churn_goes_on
    wait_until workers_serve 3
    (($(generation) > generation + 1))
    no_zombie_is_left
    churn_ends_well
    wait_until same_as "$before" all_descriptors 3
    nothing_went_wrong
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "M3: 1,000 signals in a second under load: the server is what its configuration says (seed 1)" {
    storm_passes "${PREFORK_STORM_SEED:-1}"
}

@test "M3: 1,000 signals in a second under load: the server is what its configuration says (seed 2)" {
    storm_passes 2
}

# tagged_start COUNT [ARGUMENT...]: so many workers, which say who they are.
tagged_start() {
    echo_start --set "workers=$1" --option tag=true "${@:2}"
}

# resized_to COUNT: how many workers there are, as the server says.
resized_to() {
    [ "$(sed -n 's/.*level=info .*msg="number of workers changed" workers=//p' "$SERVER_LOG" |
        tail -n 1)" = "$1" ]
}

@test "TTIN: one worker more, which serves, and the others' clients notice nothing" {
    tagged_start 1
    talk_start "$ADDRESS" --tag
    talk open 4
    kill -TTIN "$SERVER_PID"
    wait_until resized_to 2
    wait_until workers_serve 2
    assert_equal "$(worker_pid 2 | wc -l)" 1
    wait_until worker_has_clients 2
    talk ping
    [[ $TALK_SAID =~ ^alive=[0-9]+$ ]]
    kill -TTIN "$SERVER_PID"
    wait_until resized_to 3
    wait_until workers_serve 3
    assert_equal "$(generation)" 1
}

# worker_has_clients NUMBER: whether one of 4 more is served by it.
worker_has_clients() {
    talk open 4
    talk workers
    [[ " $TALK_SAID " == *" $1="* ]]
}

@test "TTIN: 128 workers are the most" {
    echo_start --set workers=127
    kill -TTIN "$SERVER_PID"
    wait_until resized_to 128
    kill -TTIN "$SERVER_PID"
    wait_until server_has_logged 'level=error .*msg="cannot add a worker" reason="128 workers are the most"'
    wait_until workers_serve 128
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
}

@test "TTOU: the last worker goes, and its clients' connections move to the others" {
    tagged_start 2
    talk_start "$ADDRESS" --tag
    talk open 8
    talk begin 100
    kill -TTOU "$SERVER_PID"
    wait_until resized_to 1
    talk finish
    talk_gives "answered=16 missing=0" replies
    wait_until workers_serve 1
    server_has_logged 'level=info .*msg="worker ended" worker=2 generation=1 '
    talk_gives "alive=8" ping
    talk_gives "1=8" workers
}

@test "TTOU: one worker is the least, which is said" {
    tagged_start 1
    kill -TTOU "$SERVER_PID"
    wait_until server_has_logged \
        'level=warn .*msg="the number of workers stays" reason="one worker is the least"'
    workers_serve 1
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output worker-1:hello
}

@test "TTIN and TTOU under load lose nobody" {
    local workers
    echo_start --set workers=2
    churn_start "$ADDRESS"
    for workers in 3 4 5; do
        kill -TTIN "$SERVER_PID"
        wait_until resized_to $workers
        churn_goes_on
    done
    for workers in 4 3 2 1; do
        kill -TTOU "$SERVER_PID"
        wait_until resized_to $workers
        churn_goes_on
    done
    wait_until workers_serve 1
    churn_ends_well
}

@test "a reload goes back to the number of workers that the configuration says" {
    tagged_start 2
    kill -TTIN "$SERVER_PID"
    wait_until resized_to 3
    reload_works
    server_has_logged 'msg=reloaded generation=2 workers=2 '
    wait_until workers_serve 2
    assert_equal "$(generation)" 2
    kill -TTOU "$SERVER_PID"
    wait_until resized_to 1
    reload_works
    wait_until workers_serve 2
    assert_equal "$(generation)" 3
}

@test "a worker that has gone by TTOU comes again by TTIN, in the generation that serves" {
    tagged_start 2
    kill -TTOU "$SERVER_PID"
    wait_until workers_serve 1
    reload_works
    kill -TTOU "$SERVER_PID"
    wait_until resized_to 1
    kill -TTIN "$SERVER_PID"
    wait_until resized_to 2
    wait_until workers_serve 2
    assert_equal "$(generation)" 2
}

# stone_start MODULE-FLAG [ARGUMENT...]: two workers; none can start while there is a file $STONE.
stone_start() {
    open_tmpdir
    module_build refused "$1"
    server_start --listen 127.0.0.1:0 --module "$MODULE" --option "path=$STONE" --set workers=2 \
        "${@:2}"
    ADDRESS=$(server_address)
}

@test "TTIN and TTOU while a reload is under way are said and ignored" {
    stone_start -DINIT_HANGS_IF_PATH --set start_timeout=60s
    touch "$STONE"
    kill -HUP "$SERVER_PID"
    wait_until worker_count_is 4
    kill -TTIN "$SERVER_PID"
    wait_until change_was_ignored 1
    kill -TTOU "$SERVER_PID"
    wait_until change_was_ignored 2
    worker_count_is 4
    rm "$STONE"
    wait_until server_has_logged 'msg=reloaded generation=2 workers=2 '
    wait_until workers_serve 2
}

# change_was_ignored TIMES: for the reload's sake.
change_was_ignored() {
    [ "$(grep -c 'level=warn .*msg="the number of workers stays" reason="a reload is under way"' \
        "$SERVER_LOG")" -eq "$1" ]
}

@test "TTIN and TTOU before the server is ready, and while it drains, are said and ignored" {
    local signal
    open_tmpdir
    module_build refused -DINIT_HANGS_IF_PATH
    touch "$STONE"
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --option "path=$STONE" --set workers=2 \
        --set start_timeout=60s
    wait_until worker_count_is 2
    expect_no_change
    rm "$STONE"
    wait_until server_has_logged 'msg=ready workers=2 '
    talk_start "$(server_address)"
    talk open 1
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    expect_no_change
    talk finish
    talk_gives "answered=2 missing=0" replies
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

expect_no_change() {
    local signal
    for signal in TTIN TTOU; do
        kill -s $signal "$SERVER_PID"
        wait_until signals_are_taken
    done
    wait_until server_has_logged \
        'level=warn .*msg="the number of workers stays" reason="the server starts or ends"'
    ! server_has_logged 'number of workers changed'
}

@test "a worker that TTIN adds and that cannot start is tried again, and TTOU gives it up" {
    local tries
    stone_start -DINIT_FAILS_IF_PATH
    touch "$STONE"
    kill -TTIN "$SERVER_PID"
    wait_until server_has_logged 'level=error .*msg="worker cannot start" worker=3 .* is in the way'
    wait_until server_has_logged 'msg="worker will be replaced" worker=3 generation=1 delay_ms=200 '
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    kill -TTOU "$SERVER_PID"
    wait_until resized_to 2
    wait_until workers_serve 2
    tries=$(grep -c 'cannot start" worker=3' "$SERVER_LOG")
    rm "$STONE"
    kill -TTIN "$SERVER_PID"
    wait_until workers_serve 3
    assert_equal "$(grep -c 'cannot start" worker=3' "$SERVER_LOG")" "$tries"
}

@test "HUP, USR1, TTIN and TTOU to the whole process group do what they do to the master" {
    launch_with setsid
    tagged_start 2
    talk_start "$ADDRESS" --tag
    talk open 6
    kill -TTIN -- "-$SERVER_PID"
    wait_until resized_to 3
    wait_until workers_serve 3
    kill -TTOU -- "-$SERVER_PID"
    wait_until resized_to 2
    wait_until workers_serve 2
    kill -USR1 -- "-$SERVER_PID"
    wait_until server_has_logged 'msg="log opened anew"'
    talk_gives "alive=6" ping
    kill -HUP -- "-$SERVER_PID"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until workers_serve 2
    talk_gives "alive=6" ping
    nothing_went_wrong
    run grep -c 'drains by itself' "$SERVER_LOG"
    assert_output 0
}

@test "QUIT to the whole process group ends it at once, with 0" {
    launch_with setsid
    tagged_start 2
    talk_start "$ADDRESS" --tag
    talk open 2
    talk begin 100
    kill -QUIT -- "-$SERVER_PID"
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "a reload of settings that need no new workers goes back to workers, too, after TTIN and TTOU" {
    local signal level=info
    CONFIG=$BATS_TEST_TMPDIR/preforkd.conf
    configure_level() {
        configure <<END
workers = 2
log = { level = "$1" }
services = { main = { listen = "127.0.0.1:0" module = "echo" } }
END
    }
    configure_level info
    configured_start
    for signal in TTIN TTOU; do
        kill -s "$signal" "$SERVER_PID"
        wait_until server_has_logged "number of workers changed\" workers=$([ "$signal" = TTIN ] && echo 3 || echo 1)"
        level=$([ "$level" = info ] && echo debug || echo info)
        configure_level "$level"
        reload_works
        wait_until worker_count_is 2
    done
}

@test "M3: a burst of USR1 kills no worker that is busy, and its client has its reply" {
    local client
    server_start --listen 127.0.0.1:0 --module echo --option burn_us=2000000 --set workers=1 \
        --set services.main.dispatch=inline
    ADDRESS=$(server_address)
    "$PREFORKCAT" --timeout 30s "$ADDRESS" hello >"$BATS_TEST_TMPDIR/reply" 3>&- &
    client=$!
    "$PYTHON" - "$SERVER_PID" <<'END'
import os, signal, sys, time
for _ in range(400):
    os.kill(int(sys.argv[1]), signal.SIGUSR1)
    time.sleep(0.002)
END
    wait "$client"
    assert_equal "$(<"$BATS_TEST_TMPDIR/reply")" hello
    nothing_went_wrong
}
