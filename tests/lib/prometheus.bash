# A real Prometheus for the bats files, after lib/server and lib/admin.
# shellcheck shell=bash
# shellcheck disable=SC2154 # PYTHON, ORPHANS: of lib/server.bash

# prometheus_start [RULES]: one of our own, on a port of the kernel's choice.
prometheus_start() {
    local port
    port=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    PROMETHEUS=http://127.0.0.1:$port
    cat >"$BATS_TEST_TMPDIR/prometheus.yml" <<END_OF_FILE
global: { scrape_interval: 1s, evaluation_interval: 1s }
${1:+rule_files: [ "$1" ]}
scrape_configs: [ { job_name: preforkd, static_configs: [ { targets: [ "$(admin_address)" ] } ] } ]
END_OF_FILE
    prometheus --config.file="$BATS_TEST_TMPDIR/prometheus.yml" --web.listen-address="127.0.0.1:$port" \
        --storage.tsdb.path="$BATS_TEST_TMPDIR/tsdb" >"$BATS_TEST_TMPDIR/prometheus.log" 2>&1 3>&- &
    ORPHANS+=("$!")
}

# prometheus_says VALUE QUERY
prometheus_says() {
    curl -sS -m 5 -G "$PROMETHEUS/api/v1/query" --data-urlencode "query=$2" 2>/dev/null | grep -q ",\"$1\"\]"
}

# prometheus_fires ALERT
prometheus_fires() {
    prometheus_says 1 "ALERTS{alertname=\"$1\",alertstate=\"firing\"}"
}

prometheus_fires_not() {
    ! prometheus_fires "$1"
}
