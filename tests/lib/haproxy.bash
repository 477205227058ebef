# Two servers and an HAProxy before them for the bats files, after lib/server, lib/load, lib/reload.
#
#	teardown() { load_teardown; haproxy_teardown; server_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # FRONT, CONFIG: for the tests; set by lib/server.bash

HAPROXY_CONFIG=$BATS_TEST_TMPDIR/haproxy.cfg
HAPROXY_SOCKET=$BATS_TEST_TMPDIR/haproxy.sock
FRONT=unix:$BATS_TEST_TMPDIR/front.sock
declare -gA PIDS LOGS

# haproxy_configure NAME ADDRESS AGENT-PORT NAME ADDRESS AGENT-PORT: the configuration of
# doc/haproxy.md with these servers, and with sockets that are nobody else's.
haproxy_configure() {
    # shellcheck disable=SC2016 # no command, but the fence of the manual
    sed -n '/^```haproxy/,/^```/{/^```/d;p}' "$PREFORK_SOURCE/doc/haproxy.md" |
        sed -e "s|/run/haproxy/admin.sock|$HAPROXY_SOCKET|" \
            -e "s|bind :9000|bind unix@${FRONT#unix:}|" \
            -e "s|server one .*|server $1 $2 agent-port $3|" \
            -e "s|server two .*|server $4 $5 agent-port $6|" >"$HAPROXY_CONFIG"
    [ "$(grep -c "agent-port\|$BATS_TEST_TMPDIR" "$HAPROXY_CONFIG")" -eq 4 ]
}

# pair_configure NAME ADDRESS AGENT-ADDRESS
pair_configure() {
    CONFIG=$BATS_TEST_TMPDIR/$1.conf
    configure <<END_OF_FILE
workers = 2
admin = { agent = "$3" }
$PAIR_SETTING
services = {
    main = {
        listen = "$2"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
}

# use_server NAME: functions of lib/server and lib/reload mean that one from now on.
use_server() {
    CONFIG=$BATS_TEST_TMPDIR/$1.conf
    SERVER_PID=${PIDS[$1]}
    SERVER_LOG=${LOGS[$1]}
}

remember() {
    PIDS[$1]=$SERVER_PID
    LOGS[$1]=$SERVER_LOG
}

# address_of NAME [SERVICE]: where it listens.
address_of() {
    sed -n "s/.*msg=listening service=${2:-main} address=//p" "${LOGS[$1]}" | head -n 1
}

# pair_start [SETTING]: servers one and two, and HAProxy before them, which has heard of both.
pair_start() {
    local name
    PAIR_SETTING=${1:-}
    for name in one two; do
        pair_configure "$name" 127.0.0.1:0 127.0.0.1:0
        server_start -c "$CONFIG"
        remember "$name"
    done
    haproxy_configure one "$(address_of one)" "$(port_of one)" two "$(address_of two)" "$(port_of two)"
    haproxy -db -f "$HAPROXY_CONFIG" >"$BATS_TEST_TMPDIR/haproxy.log" 2>&1 3>&- &
    HAPROXY_PID=$!
    wait_until test -S "${FRONT#unix:}"
    wait_until server_is one UP 100
    wait_until server_is two UP 100
}

port_of() {
    local address
    address=$(address_of "$1" '(agent)')
    echo "${address##*:}"
}

# server_again NAME: starts it where it was.
server_again() {
    pair_configure "$1" "$(address_of "$1")" "$(address_of "$1" '(agent)')"
    server_start -c "$CONFIG"
    remember "$1"
}

# haproxy_says COMMAND
haproxy_says() {
    "$PYTHON" - "$HAPROXY_SOCKET" "$1" <<'END_OF_FILE'
import socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    sock.sendall(sys.argv[2].encode() + b"\n")
    print(b"".join(iter(lambda: sock.recv(65536), b"")).decode(), end="")
END_OF_FILE
}

# stat_of NAME FIELD: one of `show stat`.
stat_of() {
    haproxy_says "show stat" | "$PYTHON" -c '
import csv, sys
for row in csv.DictReader(sys.stdin):
    if row["svname"] == sys.argv[1]:
        print(row[sys.argv[2]])' "$1" "$2"
}

# server_is NAME STATE WEIGHT: as HAProxy sees it.
server_is() {
    local state weight
    state=$(stat_of "$1" status) && weight=$(stat_of "$1" weight)
    [[ "$state $weight" == "$2"*" $3" ]] && return
    echo "$1 is $state $weight, expected $2 $3"
    return 1
}

# Nobody is sent there: its agent says drain, or its port is closed.
server_is_drained() {
    [[ $(stat_of "$1" status) == @(DRAIN*|DOWN*) ]]
}

server_is_away() {
    [[ $(stat_of "$1" status) == DOWN* ]]
}

# sessions_of NAME: that HAProxy has with it now.
sessions_of() {
    stat_of "$1" scur
}

serves() {
    [ "$(sessions_of "$1")" -gt 0 ]
}

haproxy_teardown() {
    [ -n "${HAPROXY_PID:-}" ] || return 0
    kill -KILL "$HAPROXY_PID" 2>/dev/null || :
    wait "$HAPROXY_PID" 2>/dev/null || :
    [ "${BATS_TEST_COMPLETED:-}" = 1 ] || tail -n 20 "$BATS_TEST_TMPDIR/haproxy.log"
}
