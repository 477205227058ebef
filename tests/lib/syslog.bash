# A mount namespace with a /dev of its own, so that each test has its own /dev/log; after lib/server.
#
#	setup() { load lib/server; load lib/syslog; syslog_setup; }
#	teardown() { syslog_teardown; server_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # set for the tests; set by lib/server.bash

SYSLOG_PIDS=()

# Makes the namespace, or skips the test.
syslog_setup() {
    local ready=$BATS_TEST_TMPDIR/namespace-is-ready
    unshare -m true 2>/dev/null || skip "cannot make a mount namespace here"
    mkdir "$BATS_TEST_TMPDIR/dev"
    # shellcheck disable=SC2016 # for the other shell
    unshare -m sh -eu -c '
        mount -t tmpfs tmpfs "$1"
        for name in null zero full random urandom tty; do
            : >"$1/$name"
            mount --bind "/dev/$name" "$1/$name"
        done
        ln -s /proc/self/fd "$1/fd"
        mkdir "$1/shm"
        mount --bind /dev/shm "$1/shm"
        mount --rbind "$1" /dev
        : >"$2"
        exec sleep 3600' sh "$BATS_TEST_TMPDIR/dev" "$ready" </dev/null >/dev/null 3>&- &
    SYSLOG_NAMESPACE=$!
    wait_until test -e "$ready"
}

# in_namespace COMMAND...
in_namespace() {
    nsenter --mount="/proc/$SYSLOG_NAMESPACE/ns/mnt" "$@"
}

# syslogd_start COMMAND...: one that makes /dev/log, which is there when this returns.
syslogd_start() {
    in_namespace rm -f /dev/log
    nsenter --mount="/proc/$SYSLOG_NAMESPACE/ns/mnt" "$@" </dev/null >/dev/null 3>&- &
    SYSLOGD_PID=$!
    SYSLOG_PIDS+=("$SYSLOGD_PID")
    wait_until in_namespace test -S /dev/log
    in_namespace chmod 666 /dev/log
}

# receiver_start [OPTION...]: lib/syslog.py, which keeps datagrams as they are in $RECEIVED.
receiver_start() {
    RECEIVED=$BATS_TEST_TMPDIR/received
    syslogd_start "$PYTHON" "$LIB/syslog.py" receive /dev/log "$RECEIVED" "$@"
}

# received_lines FORMAT [KEY=VALUE...] [KEY]: of what it has, as lib/loglines.py reads it.
received_lines() {
    "$PYTHON" "$LIB/syslog.py" bodies "$RECEIVED" >"$RECEIVED.bodies" &&
        "$PYTHON" "$LIB/loglines.py" "$1" "$RECEIVED.bodies" "${@:2}"
}

# syslog_spawn ARGUMENT...: a server that logs there.
syslog_spawn() {
    local program=$PREFORKD
    local PREFORKD=nsenter
    server_spawn --mount="/proc/$SYSLOG_NAMESPACE/ns/mnt" "$program" --set log.target=syslog "$@"
}

syslog_teardown() {
    local pid
    for pid in "${SYSLOG_PIDS[@]}" ${SYSLOG_NAMESPACE:+"$SYSLOG_NAMESPACE"}; do
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
}
