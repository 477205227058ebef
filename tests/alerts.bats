#!/usr/bin/env bats
# What is shipped for Prometheus and Grafana: the alerts fire when they should and only then, and
# whatever the dashboard asks has an answer.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/admin
    load lib/prometheus
    bats_load_library bats-support
    bats_load_library bats-assert
    RULES=$PREFORK_SOURCE/etc/prometheus/preforkd.rules.yml
    DASHBOARD=$PREFORK_SOURCE/etc/grafana/preforkd.json
}

teardown() {
    load_teardown
    server_teardown
}

# watched_start: a server with something of everything, scraped.
watched_start() {
    configure <<END_OF_FILE
workers = 2
admin = { listen = "127.0.0.1:0" }
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
        dispatch = "pool"
    }
}
END_OF_FILE
    configured_start
    ADDRESS=$(server_address main)
    wait_until get /livez
    prometheus_start "$@"
    load_start "$ADDRESS" --connections 4 --short 4
}

@test "promtool finds nothing wrong with the alerts" {
    run promtool check rules "$RULES"
    assert_success
    assert_output --regexp 'SUCCESS: [1-9][0-9]* rules found'
}

@test "each alert fires for a server that has it, and none for a healthy one" {
    run promtool test rules "$PREFORK_SOURCE/tests/lib/alerts.yml"
    assert_success
    run diff <(sed -n 's/.*- alert: //p' "$RULES" | sort) \
        <(grep -o 'alertname="Preforkd[A-Za-z]*"' "$PREFORK_SOURCE/tests/lib/alerts.yml" |
            cut -d '"' -f 2 | sort -u)
    assert_success
}

@test "each alert has a severity, says what and where, and what to read" {
    run "$PYTHON" - "$RULES" <<'END_OF_FILE'
import re, sys
for rule in re.split(r"(?m)^      - alert: ", open(sys.argv[1]).read())[1:]:
    for want in (r"labels: \{ severity: (critical|warning) \}", r"summary: .*instance", "description: .", "runbook: doc/"):
        if not re.search(want, rule):
            print(rule.split()[0], "lacks", want)
END_OF_FILE
    assert_output ""
}

@test "all that the dashboard asks has an answer" {
    watched_start
    PATIENCE=40 wait_until dashboard_is_full
    load_finish
    load_lost_nothing 8
}

# dashboard_is_full: whether each expression of it has a value, with the variables as Grafana fills them.
dashboard_is_full() {
    "$PYTHON" - "$DASHBOARD" "$PROMETHEUS" <<'END_OF_FILE'
import json, sys, urllib.parse, urllib.request
def ask(path, **arguments):
    url = f"{sys.argv[2]}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]
board = json.load(open(sys.argv[1]))
count, empty = 0, []
for panel in board["panels"]:
    for target in panel.get("targets", []):
        assert target["datasource"]["uid"] == "${datasource}", panel["title"]
        query = target["expr"].replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$service", ".*")
        assert "$" not in query, query
        count += 1
        if not ask("query", query=query)["result"]:
            empty.append(f'{panel["title"]}: {query}')
for annotation in board["annotations"]["list"]:
    ask("query", query=annotation["expr"].replace("$instance", ".*"))
for variable in board["templating"]["list"][1:]:
    name, label = variable["definition"].removeprefix("label_values(").rstrip(")").split(", ")
    if not ask(f"label/{label}/values", **{"match[]": name}):
        empty.append(variable["name"])
print(*empty, sep="\n")
sys.exit(bool(empty) or count < 40)
END_OF_FILE
}

@test "the dashboard is one that Grafana takes: numbered panels that do not overlap" {
    run "$PYTHON" - "$DASHBOARD" <<'END_OF_FILE'
import json, sys
board = json.load(open(sys.argv[1]))
assert board["schemaVersion"] >= 36 and board["title"] == "preforkd"
assert board["templating"]["list"][0]["type"] == "datasource"
panels = board["panels"]
assert len({panel["id"] for panel in panels}) == len(panels)
taken = set()
for panel in panels:
    at = panel["gridPos"]
    for x in range(at["x"], at["x"] + at["w"]):
        for y in range(at["y"], at["y"] + at["h"]):
            assert x < 24 and (x, y) not in taken, panel["title"]
            taken.add((x, y))
    if panel["type"] != "row":
        assert panel["description"] and panel["targets"], panel["title"]
END_OF_FILE
    assert_success
}

@test "a Prometheus that loads the alerts fires that a reload has failed" {
    watched_start "$RULES"
    PATIENCE=30 wait_until prometheus_says 1 'preforkd_workers_wanted - 1'
    prometheus_fires_not PreforkdReloadFailed
    echo broken >>"$CONFIG"
    reload_fails ".*"
    PATIENCE=30 wait_until prometheus_fires PreforkdReloadFailed
    load_finish
}
