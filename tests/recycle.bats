#!/usr/bin/env bats
# A worker that has served enough is replaced by another one, and its clients notice nothing:
# worker_max_age, worker_max_requests, worker_max_memory.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# recycled_start OPTION=VALUE [ARGUMENT...]
recycled_start() {
    server_start --listen 127.0.0.1:0 --set "$@"
    ADDRESS=$(server_address)
}

# leak_start LOSS BASE [ARGUMENT...]: a module that loses so many bytes a message, and takes so many.
leak_start() {
    module_build leak "-DLOSS=$1" "-DBASE=$2"
    open_tmpdir
    server_start --listen 127.0.0.1:0 --module "$MODULE" "${@:3}"
    ADDRESS=$(server_address)
}

# retired REASON: how many workers have, for that reason.
retired() {
    grep -cE "level=info process=worker .*msg=\"worker retires\" reason=$1 " "$SERVER_LOG" || :
}

retired_are() {
    [ "$(retired "$1")" -ge "$2" ]
}

# The values that they had.
values() {
    sed -nE "s/.*msg=\"worker retires\" reason=$1 [a-z_]+=([0-9]+).*/\1/p" "$SERVER_LOG"
}

# values_are REASON MIN MAX
values_are() {
    local value
    for value in $(values "$1"); do
        ((value >= $2 && value <= $3)) && continue
        echo "$1: $value is not from $2 to $3"
        return 1
    done
}

# Nothing but that the next worker had to wait for its turn.
only_delays_are_warned_of() {
    ! grep -E 'level=(warn|error)' "$SERVER_LOG" | grep -v 'msg="worker will be replaced"'
}

# A second passes, or two.
two_seconds_pass() {
    local since=$SECONDS
    is_over() { ((SECONDS >= since + 2)); }
    wait_until is_over
}

# under_load REASON COUNT [OPTION...]: clients in closed loops until so many workers have retired, or
# PREFORK_RECYCLES for a long run. None of their connections ends.
under_load() {
    local count=${PREFORK_RECYCLES:-$2} PATIENCE=$((PATIENCE + ${PREFORK_RECYCLES:-0}))
    load_start "$ADDRESS" --connections 20 --short 5 "${@:3}"
    wait_until retired_are "$1" "$count"
    load_finish
    load_lost_nothing 25
    server_has_logged 'msg=drained closed=[0-9]+ cut=0 moved=[1-9]'
    refute server_has_logged 'msg=drained .*cut=[1-9]' # clients that end may count as closed
    only_delays_are_warned_of
}

@test "worker_max_requests: workers that retire under load end no connection" {
    recycled_start worker_max_requests=3000 --module echo --set workers=4
    under_load requests 20
    values_are requests 3000 10000000
    assert_equal "$(retired '(age|memory)')" 0
}

@test "worker_max_requests: workers that retire under load of pipelined requests end no connection" {
    recycled_start worker_max_requests=5000 --module echo --set workers=3
    under_load requests 8 --depth 16 --largest 50000
}

@test "worker_max_requests: messages for the pool count, over all connections" {
    local number
    recycled_start worker_max_requests=100 --module echo --set workers=1 \
        --set services.main.dispatch=pool
    talk_start "$ADDRESS"
    talk open 10 # a message each
    for number in {1..8}; do
        talk_gives "alive=10" ping
    done
    assert_equal "$(retired requests)" 0
    talk_gives "alive=10" ping
    talk_gives "alive=10" ping
    wait_until retired_are requests 1
    values_are requests 100 110
    talk_gives "alive=10" ping
}

@test "worker_max_memory: workers of a module that leaks are replaced, and no connection ends" {
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "its module leaks, which a sanitizer would not bear"
    leak_start 8000 0 --set workers=4 --set worker_max_memory=40M
    under_load memory 8
    values_are memory $((40 << 20)) $((4000 << 20))
    assert_equal "$(retired '(age|requests)')" 0
}

@test "worker_max_age: workers that retire under load end no connection" {
    recycled_start worker_max_age=1s --module echo --set workers=8
    under_load age 20
    values_are age 1000 3000
    assert_equal "$(retired '(requests|memory)')" 0
}

@test "one worker alone hands over to the next one, again and again, and no client notices" {
    recycled_start worker_max_requests=2000 --module echo --set workers=1
    under_load requests 5 --depth 4
}

# Milliseconds between the first and the last of them.
spread_ms() {
    sed -nE 's/^time=[^ ]*T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+).*msg="worker retires".*/\1 \2 \3 \4/p' \
        "$SERVER_LOG" | awk '
            { now = (($1 * 60 + $2) * 60 + $3) * 1000 + $4 }
            NR == 1 { first = now }
            END { print (now - first + 86400000) % 86400000 }'
}

@test "workers that start together do not retire together" {
    recycled_start worker_max_age=5s --module echo --set workers=8
    wait_until retired_are age 8
    values_are age 5000 7000
    # Drawn from 500 ms, all eight of them lie within 100 ms once in 10,000 times.
    (($(spread_ms) >= 100))
}

draining_is() {
    [[ $(tr "\0" " " <"/proc/$1/cmdline") == *draining* ]]
}

# waiting_are COUNT: so many are connected, and nobody has accepted them.
waiting_are() {
    [ "$(ss -Hltn "sport = :${ADDRESS##*:}" | awk '{ print $2 }')" -eq "$1" ]
}

# late_start COUNT: so many clients that connect now.
late_start() {
    local number
    LATE=()
    for ((number = 1; number <= $1; number++)); do
        "$PREFORKCAT" "$ADDRESS" "late-$number" >"$BATS_TEST_TMPDIR/late-$number" 2>&1 3>&- &
        LATE+=("$!")
    done
}

# Each of them gets its reply.
late_finish() {
    local number
    for number in "${!LATE[@]}"; do
        wait "${LATE[number]}"
        assert_equal "$(<"$BATS_TEST_TMPDIR/late-$((number + 1))")" "late-$((number + 1))"
    done
}

# slow_start [ARGUMENT...]: one worker with 5 clients, and the next one starts when WAIT is gone.
slow_start() {
    WAIT=$BATS_TEST_TMPDIR/wait
    leak_start 0 0 --set workers=1 --option "wait=$WAIT" "$@"
    talk_start "$ADDRESS"
    talk open 5
    FIRST=$(worker_pid 1)
    touch "$WAIT"
}

@test "the only worker serves on, new clients too, until the next one is ready, even after drain_timeout" {
    slow_start --set worker_max_age=1s --set drain_timeout=300ms
    wait_until server_has_logged 'msg="worker retires" reason=age'
    wait_until worker_count_is 2
    two_seconds_pass
    late_start 10
    late_finish
    talk_gives "alive=5" ping
    refute server_has_logged 'drains by itself'
    rm "$WAIT"
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=5'
    wait_until worker_is_new 1 "$FIRST"
    talk_gives "alive=5" ping
    only_delays_are_warned_of
}

@test "a next one that cannot start is tried again while the only worker serves on" {
    slow_start --set worker_max_age=1s --set start_timeout=1s
    wait_until server_has_logged 'msg="worker will be replaced" .* delay_ms=[1-9]'
    assert_equal "$(worker_pid 1 | head -n 1)" "$FIRST"
    talk_gives "alive=5" ping
    late_start 3
    late_finish
    rm "$WAIT"
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=5'
    talk_gives "alive=5" ping
}

@test "one that waits for the next one and is killed is replaced by it" {
    slow_start --set worker_max_age=1s
    wait_until worker_count_is 2
    kill -KILL "$FIRST"
    wait_until worker_count_is 1
    late_start 3
    rm "$WAIT"
    late_finish
    wait_until worker_is_new 1 "$FIRST"
    wait_until workers_are_settled 1
    talk_gives "eof=5" ping || talk_gives "reset=5" ping
}

@test "TERM to one that waits for the next one has it drain at once, and the next one takes over" {
    slow_start --set worker_max_age=1s
    wait_until worker_count_is 2
    kill -TERM "$FIRST"
    wait_until draining_is "$FIRST"
    worker_count_is 2
    late_start 3
    talk_gives "alive=5" ping
    rm "$WAIT"
    late_finish
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=5'
    talk_gives "alive=5" ping
}

@test "TTOU while a worker waits for the next one: both go, and the connections stay" {
    slow_start --set worker_max_age=1s --set start_timeout=3s
    kill -TTIN "$SERVER_PID"
    rm "$WAIT"
    wait_until worker_pid 2
    wait_until workers_are_settled 2
    touch "$WAIT"
    wait_until worker_count_is 4
    kill -TTOU "$SERVER_PID"
    rm "$WAIT"
    wait_until workers_are_settled 1
    talk_gives "alive=5" ping
    refute server_has_logged 'msg=drained .*cut=[1-9]'
}

@test "the only worker retires at TERM: who connects then waits and is served by the next one" {
    slow_start
    kill -TERM "$FIRST"
    wait_until server_has_logged 'msg="worker drains by itself, replacing it"'
    wait_until draining_is "$FIRST"
    late_start 10
    wait_until waiting_are 10
    talk_gives "alive=5" ping # by the old one
    waiting_are 10
    rm "$WAIT"
    late_finish
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=5'
    talk_gives "alive=5" ping
}

@test "a worker that has to wait for the next one serves until that may start, and cuts nobody" {
    recycled_start worker_max_requests=50 --module echo --set workers=1 --set drain_timeout=300ms
    load_start "$ADDRESS" --connections 20
    wait_until server_has_logged 'msg="worker will be replaced" .* delay_ms=1000'
    wait_until server_has_logged 'msg="worker will be replaced" .* delay_ms=1000 deaths_in_a_row=9'
    load_finish
    load_lost_nothing 20
    refute server_has_logged 'msg=drained .*cut=[1-9]'
}

@test "worker_max_memory below what a worker takes before it serves is warned of, and replaces nobody" {
    local pid
    leak_start 100 $((30 << 20)) --set workers=1 --set worker_max_memory=20M
    pid=$(worker_pid 1)
    wait_until server_has_logged "level=warn process=worker .*msg=\"worker_max_memory does not count: .* worker_max_memory=$((20 << 20)) memory=[0-9]{8,}"
    load_start "$ADDRESS" --connections 5
    two_seconds_pass
    two_seconds_pass
    load_finish
    load_lost_nothing 5
    assert_equal "$(worker_pid 1)" "$pid"
    assert_equal "$(grep -c level=warn "$SERVER_LOG")" 1
}

@test "worker_max_memory that a worker reaches at once replaces no worker younger than a second" {
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "its module leaks, which a sanitizer would not bear"
    leak_start 1000000 0 --set workers=1 --set worker_max_memory=30M
    under_load memory 3 --depth 1
    (($(spread_ms) >= 1000 * ($(retired memory) - 1)))
}

@test "a chroot does not hide a worker's memory from it" {
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "its module leaks, which a sanitizer would not bear"
    [ "$(id -u)" = 0 ] || skip "needs root"
    mkdir "$BATS_TEST_TMPDIR/root"
    leak_start 4000 0 --set workers=1 --set worker_max_memory=40M --set "chroot=$BATS_TEST_TMPDIR/root"
    under_load memory 2
}
