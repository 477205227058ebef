#!/usr/bin/env bats
# The watchdog: a worker whose loop does not turn is ended with a core and replaced; who only was not
# looked at is left alone.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/churn
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    let_crash
}

teardown() {
    load_teardown
    server_teardown
}

# watched_start [ARGUMENT...]: two workers that say who they are, of which 8 clients have 4 each or so.
# Sets ON_1 and ON_2 to how many.
watched_start() {
    echo_start --set workers=2 --option tag=true --set watchdog_timeout=1s "$@"
    talk_start "$ADDRESS" --tag
    talk open 8
    talk workers
    [[ $TALK_SAID =~ ^1=([1-7])\ 2=([1-7])$ ]]
    ON_1=${BASH_REMATCH[1]} ON_2=${BASH_REMATCH[2]}
}

# was_aborted PID [SIGNAL]: for standing still; and the signal that ended it.
was_aborted() {
    server_has_logged "level=error .*msg=\"worker stands still: aborting it\" worker=[0-9]+ generation=[0-9]+ pid=$1 still_ms=(1[0-9]|[2-9])[0-9]{2}" &&
        server_has_logged "msg=\"worker died\" worker=[0-9]+ generation=[0-9]+ pid=$1 how=\"signal ${2:-ABRT}"
}

nobody_was_aborted() {
    ! server_has_logged 'stands still|worker died|level=error'
}

@test "W4: a stopped worker is aborted and replaced, and the others' clients notice nothing" {
    local pid
    watched_start
    pid=$(worker_pid 1)
    stop_process "$pid"
    wait_until was_aborted "$pid"
    wait_until worker_is_new 1 "$pid"
    talk ping
    [[ $TALK_SAID =~ ^alive=$ON_2\ (eof|reset)=$ON_1$ ]]
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output --regexp '^worker-[12]:hello$'
}

# handler_hangs MESSAGE SIGNAL: one that never returns, while others are served.
handler_hangs() {
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 --set watchdog_timeout=1s
    ADDRESS=$(server_address)
    churn_start "$ADDRESS"
    run "$PREFORKCAT" "$ADDRESS" "$1"
    assert_failure
    pid=$(sed -n 's/.*msg="worker stands still: aborting it" .* pid=\([0-9]*\) .*/\1/p' "$SERVER_LOG")
    wait_until was_aborted "$pid" "$2"
    wait_until workers_serve 2
    churn_goes_on
    load_finish
    load_says wrong=0 cut=0 refused=0 slow=0
    # Of each thread one connection at most can have been with that worker.
    (($(load_count reset) + $(load_count eof) <= 16))
}

@test "W4: a worker whose inline handler never returns is aborted and replaced" {
    handler_hangs hang ABRT
}

@test "W4: one that even SIGABRT does not end is killed a second later" {
    handler_hangs deaf KILL
}

@test "W4: a worker that is aborted leaves a core" {
    local pid folder=$BATS_TEST_TMPDIR/here pattern
    read -r pattern </proc/sys/kernel/core_pattern
    [[ $pattern != *[/\|]* ]] || skip "cores of this machine go to \"$pattern\""
    [ "$(ulimit -Hc)" = unlimited ] || skip "no core files are allowed here"
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "sanitizers leave no cores"
    mkdir -m 777 "$folder"
    open_tmpdir
    launch_with env -C "$folder" prlimit --core=unlimited
    echo_start --set workers=2 --set watchdog_timeout=1s
    pid=$(worker_pid 2)
    stop_process "$pid"
    wait_until was_aborted "$pid"
    server_has_logged "pid=$pid how=\"signal ABRT, core dumped\""
    run ls "$folder"
    assert_output --regexp '^core'
}

@test "W4: a worker of an old generation that drains is watched, too" {
    local pid
    watched_start
    pid=$(worker_pid 1)
    stop_process "$pid"
    reload_works
    wait_until was_aborted "$pid"
    talk ping
    [[ $TALK_SAID =~ ^alive=$ON_2\ (eof|reset)=$ON_1$ ]]
    wait_until workers_serve 2
    assert_equal "$(grep -c 'worker stands still' "$SERVER_LOG")" 1
}

# hold SECONDS: nothing is waited for but that the time passes.
hold() {
    sleep "$1"
}

@test "W4: with \"off\" a stopped worker is left alone, and goes on where it was" {
    local pid
    watched_start --set watchdog_timeout=off
    pid=$(worker_pid 1)
    stop_process "$pid"
    hold 2.5
    assert_equal "$(process_state "$pid")" T
    kill -CONT "$pid"
    talk_gives "alive=8" ping
    nobody_was_aborted
}

@test "W4: a worker that stands still for less than watchdog_timeout is left alone" {
    local pid
    watched_start --set watchdog_timeout=5s
    pid=$(worker_pid 2)
    for _ in 1 2 3; do
        stop_process "$pid"
        hold 1
        kill -CONT "$pid"
        talk_gives "alive=8" ping
    done
    nobody_was_aborted
}

# all_stop_with PID...: these and, once it has seen that, the master; for twice watchdog_timeout. The
# master is the first to go on. Nobody is ended for it.
all_stop_with() {
    local pid workers
    workers="$(worker_pid 1) $(worker_pid 2)"
    for pid; do
        stop_process "$pid"
    done
    hold 0.6
    stop_process "$SERVER_PID"
    hold 4
    kill -CONT "$SERVER_PID"
    hold 0.3
    [ $# = 0 ] || kill -CONT "$@"
    hold 1.5
    talk_gives "alive=8" ping
    nobody_was_aborted
    assert_equal "$(worker_pid 1) $(worker_pid 2)" "$workers"
}

@test "L4: a master that was stopped for longer than watchdog_timeout blames nobody" {
    watched_start --set watchdog_timeout=2s
    all_stop_with
}

@test "L4: a server all of whose processes were stopped, as with the machine, goes on" {
    watched_start --set watchdog_timeout=2s
    all_stop_with "$(worker_pid 1)" "$(worker_pid 2)"
}

@test "W4: watchdog_timeout that is lowered while a worker stands still has it aborted, core and all" {
    local pid
    configure_timeout() {
        configure <<END
workers = 2
watchdog_timeout = "$1"
services = { main = { listen = "127.0.0.1:0" module = "echo" } }
END
    }
    CONFIG=$BATS_TEST_TMPDIR/preforkd.conf
    configure_timeout 20s
    configured_start
    pid=$(worker_pid 1)
    stop_process "$pid"
    hold 4
    configure_timeout 2s
    reload_works
    wait_until was_aborted "$pid"
}

@test "W4: a worker that starts while the server drains is no worker that stands still" {
    local pid
    WAIT=$BATS_TEST_TMPDIR/wait
    versioned_build one
    server_start --listen 127.0.0.1:0 --module "$MODULE" --option "wait=$WAIT" --set workers=2 \
        --set watchdog_timeout=1s --set start_timeout=10m
    talk_start "$(server_address)"
    talk open 6
    talk begin 100
    touch "$WAIT"
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until worker_is_new 1 "$pid"
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged msg=draining
    hold 3
    talk finish
    rm "$WAIT"
    server_wait
    assert_equal "$SERVER_STATUS" 0
    refute server_has_logged 'stands still'
}
