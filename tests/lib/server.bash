# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# Starts and ends servers for the bats files. Everything stands under $BATS_TEST_TMPDIR, so that
# tests can run side by side.
#
#	setup() { load lib/server; }
#	teardown() { server_teardown; }

PREFORK_BUILD=${PREFORK_BUILD:-$BATS_TEST_DIRNAME/..}
PREFORK_SOURCE=${PREFORK_SOURCE:-$BATS_TEST_DIRNAME/..}
PREFORKD=${PREFORKD:-$PREFORK_BUILD/src/preforkd}
PREFORKCAT=${PREFORKCAT:-$PREFORK_BUILD/src/preforkcat}
PYTHON=${PYTHON:-/usr/bin/python3}
LIB=$BATS_TEST_DIRNAME/lib
SERVER_PIDS=()
ORPHANS=() # processes that may outlive their master, for the teardown

# Seconds within which anything that is expected must have happened on a slow machine.
PATIENCE=${PATIENCE:-30}

# wait_until COMMAND...: polls until it succeeds; fails after $PATIENCE seconds.
wait_until() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        if ((SECONDS >= end)); then
            echo "gave up waiting for: $*" >&2
            return 1
        fi
        read -rt 0.02 <> <(:) || :
    done
}

# launch_with COMMAND...: from now on servers are started by it: COMMAND PREFORKD ARGUMENT...
launch_with() {
    local launcher=$BATS_TEST_TMPDIR/launcher
    PREFORKD_ALONE=${PREFORKD_ALONE:-$PREFORKD}
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$*" "$PREFORKD_ALONE" >"$launcher"
    chmod 755 "$launcher"
    PREFORKD=$launcher
}

# limit_files SOFT HARD: from now on servers may open so many, and have no right to more.
limit_files() {
    local no_right=()
    [ "$(id -u)" != 0 ] ||
        no_right=(setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource)
    launch_with prlimit "--nofile=$1:$2" "${no_right[@]}"
}

# For a test that looks at every thread of a process.
needs_no_other_threads() {
    [[ ${PREFORK_SANITIZERS:-} != *thread* ]] || skip "the sanitizer has a thread of its own"
}

# server_spawn ARGUMENT...: starts preforkd without waiting for it. Sets SERVER_PID, SERVER_LOG.
server_spawn() {
    SERVER_LOG=$BATS_TEST_TMPDIR/server-${#SERVER_PIDS[@]}.log
    : >"$SERVER_LOG" # whoever looks at once finds it
    "$PREFORKD" "$@" </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
}

# server_start ARGUMENT...: the same, and waits until it is ready.
server_start() {
    server_spawn "$@"
    wait_until server_is_ready_or_gone
    server_has_logged 'msg"?[=:]"?ready'
}

# echo_start ARGUMENT...: an echo server on a port of its own; sets ADDRESS.
echo_start() {
    server_start --listen 127.0.0.1:0 --module echo "$@"
    ADDRESS=$(server_address)
}

# server_start_logging FILE ARGUMENT...: as server_start; the log is that file.
server_start_logging() {
    server_spawn "${@:2}" --set "log.target=$1"
    SERVER_LOG=$1
    wait_until test -e "$1"
    wait_until server_is_ready_or_gone
    server_has_logged 'msg"?[=:]"?ready'
}

server_is_ready_or_gone() {
    server_has_logged 'msg"?[=:]"?ready' || ! kill -0 "$SERVER_PID" 2>/dev/null
}

# server_has_logged EXTENDED-REGULAR-EXPRESSION
server_has_logged() {
    grep -Eq "$1" "$SERVER_LOG"
}

# Where a service listens (the first address in the log; or the one of service $1).
server_address() {
    sed -En "s/.*msg=listening service=${1:-[^ ]*} address=(.*)/\1/p" "$SERVER_LOG" | head -n 1
}

worker_pids() {
    pgrep -P "$SERVER_PID" || :
}

# pick_worker: sets WORKER to the pid of one at random. Fails if none was seen, as when all that pgrep
# has found are replaced before it looks at them.
pick_worker() {
    local pids
    mapfile -t pids < <(worker_pids)
    ((${#pids[@]} > 0)) && WORKER=${pids[RANDOM % ${#pids[@]}]}
}

worker_count_is() {
    [ "$(worker_pids | wc -l)" -eq "$1" ]
}

# worker_pid NUMBER: of the one that is not draining.
worker_pid() {
    # pgrep shows what is left of the arguments' place behind a title as spaces.
    pgrep -P "$SERVER_PID" -f "preforkd: worker $1 \(generation [0-9]+\) *\$"
}

# worker_is_new NUMBER OLD-PID: whether another process has that number now.
worker_is_new() {
    local pid
    pid=$(worker_pid "$1") && [ "$pid" != "$2" ]
}

# Waits for the server's end; sets SERVER_STATUS.
server_wait() {
    SERVER_STATUS=0
    wait_until server_is_gone
    wait "$SERVER_PID" || SERVER_STATUS=$?
}

server_is_gone() {
    ! kill -0 "$SERVER_PID" 2>/dev/null || [ "$(process_state "$SERVER_PID")" = Z ]
}

# The letter of proc(5): R, S, T, Z ...
process_state() {
    sed -E 's/^[0-9]+ \(.*\) (.).*/\1/' "/proc/$1/stat" 2>/dev/null
}

process_is_gone() {
    [[ $(process_state "$1") =~ ^Z?$ ]]
}

process_is_stopped() {
    [ "$(process_state "$1")" = T ]
}

# stop_process PID: when this returns, it does nothing any more until CONT.
stop_process() {
    kill -STOP "$1"
    wait_until process_is_stopped "$1"
}

# What a process has open.
descriptors() {
    "$PYTHON" "$LIB/descriptors.py" "$1"
}

# workers_are_settled COUNT: whether so many are there, each past its start.
workers_are_settled() {
    local pid open
    worker_count_is "$1" || return 1
    for pid in $(worker_pids); do
        open=$(descriptors "$pid")
        [[ $open != *memfd* && $open == *signalfd* ]] || return 1
    done
}

# server_stop [SIGNAL]: asks it to end (TERM) and waits; sets SERVER_STATUS.
server_stop() {
    kill -s "${1:-TERM}" "$SERVER_PID"
    server_wait
}

orphans_are_gone() {
    local pid
    for pid in "${ORPHANS[@]}"; do
        process_is_gone "$pid" || return 1
    done
}

# Ends what the test left running, by pid, and shows the log if the test failed.
server_teardown() {
    local pid child
    for pid in "${ORPHANS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || :
    done
    for pid in "${SERVER_PIDS[@]}"; do
        for child in $(pgrep -P "$pid"); do
            kill -KILL "$child" 2>/dev/null || :
        done
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    if [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
        tail -n 40 "$BATS_TEST_TMPDIR"/server-*.log 2>/dev/null || :
    fi
    server_is_sane
}

# Fails, and shows it, if a sanitizer has found something in a server.
server_is_sane() {
    ! grep -hEA 40 'Sanitizer: |runtime error: ' "$BATS_TEST_TMPDIR"/server-*.log 2>/dev/null
}
