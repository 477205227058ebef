#!/usr/bin/env bats
# reuse_port: each worker's number has a socket of its own, which is never closed while its listener
# exists; who has no worker is served by another one.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/churn
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# configure_workers COUNT [SETTINGS [OF-THE-SERVICE]]
configure_workers() {
    configure <<END_OF_FILE
workers = $1
$2
services = { main = { listen = "127.0.0.1:0"  module = "${MODULE:-echo}"  reuse_port = true  $3 } }
END_OF_FILE
}

# reuse_start WORKERS [SETTINGS [OF-THE-SERVICE]]
reuse_start() {
    configure_workers "$@"
    configured_start
}

# Sockets that listen on the server's port, of all processes.
listeners() {
    ss -Hltn "sport = :${ADDRESS##*:}" | wc -l
}

# How many of them a process has; as many different ones.
listeners_of() {
    "$PYTHON" "$LIB/descriptors.py" "$1" | grep -c '^tcp listener' || :
}

# The same sockets are there, by inode.
listener_inodes() {
    awk -v port="$(printf ':%04X$' "${ADDRESS##*:}")" '$4 == "0A" && $2 ~ port { print $10 }' \
        /proc/net/tcp | sort
}

workers_have_own_sockets() {
    local pid
    for pid in $(worker_pids); do
        [ "$(listeners_of "$pid")" = 1 ] || return 1
    done
}

@test "R8: each worker has a socket of its own, and the master has them all" {
    reuse_start 4
    assert_equal "$(listeners)" 4
    assert_equal "$(listeners_of "$SERVER_PID")" 4
    wait_until workers_have_own_sockets
    assert_equal "$(for pid in $(worker_pids); do readlink /proc/"$pid"/fd/*; done | sort -u |
        grep -Fc "$(listener_inodes | sed 's/.*/socket:[&]/')")" 4
}

@test "R8: without reuse_port there is one socket, which all have" {
    echo_start --set workers=4
    assert_equal "$(listeners)" 1
    assert_equal "$(listeners_of "$SERVER_PID")" 1
}

# The workers that answer some connections.
reached_workers() {
    for _ in {1..60}; do
        "$PREFORKCAT" "$ADDRESS" hello
    done | sed 's/:hello$//' | sort -u | paste -sd' '
}

@test "R8: the connections are spread over all workers" {
    reuse_start 4 "" "options = { tag = true }"
    run reached_workers
    assert_output "worker-1 worker-2 worker-3 worker-4"
}

@test "R8: reloads to fewer and to more workers under churn lose, refuse and delay nobody" {
    local workers
    reuse_start 4
    churn_start "$ADDRESS"
    for workers in 1 4 2 6 1 4; do
        configure_workers $workers
        reload_works
        server_has_logged "msg=reloaded generation=[0-9]+ workers=$workers "
        churn_goes_on
        wait_until workers_serve $workers
    done
    churn_ends_well
}

# resize SIGNAL WORKERS: one more or one less, until there are so many.
resize() {
    until workers_serve "$2"; do
        kill -s "$1" "$SERVER_PID"
        churn_goes_on 20
    done
}

@test "R8: TTOU down to one worker and TTIN up again under churn lose, refuse and delay nobody" {
    reuse_start 4
    churn_start "$ADDRESS"
    for _ in 1 2; do
        resize TTOU 1
        assert_equal "$(listeners)" 4
        churn_goes_on
        resize TTIN 4
        churn_goes_on
    done
    resize TTIN 6
    assert_equal "$(listeners)" 6
    churn_ends_well
    wait_until workers_have_own_sockets
}

# kill_telling ARGUMENT...: by lib/churn.py, which says whom they had accepted.
kill_telling() {
    "$PYTHON" "$LIB/churn.py" "$@" >"$BATS_TEST_TMPDIR/accepted"
}

# Each connection that ended without its reply was one of those.
only_accepted_ones_ended() {
    run comm -23 <(sed -n 's/^ended=\([0-9]*\) .*/\1/p' "$LOAD_RESULT" | sort -u) \
        <(sed -n 's/^accepted=//p' "$BATS_TEST_TMPDIR/accepted" | sort -u)
    assert_output ""
}

@test "R8: workers killed under churn take those with them whom they had accepted, nobody else" {
    reuse_start 4
    churn_start "$ADDRESS"
    kill_telling kill-some "$SERVER_PID" 25 "${PREFORK_KILL_SEED:-1}"
    wait_until workers_serve 4
    churn_goes_on
    load_finish
    load_says wrong=0 cut=0 refused=0 slow=0
    only_accepted_ones_ended
}

@test "R8: all workers killed at once under churn: who was not accepted yet is served" {
    local pids ended held round
    reuse_start 4
    churn_start "$ADDRESS"
    for round in 1 2 3; do
        mapfile -t pids < <(worker_pids)
        kill -KILL "${pids[@]}"
        wait_until died_count_is $((4 * round))
        wait_until workers_serve 4
        churn_goes_on
    done
    load_finish
    load_says wrong=0 cut=0 refused=0 slow=0
    # Each may have died between accept(2) and counting it.
    held=$(sed -n 's/.*msg="worker died" .* connections=\([0-9]*\)$/\1/p' "$SERVER_LOG" |
        paste -sd+ | bc)
    ended=$(grep -c '^ended=' "$LOAD_RESULT" || :)
    ((ended <= held + 12))
}

died_count_is() {
    [ "$(grep -c 'msg="worker died"' "$SERVER_LOG")" -eq "$1" ]
}

# stop_workers PID...: and clients, of whom some then wait in the queue of each.
stop_workers() {
    local pid
    for pid; do
        stop_process "$pid"
    done
    talk_start "$ADDRESS"
    talk connect 40
    talk send 1
}

WATCHED_NOT='watchdog_timeout = "off"'

@test "R8: who waits in the queue of a worker that is killed is served by others" {
    local pid
    reuse_start 4 "$WATCHED_NOT"
    pid=$(worker_pid 2)
    stop_workers "$pid"
    kill -KILL "$pid"
    talk_gives "answered=40 missing=0" replies
    talk_gives "alive=40" ping
}

@test "R8: who waits in the queue of a worker that stands still while it retires is served by others" {
    local pid
    reuse_start 4 "$WATCHED_NOT"
    pid=$(worker_pid 2)
    stop_workers "$pid"
    configure_workers 1 "$WATCHED_NOT"
    reload_works
    talk_gives "answered=40 missing=0" replies
    kill -CONT "$pid"
    wait_until workers_serve 1
}

# start_with_stone MODULE-FLAG: 4 workers that cannot start again while there is a file $STONE.
start_with_stone() {
    STONE=$BATS_TEST_TMPDIR/stone
    SERVICE="options = { path = \"$STONE\" }"
    open_tmpdir
    let_crash
    module_build refused "$1"
    reuse_start 4 "start_timeout = \"1s\"" "$SERVICE"
}

# is_in_backoff WORKER DELAY
is_in_backoff() {
    server_has_logged "msg=\"worker will be replaced\" worker=$1 generation=1 delay_ms=$2 "
}

# Two workers cannot start for seconds; nobody notices but who was with them.
two_workers_cannot_start() {
    start_with_stone "$1"
    churn_start "$ADDRESS"
    touch "$STONE"
    kill_telling kill "$(worker_pid 1)" "$(worker_pid 3)"
    wait_until is_in_backoff 1 "$2"
    wait_until is_in_backoff 3 "$2"
    churn_goes_on 300
    rm "$STONE"
    wait_until workers_serve 4
    churn_goes_on
    load_finish
    load_says wrong=0 cut=0 refused=0 slow=0
    only_accepted_ones_ended
}

@test "R8: while workers whose init fails wait to be tried again, others serve for them" {
    two_workers_cannot_start -DINIT_FAILS_IF_PATH 800
}

@test "R8: while workers that crash at once wait to be tried again, others serve for them" {
    two_workers_cannot_start -DINIT_CRASHES_IF_PATH 800
}

@test "R8: while workers hang at their start, others serve for them" {
    two_workers_cannot_start -DINIT_HANGS_IF_PATH 50
}

@test "R8: without any worker connections wait, and are served once there is one" {
    start_with_stone -DINIT_FAILS_IF_PATH
    touch "$STONE"
    worker_pids | xargs kill -KILL
    wait_until is_in_backoff 4 200
    talk_start "$ADDRESS"
    talk connect 20
    talk send 1
    rm "$STONE"
    talk_gives "answered=20 missing=0" replies
}

@test "R8: a reload to more workers that fails leaves sockets and steering as they were" {
    local before master
    start_with_stone -DINIT_FAILS_IF_PATH
    before=$(listener_inodes)
    master=$("$PYTHON" "$LIB/descriptors.py" "$SERVER_PID")
    churn_start "$ADDRESS"
    touch "$STONE"
    configure_workers 8 "" "$SERVICE"
    for _ in 1 2 3; do
        reload_fails '.* is in the way'
        assert_equal "$(listener_inodes)" "$before"
        wait_until workers_serve 4
        churn_goes_on
    done
    assert_equal "$("$PYTHON" "$LIB/descriptors.py" "$SERVER_PID")" "$master"
    rm "$STONE"
    reload_works
    wait_until workers_serve 8
    assert_equal "$(listeners)" 8
    churn_goes_on
    churn_ends_well
}

# The service is called otherwise, and listens elsewhere.
configure_other() {
    configure <<END_OF_FILE
workers = 4
$WATCHED_NOT
services = { other = { listen = "127.0.0.2:0"  module = "echo"  reuse_port = true } }
END_OF_FILE
}

@test "R8: who waits in the queues of a listener that a reload removes is served" {
    reuse_start 4 "$WATCHED_NOT"
    mapfile -t ORPHANS < <(worker_pids)
    stop_workers "${ORPHANS[@]}"
    configure_other
    reload_works
    kill -CONT "${ORPHANS[@]}"
    talk_gives "answered=40 missing=0" replies
    talk_gives "eof=40 missing=0" end
    wait_until workers_serve 4
    assert_equal "$(listeners)" 0
}

@test "R8: a listener that a reload removes under churn serves or refuses, and resets nobody" {
    reuse_start 4
    churn_start "$ADDRESS" --until-refused
    configure_other
    reload_works
    load_wait
    churn_went_well refused=16
    run "$PREFORKCAT" "$(server_address other)" hello
    assert_output hello
}

@test "R8: TERM under churn serves or refuses, and resets nobody" {
    reuse_start 4
    churn_start "$ADDRESS" --until-refused
    server_stop
    assert_equal "$SERVER_STATUS" 0
    load_wait
    churn_went_well refused=16
}

@test "R8: once TERM is there nobody gets into a queue; who tries waits, and is then refused" {
    reuse_start 4 "$WATCHED_NOT"
    mapfile -t ORPHANS < <(worker_pids)
    stop_workers "${ORPHANS[@]}"
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged msg=draining
    churn_spawn "$ADDRESS" --until-refused
    wait_until clients_wait 16
    kill -CONT "${ORPHANS[@]}"
    talk_gives "answered=40 missing=0" replies
    load_wait
    churn_went_well served=0 eof=0 refused=16
    server_wait
}

# clients_wait COUNT: whether so many have heard nothing of the server yet.
clients_wait() {
    [ "$(ss -Htn state syn-sent "dport = :${ADDRESS##*:}" | wc -l)" = "$1" ]
}

# One of four workers is in backoff, the others stand still, and clients wait in all four queues.
start_with_full_queues() {
    start_with_stone -DINIT_FAILS_IF_PATH
    touch "$STONE"
    kill -KILL "$(worker_pid 3)"
    wait_until is_in_backoff 3 400
    mapfile -t ORPHANS < <(worker_pid 1 && worker_pid 2 && worker_pid 4)
    stop_workers "${ORPHANS[@]}"
}

@test "R8: TERM serves who waits in any queue, that of a worker in backoff included" {
    start_with_full_queues
    kill -TERM "$SERVER_PID"
    kill -CONT "${ORPHANS[@]}"
    talk_gives "answered=40 missing=0" replies
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "R8: workers whose master was killed serve who waits in any queue" {
    start_with_full_queues
    server_stop KILL
    kill -CONT "${ORPHANS[@]}"
    talk_gives "answered=40 missing=0" replies
    talk_gives "eof=40 missing=0" end
    wait_until orphans_are_gone
}

@test "R8: a master killed under churn: its workers serve or refuse, but for who is in mid-handshake" {
    reuse_start 4
    mapfile -t ORPHANS < <(worker_pids)
    churn_start "$ADDRESS" --until-refused
    kill -KILL "$SERVER_PID"
    load_wait
    wait_until orphans_are_gone
    load_says wrong=0 cut=0 slow=0 refused=16
    # Without a master each worker closes right after it has emptied its queue; the kernel resets a
    # handshake that the close of its socket cuts in two.
    (($(load_count reset) <= 4))
}

@test "another server of the same user is refused the address, and does not share it" {
    reuse_start 2
    run timeout 20 "$PREFORKD" --listen "$ADDRESS" --module echo --set reuse_port=true \
        --set start_timeout=100ms
    assert_failure 69
    assert_output --partial "$ADDRESS\\\": cannot bind: Address already in use"
}
