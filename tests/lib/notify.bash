# A service manager for the bats files that is told how the server is, after lib/server.
#
#	setup() { load lib/server; load lib/notify; }
#	teardown() { server_teardown; notify_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2154 # LIB, PYTHON, SERVER_PID: of lib/server.bash

TOLD=$BATS_TEST_TMPDIR/told # what it was told
HOLD=$BATS_TEST_TMPDIR/hold # while it is there, nothing is taken
MANAGER=

# notify_start [SOCKET]: servers that are started from now on tell it.
notify_start() {
    NOTIFY_SOCKET=${1:-$BATS_TEST_TMPDIR/notify}
    "$PYTHON" "$LIB/notify.py" "$NOTIFY_SOCKET" "$HOLD" >"$TOLD" 3>&- &
    MANAGER=$!
    export NOTIFY_SOCKET
    wait_until grep -q bound "$TOLD"
}

notify_teardown() {
    [ -z "$MANAGER" ] || kill "$MANAGER" || :
    if [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
        cat "$TOLD" 2>/dev/null || :
    fi
}

# watchdog_by SECONDS: servers that are started from now on are to say so often that they turn.
watchdog_by() {
    local launcher=$BATS_TEST_TMPDIR/watched
    printf '#!/bin/sh\nWATCHDOG_USEC=%s000000 WATCHDOG_PID=$$ exec "%s" "$@"\n' \
        "$1" "$PREFORKD" >"$launcher"
    chmod 755 "$launcher"
    PREFORKD=$launcher
}

# was_told EXTENDED-REGULAR-EXPRESSION: by the server, in one message, its lines between "|".
was_told() {
    sed -n "s/^$SERVER_PID //p" "$TOLD" | grep -Eq "(^|\\|)$1(\\||\$)"
}

# told_count EXTENDED-REGULAR-EXPRESSION: in how many messages, of anybody.
told_count() {
    grep -Ec "[ |]$1(\\||\$)" "$TOLD" || :
}

told_count_is() {
    [ "$(told_count "$2")" -eq "$1" ]
}

told_at_least() {
    [ "$(told_count "$2")" -ge "$1" ]
}

# told_states: the states that were told, one behind the other.
told_states() {
    grep -Eo '(READY|RELOADING|STOPPING)=1' "$TOLD" | tr '\n' ' '
}
