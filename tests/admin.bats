#!/usr/bin/env bats
# The admin process: there from the start on, bounded, and what the configuration says it is.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/admin
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# admin_configure [SETTING [ADDRESSES]]
admin_configure() {
    configure <<END_OF_FILE
workers = 2
admin = { listen = [ ${2:-\"127.0.0.1:0\"} ] }
${1:-}
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
}

status_of() {
    get "$1" -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}'
}

@test "a server that starts answers HTTP: alive, and not ready yet" {
    local stone=$BATS_TEST_TMPDIR/stone
    touch "$stone"
    open_tmpdir
    module_build refused -DINIT_HANGS_IF_PATH
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --option "path=$stone" --set workers=2 \
        --set start_timeout=10m --set admin.listen=127.0.0.1:0
    wait_until server_has_logged 'service=\(admin\)'
    wait_until get /livez
    assert_equal "$(get /readyz)" "the server starts"
    assert_equal "$(status_of /readyz)" 503
    metric_is 2 preforkd_workers 'state="starting"'
    metric_is 2 preforkd_workers_wanted
    rm "$stone"
    wait_until server_has_logged msg=ready
    assert_equal "$(get /readyz)" ready
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "a server that cannot start ends, and its admin process with it" {
    module_build refused -DINIT_FAILS
    open_tmpdir
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --set admin.listen=127.0.0.1:0
    server_wait
    assert_equal "$SERVER_STATUS" 78
    run get /livez
    assert_failure
}

@test "more addresses than the admin process can answer on are refused" {
    local addresses
    addresses=$(printf '"127.0.0.1:0", %.0s' {1..65})
    admin_configure "" "${addresses%, }"
    run "$PREFORKD" -t -c "$CONFIG"
    assert_failure 78
    assert_output --regexp 'preforkd\.conf:2: admin\.listen: has 65 addresses; expected at most 64'
    admin_configure "" "$(printf '"127.0.0.1:0", %.0s' {1..63})\"127.0.0.1:0\""
    configured_start
    wait_until get /livez
}

# has_descriptors COUNT: of the admin process.
has_descriptors() {
    [ "$(find "/proc/$(admin_pid)/fd" -type l | wc -l)" -eq "$1" ]
}

@test "A1: a client of HTTP has 15 seconds in all, whatever it does" {
    local before
    admin_configure
    configured_start
    wait_until get /livez
    before=$(find "/proc/$(admin_pid)/fd" -type l | wc -l)
    run timeout 60 "$PYTHON" - "$(admin_address)" <<'END_OF_FILE'
import select, socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
begin = time.monotonic()
dripping = socket.create_connection((host, int(port)))
dripping.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
silent = socket.create_connection((host, int(port)))
while dripping:
    try:
        dripping.sendall(b"x")
        if select.select([dripping], [], [], 0.2)[0] and not dripping.recv(4096):
            break
    except OSError:
        break
took = time.monotonic() - begin
print("in time" if 14 < took < 40 else took)
assert silent.recv(1) == b""
END_OF_FILE
    assert_success
    assert_output "in time"
    wait_until has_descriptors "$before"
}

@test "A1: many clients in a row leave no descriptor behind" {
    local before
    admin_configure
    configured_start
    wait_until get /livez
    before=$(find "/proc/$(admin_pid)/fd" -type l | wc -l)
    for _ in {1..300}; do
        get /livez
    done >"$BATS_TEST_TMPDIR/answers"
    assert_equal "$(sort -u "$BATS_TEST_TMPDIR/answers")" alive
    wait_until has_descriptors "$before"
}

@test "a reload that changes user, group or root starts another admin process" {
    local pid
    [ "$(id -u)" -eq 0 ] || skip "only root can be another user"
    mkdir "$BATS_TEST_TMPDIR/root"
    open_tmpdir
    admin_configure
    configured_start
    wait_until get /livez
    pid=$(admin_pid)
    admin_configure 'user = "daemon"'
    reload_works
    wait_until admin_is_other "$pid"
    wait_until get /livez
    assert_equal "$(stat -c %U "/proc/$(admin_pid)")" daemon
    pid=$(admin_pid)
    admin_configure "user = \"daemon\" chroot = \"$BATS_TEST_TMPDIR/root\""
    reload_works
    wait_until admin_is_other "$pid"
    wait_until get /livez
    assert_equal "$(readlink "/proc/$(admin_pid)/root")" "$BATS_TEST_TMPDIR/root"
    pid=$(admin_pid)
    reload_works
    assert_equal "$(admin_pid)" "$pid"
}

# agent_says: the line that the agent answers, up to the end of file.
agent_says() {
    "$PYTHON" - "$(sed -n 's/.*msg=listening service=(agent) address=//p' "$SERVER_LOG" | tail -n 1)" <<'END_OF_FILE'
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), 10) as sock:
    print(b"".join(iter(lambda: sock.recv(4096), b"")).decode(), end="")
END_OF_FILE
}

# agent_says_that LINE
agent_says_that() {
    [ "$(agent_says)" = "$1" ]
}

agent_start() {
    configure <<END_OF_FILE
workers = 2
admin = { agent = "127.0.0.1:0" }
max_connections = 8
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
    configured_start
    ADDRESS=$(server_address main)
}

@test "the agent says how much of max_connections is free, and drain while the server ends" {
    agent_start
    wait_until agent_says_that "up ready 100%"
    talk_start "$ADDRESS"
    talk open 1
    wait_until agent_says_that "up ready 88%"
    talk open 6
    wait_until agent_says_that "up ready 13%"
    talk open 1
    wait_until agent_says_that "up ready 0%"
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until agent_says_that drain
    talk finish
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "the agent says drain while no worker is ready" {
    touch "$BATS_TEST_TMPDIR/stone"
    open_tmpdir
    module_build refused -DINIT_HANGS_IF_PATH
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --option "path=$BATS_TEST_TMPDIR/stone" \
        --set workers=1 --set start_timeout=10m --set admin.agent=127.0.0.1:0
    wait_until server_has_logged 'service=\(agent\)'
    wait_until agent_says_that drain
    rm "$BATS_TEST_TMPDIR/stone"
    wait_until agent_says_that "up ready 100%"
}

@test "A1: who asks the agent and does not close, or talks without end, keeps nobody from asking" {
    agent_start
    wait_until agent_says
    "$PYTHON" - "$(sed -n 's/.*service=(agent) address=//p' "$SERVER_LOG")" <<'END_OF_FILE'
import socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
held = []
for number in range(400):
    sock = socket.create_connection((host, int(port)), 10)
    assert sock.recv(64) == b"up ready 100%\n", number
    held.append(sock)
talker = socket.create_connection((host, int(port)), 10)
end = time.monotonic() + 30
try:
    while time.monotonic() < end:
        talker.sendall(b"x" * 1000)
except OSError:
    sys.exit(0)
sys.exit("it may talk for ever")
END_OF_FILE
    agent_says_that "up ready 100%"
    (($(find "/proc/$(admin_pid)/fd" -type l | wc -l) < 90))
}

@test "the agent speaks on the same port after an upgrade" {
    agent_start
    wait_until agent_says_that "up ready 100%"
    talk_start "$ADDRESS"
    talk open 2
    kill -USR2 "$SERVER_PID"
    wait_until server_has_logged "msg=upgraded pid=$SERVER_PID"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until agent_says_that "up ready 75%"
    assert_equal "$(grep -c 'service=(agent)' "$SERVER_LOG")" 1
    talk_gives "alive=2" ping
}

@test "an address of the agent is one of TCP, and nobody else's" {
    local wrong
    while read -r wrong; do
        configure <<END_OF_FILE
admin = { listen = "127.0.0.1:1" agent = "${wrong%% *}" }
services = { main = { listen = "127.0.0.1:2" module = "echo" } }
END_OF_FILE
        run "$PREFORKD" -t -c "$CONFIG"
        assert_failure 78
        assert_output --partial "preforkd.conf:1: admin.agent: \"${wrong%% *}\" ${wrong#* }"
    done <<'END_OF_FILE'
unix:/tmp/x is a unix socket; expected "ADDRESS:PORT"
127.0.0.1:1 is listened on by admin already; expected each address once
127.0.0.1:2 is listened on by services.main already; expected each address once
END_OF_FILE
}

@test "an address that a reload takes from HTTP for the agent speaks as that" {
    local port
    agent_start
    wait_until agent_says
    port=$(sed -n 's/.*service=(agent) address=.*://p' "$SERVER_LOG")
    sed -i "s|agent = .*|agent = \"127.0.0.1:$port\" }|" "$CONFIG"
    reload_fails ".*127.0.0.1:$port.*in use"
    sed -i "s|agent = .*|listen = \"127.0.0.1:0\" }|" "$CONFIG"
    reload_works
    wait_until http_answers_at "127.0.0.1:$port"
}

http_answers_at() {
    [ "$(curl -sS -m 5 "http://$1/livez")" = alive ]
}
