#!/usr/bin/env bats
# preforkctl(8): what it shows, and what it has the server do. What moves connections: relocation.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

bats_require_minimum_version 1.5.0

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/control
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

@test "status is a table for people, and --json the document of /status" {
    controlled_start
    load_start "$ADDRESS" --connections 3
    run -0 ctl status
    assert_line --regexp "^preforkd [0-9.]+, process $SERVER_PID, running for [0-9]"
    assert_line --regexp '^generation 1, loaded .* ago; reloads 0, failed 0$'
    assert_line 'connections 3 of 10000; workers 2, replaced 0'
    assert_line --regexp '^ +1 +1 +[0-9]+  ready '
    assert_line --regexp '^main +3 +3 +0 +[1-9][0-9]* +0 '
    assert_equal "$(ctl_json 'it["pid"]' status)" "$SERVER_PID"
    assert_equal "$(ctl_json 'it["services"]["main"]["active_connections"]' status)" 3
    load_finish
}

@test "a service that nobody has asked has no quantiles" {
    controlled_start
    run -0 ctl status
    assert_line --regexp '^main +0 +0 +0 +0 +0 +- +- +0 +0$'
}

@test "connections shows each with its peer, service, worker and numbers, and filters them" {
    controlled_start
    talk_start "$ADDRESS"
    talk open 5
    talk_gives "alive=5" ping
    run -0 ctl connections
    assert_equal "${#lines[@]}" 6
    assert_line --regexp '^[0-9a-f]{16}  main +[12]  open +[0-9]+m?s +[0-9]+m?s +2 +0 +20 +20  127\.0\.0\.1:[0-9]+$'
    assert_equal "$(ctl_json 'len({row["id"] for row in it})' connections)" 5
    assert_equal "$(ctl_json '{(row["service"], row["requests"], row["in_flight"]) for row in it}' connections)" \
        "{('main', 2, 0)}"
    assert_equal "$(ctl_json '{row["received_bytes"] == row["sent_bytes"] for row in it}' connections)" '{True}'
    peer=$(ctl_json 'it[0]["peer"]' connections)
    assert_equal "$(ctl_json 'len(it)' connections "peer=$peer")" 1
    assert_equal "$(ctl_json 'len(it)' connections "peer=127.0.0.1")" 5
    assert_equal "$(ctl_json 'len(it)' connections service=main state=open)" 5
    assert_equal "$(ctl_json 'len(it)' connections service=other)" 0
    assert_equal "$(ctl_json 'len(it)' connections older=1h)" 0
    assert_equal "$(($(ctl_json 'len(it)' connections worker=1) + $(ctl_json 'len(it)' connections worker=2)))" 5
}

@test "a request under way is in flight, and of a unix socket no bytes are known" {
    module_build work
    open_tmpdir
    controlled_start
    sed -i "s|module = \"echo\"|module = \"$MODULE\"|" "$CONFIG"
    run -0 ctl reload
    "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/main.sock" 'n1 hold' </dev/null >/dev/null 2>&1 3>&- &
    SERVER_PIDS+=("$!")
    wait_until in_flight_is 1
    assert_equal "$(ctl_json 'it[0]["received_bytes"], it[0]["peer"]' connections)" "None unix:"
    assert_equal "$(ctl connections | awk 'NR == 2 { print $9, $10 }')" '- -'
}

in_flight_is() {
    [ "$(ctl_json '[row["in_flight"] for row in it]' connections)" = "[$1]" ]
}

@test "10,000 connections are all listed, each once, also while they move" {
    ulimit -n 10500 || skip "10,500 descriptors are not allowed here"
    controlled_start
    talk_start "$ADDRESS"
    talk open 10000
    assert_equal "$(ctl_json 'len({row["id"] for row in it}), len(it)' connections)" '10000 10000'
    hup
    for _ in 1 2 3 4 5; do
        assert_equal "$(ctl_json 'len(it)' connections)" 10000
    done
    wait_until generation_is 2 2
    assert_equal "$(ctl_json 'len(it)' connections)" 10000
    talk_gives "alive=10000" ping
}

@test "what clients call themselves does nothing to a terminal and hides nobody from --json" {
    controlled_start
    "$PYTHON" - "$BATS_TEST_TMPDIR" <<'END_OF_FILE' 3>&- &
import os, socket, sys, time

kept = []
for name in (b"red \x1b[31m\nline", b"no \xff UTF-8"):
    client = socket.socket(socket.AF_UNIX)
    client.bind(os.path.join(sys.argv[1].encode(), name))
    client.connect(sys.argv[1] + "/main.sock")
    kept.append(client)
time.sleep(60)
END_OF_FILE
    SERVER_PIDS+=("$!")
    wait_until connections_are 2
    run -0 ctl connections
    assert_equal "${#lines[@]}" 3
    assert_line --partial "unix:$BATS_TEST_TMPDIR/red ?[31m?line"
    assert_line --partial "unix:$BATS_TEST_TMPDIR/no � UTF-8"
}

connections_are() {
    [ "$(ctl_json 'len(it)' connections)" = "$1" ]
}

@test "a reason with what a terminal obeys in it is shown without" {
    controlled_start
    sed -i $'s|module = "echo"|module = "no \033[31m"|' "$CONFIG"
    run -78 ctl reload
    assert_output --partial 'there is no module "no ?[31m"'
    printf 'workers = "\033[31m"\n' >"$CONFIG"
    run -78 "$PREFORKCTL" -c "$CONFIG" status
    assert_output --partial "the control socket is (-s does): $CONFIG:1: workers: "
    refute_output --partial $'\033'
}

@test "what cannot be written has not been shown" {
    controlled_start
    for words in status 'status --json' connections check; do
        # shellcheck disable=SC2086 # words
        run -74 sh -c "'$PREFORKCTL' -c '$CONFIG' $words >/dev/full"
    done
}

@test "a list is whole whenever it is asked for while connections go to and fro" {
    controlled_start
    talk_start "$ADDRESS"
    talk open 3000
    for _ in 1 2 3 4 5 6; do
        ctl move --from 1 --to 2 >/dev/null && ctl move --from 2 --to 1 >/dev/null
    done 3>&- &
    mover=$!
    while kill -0 "$mover" 2>/dev/null; do
        assert_equal "$(ctl_json 'len(it)' connections)" 3000
    done
    wait "$mover"
    talk_gives "alive=3000" ping
}

# Asks for all connections, COUNT times, and reads none.
silent_readers_start() {
    "$PYTHON" - "$CONTROL" "$1" "$BATS_TEST_TMPDIR/asked" <<'END_OF_FILE' 3>&- &
import array, socket, struct, sys, time

kept = []
for _ in range(int(sys.argv[2])):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(sys.argv[1])
    client.send(struct.pack("<HHIiIIIQ", 1, 8, 0, 0, 0, 0, 0, 0))
    kept.append((client, client.recvmsg(1024, socket.CMSG_SPACE(8))))
open(sys.argv[3], "w").close()
time.sleep(60)
END_OF_FILE
    SERVER_PIDS+=("$!")
    wait_until test -e "$BATS_TEST_TMPDIR/asked"
}

@test "a list that is not whole is none, and readers that do not read keep no connection alive" {
    controlled_start
    talk_start "$ADDRESS"
    talk open 3000
    id=$(ctl_json 'it[0]["id"]' connections)
    silent_readers_start 5
    run -75 ctl connections
    assert_output 'preforkctl: a worker has not listed all its connections: too many ask it, or it ends'
    run -0 ctl kill "$id"
    wait_until ctl connections
    assert_equal "$(ctl_json 'len(it)' connections)" 2999
}

@test "kill closes the one connection that has the id, and says so in the log and the metrics" {
    controlled_start
    talk_start "$ADDRESS"
    talk open 3
    id=$(ctl_json 'it[1]["id"]' connections)
    run -0 ctl kill "$id"
    assert_output "closed: $id"
    talk_gives "alive=2 eof=1" ping
    server_has_logged "msg=\"connection closed\" reason=operator connection=$id"
    assert_equal "$(ctl_json 'it["services"]["main"]["connections_closed_total"]["operator"]' status)" 1
    run -65 ctl kill "$id"
    assert_output --partial "no connection has the id $id"
    run -64 ctl kill nonsense
    assert_output --partial '"nonsense" is no id'
}

@test "reload waits, and says and returns how it went" {
    controlled_start
    run -0 ctl reload
    assert_output --regexp '^reloaded: 2 new workers, generation 2, in [0-9]+ ms$'
    generation_is 2 2
    sed -i '3s/.*/drain_timeout = "9s"/' "$CONFIG"
    run -0 ctl reload
    assert_output 'reloaded: the workers of generation 2 have the new settings'
    sed -i '3s/.*/nonsense = 1/' "$CONFIG"
    run -78 ctl reload
    assert_output --partial "reload failed: $CONFIG:3: "
    assert_output --partial 'nonsense'
    generation_is 2 2
}

@test "a reload that comes while one is under way is answered with its own outcome" {
    controlled_start
    sed -i '3s/.*/max_connections = 77/' "$CONFIG"
    local outcomes=$BATS_TEST_TMPDIR/outcomes i pids=()
    for i in 1 2 3 4 5 6; do
        ctl reload >>"$outcomes" 2>&1 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    assert_equal "$(grep -c '^reloaded: 2 new workers' "$outcomes")" 6
    assert_equal "$(ctl_json 'it["server"]["max_connections"]' status)" 77
}

@test "a server that ends says so to all who wait for a reload" {
    module_build refused -DINIT_HANGS_IF_PATH
    open_tmpdir
    controlled_start
    touch "$BATS_TEST_TMPDIR/wait"
    sed -i "s|module = \"echo\"|module = \"$MODULE\" options = { path = \"$BATS_TEST_TMPDIR/wait\" }|" "$CONFIG"
    local outcomes=$BATS_TEST_TMPDIR/outcomes i pids=()
    for i in 1 2 3; do
        ctl reload >>"$outcomes" 2>&1 3>&- &
        pids+=($!)
    done
    wait_until logged_times 2 'msg="reload after the one that is under way"'
    kill -TERM "$SERVER_PID"
    for i in "${pids[@]}"; do
        status=0
        wait "$i" || status=$?
        assert_equal "$status" 75
    done
    assert_equal "$(grep -c 'reload failed: the server is about to end' "$outcomes")" 3
}

logged_times() {
    [ "$(grep -c "$2" "$SERVER_LOG")" -eq "$1" ]
}

@test "workers changes their number until a reload" {
    controlled_start
    run -0 ctl workers 4
    assert_output 'workers: 4'
    wait_until worker_count_is 4
    run -0 ctl workers -3
    assert_output 'workers: 1'
    wait_until worker_count_is 1
    run -0 ctl workers +2
    assert_output 'workers: 3'
    run -65 ctl workers -3
    assert_output --partial 'that would be 0 workers: expected 1 to'
    run -64 ctl workers many
    assert_line 'preforkctl: workers "many": expected a number from 1 to 128'
    run -0 ctl reload
    wait_until worker_count_is 2
}

@test "a worker that was one too many, and whose number is wanted again, was not replaced" {
    WORKERS=60 controlled_start
    for _ in 1 2 3; do
        ctl workers 1
        ctl workers 60
    done
    wait_until worker_count_is 60
    run -0 ctl status
    assert_line --regexp '; workers 60, replaced 0$'
    kill "$(worker_pid 7)"
    wait_until workers_were_replaced 1
}

workers_were_replaced() {
    ctl status | grep -q ", replaced $1\$"
}

@test "log-level counts at once, in all processes, until a reload" {
    controlled_start
    ctl log-level debug
    wait_until served_with_a_debug_line
    ctl log-level error
    : >"$SERVER_LOG"
    run -0 ctl workers 3
    refute server_has_logged 'msg="number of workers changed"'
    run -0 ctl reload
    server_has_logged 'level=info .*msg=reloaded'
    run -64 ctl log-level loud
    assert_output --partial 'expected debug, info, warn or error, found "loud"'
}

served_with_a_debug_line() {
    "$PREFORKCAT" "$ADDRESS" hello >/dev/null
    server_has_logged 'level=debug .*msg="connection opened"'
}

@test "drain finishes what is under way and returns when the server has ended" {
    controlled_start
    load_start "$ADDRESS" --connections 5
    run -0 ctl drain
    assert_output 'the server has ended'
    server_wait
    assert_equal "$SERVER_STATUS" 0
    load_wait
    load_says wrong=0 doubled=0 cut=0 reset=0
    refute [ -e "$CONTROL" ]
}

@test "drain waits for as long as that takes" {
    module_build work
    open_tmpdir
    controlled_start 'drain_timeout = "13s"'
    sed -i "s|module = \"echo\"|module = \"$MODULE\"|" "$CONFIG"
    ctl reload
    "$PREFORKCAT" "$ADDRESS" 'n1 hold' </dev/null >/dev/null 2>&1 3>&- &
    SERVER_PIDS+=("$!")
    wait_until in_flight_is 1
    run -0 ctl drain
    assert_output 'the server has ended'
    server_is_gone
}

@test "a master that stands still is said to" {
    controlled_start
    stop_process "$SERVER_PID"
    run -75 ctl status
    assert_output --partial 'the server does not answer'
    kill -CONT "$SERVER_PID"
}

@test "stop ends the server at once" {
    controlled_start
    run -0 ctl stop
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "upgrade waits for the new program and its reload, or says why there is none" {
    upgradable_start
    load_start "$ADDRESS" --connections 3
    other_version
    run -0 ctl upgrade
    assert_output "upgraded: version $OTHER, generation 2, process $SERVER_PID"
    run -0 ctl status
    assert_line --regexp "^preforkd $OTHER, process $SERVER_PID"
    program_is /bin/false
    run -70 ctl upgrade
    assert_output --regexp '^preforkctl: upgrade failed: /.*/preforkd: exit status 1$'
    run -0 ctl status
    assert_line --regexp "^preforkd $OTHER, process $SERVER_PID"
    load_finish
    load_lost_nothing 3
}

@test "an upgrade whose reload fails says so, and the new program serves on" {
    echo_start
    local taken=$ADDRESS
    upgradable_start
    sed -i "s/listen = \[/& \"$taken\",/" "$CONFIG"
    other_version
    run -78 ctl upgrade
    assert_output --partial "the new program runs, but its reload failed: $CONFIG:4: "
    assert_output --partial "$taken"
    assert_equal "$("$PREFORKCAT" "$ADDRESS" hello)" hello
}

@test "check says what a reload would do" {
    controlled_start
    run -0 "$PREFORKCTL" -c "$CONFIG" check
    assert_line --partial 'is valid'
    assert_line '  nothing differs; a reload would start new workers all the same'
    sed -i '3s/.*/drain_timeout = "9s"/' "$CONFIG"
    run -0 "$PREFORKCTL" -c "$CONFIG" check
    assert_line '  drain_timeout: "30s" -> "9s"  (at once)'
    assert_line --partial 'a reload would replace no worker'
    sed -i '3s/.*/max_connections = 50/; s/module = "echo"/& max_message_size = "2M"/' "$CONFIG"
    run -0 "$PREFORKCTL" -c "$CONFIG" check
    assert_line '  max_connections: 10000 -> 50  (new workers)'
    assert_line '  services.main.max_message_size: "1M" -> "2M"  (new workers)'
    assert_line --partial 'a reload would start new workers'
    sed -i '3s|.*|pid_file = "/run/x.pid"|' "$CONFIG"
    run -0 "$PREFORKCTL" -c "$CONFIG" check
    assert_line '  pid_file: "" -> "/run/x.pid"  (only a restart changes it)'
    assert_line 'a reload would be refused'
    sed -i '3s/.*/nonsense = 1/' "$CONFIG"
    run -78 "$PREFORKCTL" -c "$CONFIG" check
    assert_output --partial "$CONFIG:3: "
    server_stop
    sed -i '3s/.*//' "$CONFIG"
    run -0 "$PREFORKCTL" -c "$CONFIG" check
    assert_line --partial 'the server is not running'
}

@test "a server that does not run, a permission that lacks and wrong words are said clearly" {
    run -69 ctl status
    assert_output --partial "the server is not running: nobody listens at \"$CONTROL\""
    controlled_start
    open_tmpdir
    chmod 711 "$(dirname "$CONTROL")"
    run -77 setpriv --reuid=nobody --clear-groups "$PREFORKCTL" -s "$CONTROL" status
    assert_output --partial 'permission denied'
    chmod 666 "$CONTROL"
    run -77 setpriv --reuid=nobody --clear-groups "$PREFORKCTL" -s "$CONTROL" stop
    assert_output --partial 'only root and who runs the server may'
    run -64 ctl dance
    assert_output --partial 'there is no command "dance"'
    run -64 ctl
    assert_output --partial 'expected a command'
    run -64 ctl connections colour=red
    assert_output --partial '"colour=red" is no filter'
    run -64 ctl connections worker=x
    assert_line 'preforkctl: connections: worker "x": expected a number from 1 to 128'
    run -64 ctl move --from x
    assert_line 'preforkctl: --from "x": expected a number from 1 to 128'
    run -78 "$PREFORKCTL" -c "$BATS_TEST_TMPDIR/none.conf" status
    assert_output --partial "cannot tell where the control socket is (-s does): $BATS_TEST_TMPDIR/none.conf: "
}

@test "junk on the control socket and clients that say nothing harm nobody" {
    controlled_start
    "$PYTHON" "$LIB/bad_control.py" "$CONTROL"
    run -0 ctl status
    assert_output --partial 'running for'
    refute server_has_logged 'level=error'
}

@test "a second server does not take the control socket of one that runs" {
    controlled_start
    run -69 timeout 20 "$PREFORKD" --listen 127.0.0.1:0 --module echo --set "control_socket=$CONTROL"
    assert_output --partial "control_socket=$CONTROL: another process listens there"
    run -0 ctl status
}

@test "top shows the workers live, sorted by the key that is pressed, until q" {
    controlled_start
    load_start "$ADDRESS" --connections 4
    ctl move --from 1 --to 2
    run -0 "$PYTHON" "$LIB/terminal.py" c '^ +2 +1 .*\n +1 +1 ' "$PREFORKCTL" -s "$CONTROL" top
    assert_line --partial "preforkd "
    assert_line --regexp 'WORKER +GEN +PID +STATE'
    assert_line --regexp '^ +2 +1 +[0-9]+ +ready +4 +[0-9.]+k? .*#$'
    assert_line --regexp '^ +1 +1 +[0-9]+ +ready +0 +[0-9.]+k? .*\.$'
    run -64 ctl top </dev/null
    assert_output --partial 'top needs a terminal'
    load_finish
}
