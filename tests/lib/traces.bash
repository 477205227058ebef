# Traces for the bats files, after lib/server and lib/admin: a collector around the official decoder
# of OTLP, which build-aux/test installs.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests; of lib/server.bash

PREFORK_OTLP=${PREFORK_OTLP:-$PREFORK_BUILD/../otlp}
COLLECTOR_PIDS=()
COLLECTOR_HOST=127.0.0.1
SPANS=$BATS_TEST_TMPDIR/spans

# collector_start [MODE [PORT]]: see collector.js; at $COLLECTOR_HOST. Sets COLLECTOR_PID, COLLECTOR_PORT
# and ENDPOINT.
collector_start() {
    local port=$BATS_TEST_TMPDIR/collector-port
    [ -d "$PREFORK_OTLP/node_modules" ] ||
        skip "there is no decoder of OTLP: see HACKING.md"
    rm -f "$port"
    : >>"$SPANS"
    node "$LIB/collector.js" "$PREFORK_OTLP" "${1:-ok}" "$COLLECTOR_HOST" "${2:-0}" "$port" "$SPANS" \
        >>"$BATS_TEST_TMPDIR/collector.log" 2>&1 3>&- &
    COLLECTOR_PID=$!
    COLLECTOR_PIDS+=("$COLLECTOR_PID")
    wait_until test -e "$port"
    COLLECTOR_PORT=$(<"$port")
    ENDPOINT=http://$COLLECTOR_HOST:$COLLECTOR_PORT/v1/traces
}

collector_stop() {
    kill "$COLLECTOR_PID"
    wait "$COLLECTOR_PID" || :
}

# Ends them, and fails if one did not like what it got.
collector_teardown() {
    local pid
    for pid in "${COLLECTOR_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    [ ! -s "$BATS_TEST_TMPDIR/collector.log" ] || {
        cat "$BATS_TEST_TMPDIR/collector.log"
        return 1
    }
}

# traced_start ARGUMENT...: a server of $MODULE with one worker and an admin process, which exports
# to the collector every request that is not said not to be; sets ADDRESS.
traced_start() {
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 \
        --set admin.listen=127.0.0.1:0 --set "traces.endpoint=$ENDPOINT" --set traces.sample=1 "$@"
    ADDRESS=$(server_address main)
}

# requests_traced: a line for each request whose spans have come, see spans.py.
requests_traced() {
    "$PYTHON" "$LIB/spans.py" "$SPANS"
}

# requests_traced_are COUNT [PATTERN]: whether so many of these lines have it.
requests_traced_are() {
    [ "$(requests_traced | grep -Ec -- "${2:-}")" -eq "$1" ]
}

# collector_has_seen COUNT: requests, of the collector's own.
collector_has_seen() {
    [ "$(wc -l <"$SPANS.requests" 2>/dev/null || echo 0)" -ge "$1" ]
}

# spans_dropped REASON
spans_dropped() {
    metric preforkd_spans_dropped_total "reason=\"$1\""
}

spans_dropped_reach() {
    [ "$(spans_dropped "$2")" -ge "$1" ]
}
