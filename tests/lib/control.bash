# preforkctl(8) for the bats files, after lib/server and lib/reload.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # PREFORKD, CONFIG ...: of lib/server, lib/reload, lib/upgrade

PREFORKCTL=${PREFORKCTL:-$PREFORK_BUILD/src/preforkctl}
CONTROL=$BATS_TEST_TMPDIR/control/socket

# ctl ARGUMENT...: asks the server whose control socket that is.
ctl() {
    "$PREFORKCTL" -s "$CONTROL" "$@"
}

# controlled_start [SETTING]: a server with WORKERS (2) workers that can be steered; SETTING stands on
# line 3. Sets ADDRESS. upgradable_start: the same of $PROGRAM (lib/upgrade), a copy of the program.
controlled_start() {
    configure <<END_OF_FILE
workers = ${WORKERS:-2}
control_socket = "$CONTROL"
${1:-}
services = { main = { listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/main.sock" ] module = "${ECHO:-echo}" } }
END_OF_FILE
    configured_start
}

upgradable_start() {
    upgrade_setup
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    ECHO=$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so) controlled_start "$@"
    wait_until workers_are_settled "${WORKERS:-2}"
}

# ctl_json QUERY ARGUMENT...: what the Python expression QUERY makes of `it`, which ctl prints as JSON.
ctl_json() {
    ctl "${@:2}" --json | "$PYTHON" -c "import json, sys; it = json.load(sys.stdin); print($1)"
}

# counts: the connections of each worker of the newest generation, by its number, in one line.
counts() {
    ctl status | awk '/^ *WORKER/ { on = 1; next } /^$/ { on = 0 } on && $4 == "ready" { print $5 }' |
        paste -sd ' '
}
