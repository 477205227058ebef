#!/usr/bin/env bats
# What is in force after a reload: settings, modules and listeners for new connections, the log and
# the master's own settings at once. How a reload goes: reload.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# configure_main [SETTING [SERVICE-SETTING [MODULE]]]
configure_main() {
    configure <<END_OF_FILE
workers = 2
${1:-}
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "${3:-echo}"
        ${2:-}
    }
}
END_OF_FILE
}

# configure_services "NAME LISTEN [WORD]"...: each of $MODULE, in that order.
configure_services() {
    local service name listen word
    {
        echo 'workers = 2'
        echo 'services = {'
        for service; do
            read -r name listen word <<<"$service"
            echo "$name = { listen = [ ${listen//|/, } ] module = \"$MODULE\" options = { word = \"${word:-none}\" } }"
        done
        echo '}'
    } | configure
}

# path NAME: of a unix socket, as `listen` has it; socket NAME: as preforkcat has it.
path() {
    echo "\"unix:$BATS_TEST_TMPDIR/$1\""
}

socket() {
    echo "unix:$BATS_TEST_TMPDIR/$1"
}

# A TCP address that no other test uses: a host of our own, and a port that is free there.
own_address() {
    local host=127.$((1 + BASHPID / 65536 % 200)).$((BASHPID / 256 % 256)).$((1 + BASHPID % 254))
    "$PYTHON" -c "import socket; s = socket.socket(); s.bind(('$host', 0)); print('$host:%d' % s.getsockname()[1])"
}

# only_generation_is NUMBER COUNT: whether so many workers of it are there, and no others.
only_generation_is() {
    worker_count_is "$2" && generation_is "$1" "$2"
}

# A close while the request is under way is a reset.
lets_nobody_in() {
    talk try
    [[ $TALK_SAID == @(eof|reset) ]]
}

# New workers for new settings.

@test "a new max_message_size counts after a reload, a frame begun keeps the limit it had" {
    configure_main
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 5000
    configure_main '' 'max_message_size = "1K"'
    reload_works
    run asks "$ADDRESS" "$(printf %02000d 1)"
    assert_failure
    talk finish
    talk_gives "answered=6 missing=0" replies
    talk extra 5000
    talk_gives "eof=3 missing=0" end
    assert_equal "$(asks "$ADDRESS" hello)" hello
}

@test "a max_connections below what is open closes nobody, and nobody more is let in" {
    local held
    configure_main
    configured_start
    talk_start "$ADDRESS"
    talk open 5
    talk begin 1000
    configure_main 'max_connections = 3 log = { level = "debug" }'
    reload_works
    held=("$TALK_TO" "$TALK_FROM")
    talk_start "$ADDRESS"
    lets_nobody_in
    TALK_TO=${held[0]} TALK_FROM=${held[1]}
    talk finish
    talk_gives "alive=5" ping
    wait_until worker_count_is 2
    talk close
    wait_until lines_are 5 'generation=2 .*msg="connection closed" reason=client'
    talk_gives 3 fill
}

@test "a max_connections of a service that grows lets more in" {
    configure_main '' 'max_connections = 2'
    configured_start
    talk_start "$ADDRESS"
    talk_gives 2 fill
    configure_main '' 'max_connections = 5'
    reload_works
    talk_gives "alive=2" ping
    wait_until worker_count_is 2
    talk_gives 3 fill
}

@test "options of a module, and its defaults when they are gone, come with a reload" {
    versioned_build one
    configure_main '' 'options = { word = "hello" }' "$MODULE"
    configured_start
    assert_equal "$(asks "$ADDRESS")" "one of main: hello"
    configure_main '' 'options = { word = "bye" }' "$MODULE"
    assert_equal "$(asks "$ADDRESS")" "one of main: hello"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "one of main: bye"
    configure_main '' '' "$MODULE"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "one of main: none"
}

@test "a module replaced by rename is in force after a reload, and not before" {
    local pid
    versioned_build one
    configure_main '' '' "$MODULE"
    configured_start
    versioned_build two
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until worker_is_new 1 "$pid"
    wait_until same_as "one of main: none" asks "$ADDRESS"
    pid=$(worker_pid 2)
    kill -KILL "$pid"
    wait_until worker_is_new 2 "$pid"
    wait_until same_as "one of main: none" asks "$ADDRESS"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "two of main: none"
    wait_until only_generation_is 2 2
}

@test "a module replaced by rename is taken in though all else that changes can be had at once" {
    versioned_build one
    configure_main '' '' "$MODULE"
    configured_start
    versioned_build two
    configure_main 'log = { level = "debug" }' '' "$MODULE"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "two of main: none"
}

@test "a server without a file loads its module anew" {
    versioned_build one
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2
    ADDRESS=$(server_address)
    versioned_build two
    assert_equal "$(asks "$ADDRESS")" "one of main: none"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "two of main: none"
    rm "$MODULE"
    reload_fails '.*No such file'
    assert_equal "$(asks "$ADDRESS")" "two of main: none"
}

@test "user is in force after a reload, and not before" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    configure_main
    configured_start
    configure_main 'user = "daemon"'
    assert_equal "$(stat -c %U "/proc/$(worker_pid 1)")" nobody
    reload_works
    wait_until only_generation_is 2 2
    assert_equal "$(stat -c %U "/proc/$(worker_pid 1)")" daemon
    configure_main 'user = "nobody-at-all"'
    reload_fails "$CONFIG:2: user: "
}

@test "a file that is included is read anew, too, and a mistake in it named" {
    local part=$BATS_TEST_TMPDIR/part.conf
    echo 'workers = 1' >"$part"
    configure <<'END'
@include "part.conf"
services = { main = { listen = "127.0.0.1:0" module = "echo" } }
END
    configured_start
    echo 'workers = 3' >"$part"
    reload_works
    wait_until only_generation_is 2 3
    printf '\nworkers = "x"\n' >"$part"
    reload_fails "$part:2: "
    generation_is 2 3
}

# Listeners.

@test "a listener that stays keeps its port, and no connect is refused at any moment" {
    local round
    configure_main
    configured_start
    load_start "$ADDRESS" --connections 0 --short 30 --reconnect
    for round in {1..20}; do
        configure_main "threads = $((round + 1))"
        reload_works
    done
    load_finish
    load_lost_nothing 30
    assert_equal "$(grep -c 'msg=listening' "$SERVER_LOG")" 1
    assert_equal "$(asks "$ADDRESS" hello)" hello
}

@test "options of a TCP listener that stays are in force for whoever connects then" {
    module_build sockets
    open_tmpdir
    configure_main '' '' "$MODULE"
    configured_start
    assert_equal "$(asks "$ADDRESS")" "nodelay=1 keepalive=1 idle=30 interval=10 probes=3"
    configure_main '' 'tcp_nodelay = false tcp_keepalive = "60s"' "$MODULE"
    reload_works
    assert_equal "$(asks "$ADDRESS")" "nodelay=0 keepalive=1 idle=60 interval=20 probes=3"
    configure_main '' 'tcp_keepalive = "off"' "$MODULE"
    reload_works
    [[ $(asks "$ADDRESS") == "nodelay=1 keepalive=0 "* ]]
}

@test "several listeners with port 0 keep their ports, and one more has another" {
    local addresses
    versioned_build one
    configure_services 'main "127.0.0.1:0"|"127.0.0.1:0"'
    configured_start
    addresses=$(sed -n 's/.*msg=listening .*address=//p' "$SERVER_LOG")
    configure_services 'main "127.0.0.1:0"|"127.0.0.1:0"|"127.0.0.1:0"'
    reload_works
    for address in $addresses; do
        assert_equal "$(asks "$address")" "one of main: none"
    done
    assert_equal "$(sed -n 's/.*msg=listening .*address=//p' "$SERVER_LOG" | sort -u | wc -l)" 3
}

@test "listeners are added and removed: paths come and go, those that stay are the same sockets" {
    local kept
    versioned_build one
    configure_services "main $(path kept)|$(path gone)"
    configured_start
    kept=$(stat -c %i "$BATS_TEST_TMPDIR/kept")
    configure_services "main $(path kept)|$(path added)"
    reload_works
    assert_equal "$(stat -c %i "$BATS_TEST_TMPDIR/kept")" "$kept"
    assert_equal "$(asks "$(socket kept)")" "one of main: none"
    assert_equal "$(asks "$(socket added)")" "one of main: none"
    [ ! -e "$BATS_TEST_TMPDIR/gone" ]
    server_has_logged "msg=listening service=main address=unix:$BATS_TEST_TMPDIR/added"
    configure_services "main $(path kept)|$(path gone)"
    reload_works
    assert_equal "$(asks "$(socket gone)")" "one of main: none"
    [ ! -e "$BATS_TEST_TMPDIR/added" ]
    server_stop
    [ ! -e "$BATS_TEST_TMPDIR/kept" ]
}

@test "a TCP listener that is removed refuses, and can be added again at once" {
    local first second round
    first=$(own_address) second=$(own_address)
    versioned_build one
    configure_services "main \"$first\"|\"$second\""
    configured_start
    for round in 1 2 3; do
        configure_services "main \"$first\""
        reload_works
        wait_until refuses "$second"
        assert_equal "$(asks "$first")" "one of main: none"
        configure_services "main \"$first\"|\"$second\""
        reload_works
        assert_equal "$(asks "$second")" "one of main: none"
    done
}

refuses() {
    asks "$1" | grep -q refused
}

# queue_up ADDRESS: 20 clients and their requests wait in the kernel's queue, for the workers are
# stopped. Sets STOPPED.
queue_up() {
    local pid
    talk_start "$1"
    mapfile -t STOPPED < <(worker_pids)
    for pid in "${STOPPED[@]}"; do
        stop_process "$pid"
    done
    talk connect 20
    talk send 3 200
}

# queued_at_removal ADDRESS: they wait where nobody listens any more.
queued_at_removal() {
    queue_up "$1"
    reload_works
    kill -CONT "${STOPPED[@]}"
    talk_gives "answered=60 missing=0" replies
    wait_until worker_count_is 2
}

@test "connections queued at a TCP listener that is removed are served, not reset" {
    local kept gone
    kept=$(own_address) gone=$(own_address)
    versioned_build one
    configure_services "main \"$kept\"|\"$gone\""
    configured_start
    configure_services "main \"$kept\""
    queued_at_removal "$gone"
    talk_gives "alive=20" ping
    wait_until refuses "$gone"
}

@test "connections queued at a unix socket that is removed are served, not reset" {
    versioned_build one
    configure_services "main $(path kept)|$(path gone)"
    configured_start
    configure_services "main $(path kept)"
    queued_at_removal "$(socket gone)"
    talk_gives "alive=20" ping
    [ ! -e "$BATS_TEST_TMPDIR/gone" ]
}

@test "connections queued at a listener with a socket a worker that is removed are served, not reset" {
    local kept gone
    kept=$(own_address) gone=$(own_address)
    versioned_build one
    configure_services "main \"$kept\"" "other \"$gone\""
    sed -i 's/} }$/} reuse_port = true }/' "$CONFIG"
    configured_start
    configure_services "main \"$kept\""
    sed -i 's/} }$/} reuse_port = true }/' "$CONFIG"
    queued_at_removal "$gone"
    talk_gives "eof=20 missing=0" end
}

@test "a removed TCP listener under churn: whoever is let in is answered" {
    local kept gone
    kept=$(own_address) gone=$(own_address)
    versioned_build one
    configure_services "main \"$kept\"|\"$gone\""
    configured_start
    load_start "$gone" --connections 0 --short 20 --reconnect
    configure_services "main \"$kept\""
    reload_works
    load_wait
    load_says refused=20 reset=0 wrong=0 doubled=0 cut=0 eof=0
}

@test "connections queued at a listener that stays are served by the new generation" {
    versioned_build one
    configure_services "main $(path kept)"
    configured_start
    queue_up "$(socket kept)"
    reload_works
    talk replies
    talk_gives "alive=20" ping
    kill -CONT "${STOPPED[@]}"
    wait_until only_generation_is 2 2
    talk_gives "alive=20" ping
}

# Services.

@test "an address that moves to another service is never closed, and that service answers" {
    local address
    address=$(own_address)
    versioned_build one
    configure_services "first \"$address\"|$(path a) f" "second $(path b) s"
    configured_start
    load_start "$address" --connections 5 --short 10 --reconnect
    configure_services "first $(path a) f" "second $(path b)|\"$address\" s"
    reload_works
    assert_equal "$(asks "$address")" "one of second: s"
    configure_services "first \"$address\"|$(path a) f" "second $(path b) s"
    reload_works
    assert_equal "$(asks "$address")" "one of first: f"
    load_finish
    load_lost_nothing 15
}

@test "services can be renamed, reordered and swapped: each address has what the file says" {
    versioned_build one
    configure_services "first $(path a) f" "second $(path b) s"
    configured_start
    configure_services "second $(path b) s" "first $(path a) f"
    reload_works
    answers_are "first: f" "second: s"
    configure_services "second $(path a) f" "first $(path b) s"
    reload_works
    answers_are "second: f" "first: s"
    configure_services "third $(path a) f" "first $(path b) s"
    reload_works
    answers_are "third: f" "first: s"
    configure_services "only $(path a)|$(path b) o"
    reload_works
    answers_are "only: o" "only: o"
    configure_services "second $(path b) s" "other $(path c)" "first $(path a) f"
    reload_works
    answers_are "first: f" "second: s"
}

# answers_are A B: at the sockets of these names.
answers_are() {
    assert_equal "$(asks "$(socket a)")" "one of $1"
    assert_equal "$(asks "$(socket b)")" "one of $2"
}

@test "limits of a service go with its name, not with its place" {
    local held
    versioned_build one
    configure_services "first $(path a) f" "second $(path b) s"
    sed -i '/^second/s/} }/} max_connections = 2 }/' "$CONFIG"
    configured_start
    talk_start "$(socket b)"
    talk_gives 2 fill
    talk begin 1000
    configure_services "second $(path b) s" "first $(path a) f"
    sed -i '/^second/s/} }/} max_connections = 2 }/' "$CONFIG"
    reload_works
    held=("$TALK_TO" "$TALK_FROM")
    talk_start "$(socket b)"
    lets_nobody_in
    assert_equal "$(asks "$(socket a)")" "one of first: f"
    TALK_TO=${held[0]} TALK_FROM=${held[1]}
    talk finish
    talk_gives "alive=2" ping
}

# What the workers there are take over.

# same_workers COMMAND...: does it, and the same workers are there, of the same generation.
same_workers() {
    local before
    before=$(worker_pids)
    "$@"
    assert_equal "$(worker_pids)" "$before"
    [[ $OUTCOME == *'msg=reloaded generation=1 workers='*' replaced=no'* ]]
}

# draining_start: generation 1 drains, with 3 clients that have begun a message; generation 2 serves.
draining_start() {
    configure_main
    hold_connections
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 1000
    configure_main
    reload_works
    wait_until generation_is 2 2
}

lines_are() {
    [ "$(grep -Ec "$2" "${3:-$SERVER_LOG}")" -eq "$1" ]
}

@test "log.level is in force at once, in the same workers" {
    configure_main
    configured_start
    configure_main 'log = { level = "debug" }'
    same_workers reload_works
    asks "$ADDRESS" hello
    wait_until lines_are 1 'level=debug process=worker .*generation=1 .*msg="connection closed"'
    configure_main 'log = { level = "info" }'
    same_workers reload_works
    asks "$ADDRESS" hello
    asks "$ADDRESS" hello
    lines_are 1 'msg="connection closed"'
}

@test "log.level is in force at once for workers that drain, too" {
    draining_start
    configure_main 'log = { level = "debug" }'
    reload_works
    talk finish
    talk_gives "eof=3 missing=0" end
    wait_until lines_are 3 'level=debug process=worker .*generation=1 .*msg="connection closed"'
    generation_is 2 2
}

@test "log.format is in force at once" {
    configure_main 'log = { requests = "on" }'
    configured_start
    configure_main 'log = { requests = "on" format = "json" }'
    hup
    wait_until server_has_logged '"msg":"reloaded","generation":1,"workers":[0-9]+,"replaced":"no"'
    asks "$ADDRESS" hello
    wait_until server_has_logged '"process":"worker".*"generation":1.*"msg":"request"'
    refute server_has_logged ' msg=request'
}

@test "log.requests is in force at once, in the same workers" {
    configure_main
    configured_start
    asks "$ADDRESS" hello
    configure_main 'log = { requests = "on" }'
    same_workers reload_works
    asks "$ADDRESS" hello
    wait_until lines_are 1 'generation=1 .*msg=request'
    configure_main
    same_workers reload_works
    asks "$ADDRESS" hello
    lines_are 1 'msg=request'
}

@test "log.target is in force at once, for workers that drain, too" {
    local file=$BATS_TEST_TMPDIR/new.log
    draining_start
    configure_main "log = { target = \"$file\" requests = \"on\" }"
    hup
    wait_until grep -Eqs 'msg=reloaded generation=2 workers=[0-9]+ replaced=no' "$file"
    generation_is 2 2
    talk finish
    talk_gives "eof=3 missing=0" end
    asks "$ADDRESS" hello
    wait_until lines_are 3 'generation=1 .*msg=request' "$file"
    wait_until lines_are 1 'generation=2 .*msg=request' "$file"
    refute server_has_logged 'msg=request'
    configure_main
    hup
    wait_until outcome_count_is 2
    asks "$ADDRESS" hello
    lines_are 4 'msg=request' "$file"
    no_process_has_open "$file"
}

# no_process_has_open FILE
no_process_has_open() {
    local pid
    for pid in "$SERVER_PID" $(worker_pids); do
        if descriptors "$pid" | grep -F "$1"; then
            return 1
        fi
    done
}

@test "a log target comes with new workers, too, and a worker respawned later has it" {
    local pid file=$BATS_TEST_TMPDIR/new.log
    configure_main
    configured_start
    configure_main "log = { target = \"$file\" requests = \"on\" } threads = 2"
    hup
    wait_until grep -qs 'msg=reloaded generation=2 workers=2' "$file"
    pid=$(worker_pid 1)
    kill -KILL "$pid" "$(worker_pid 2)"
    wait_until worker_is_new 1 "$pid"
    wait_until same_as hello asks "$ADDRESS" hello
    wait_until grep -q 'generation=2 .*msg=request' "$file"
}

@test "HUP opens the log file anew, whatever else it does" {
    local file=$BATS_TEST_TMPDIR/file.log
    configure_main "log = { target = \"$file\" requests = \"on\" }"
    server_spawn -c "$CONFIG"
    wait_until grep -qs 'msg=ready' "$file"
    ADDRESS=$(sed -n 's/.*msg=listening .*address=//p' "$file")
    mv "$file" "$file.1"
    hup
    wait_until grep -qs 'msg=reloaded generation=2 workers=2' "$file"
    mv "$file" "$file.2"
    configure_main "log = { target = \"$file\" requests = \"on\" level = \"debug\" }"
    hup
    wait_until grep -Eqs 'msg=reloaded generation=2 workers=[0-9]+ replaced=no' "$file"
    asks "$ADDRESS" hello
    wait_until grep -q 'generation=2 .*msg=request' "$file"
    refute grep -q 'msg=request' "$file.1" "$file.2"
}

@test "a log target that cannot be opened fails the reload, and the log goes on where it went" {
    configure_main
    configured_start
    configure_main "log = { target = \"$BATS_TEST_TMPDIR/nowhere/log\" }"
    reload_fails "$CONFIG:2: log.target: .*No such file"
    configure_main "log = { target = \"$BATS_TEST_TMPDIR\" }"
    reload_fails "$CONFIG:2: log.target: .*directory"
    generation_is 1 2
}

@test "a reload that fails leaves the log as it was" {
    local file=$BATS_TEST_TMPDIR/new.log
    configure_main
    configured_start
    configure_main "log = { target = \"$file\" level = \"debug\" format = \"json\" }" '' nowhere
    reload_fails "$CONFIG:6: services.main.module: "
    asks "$ADDRESS" hello
    reload_fails "$CONFIG:6: services.main.module: "
    refute server_has_logged 'connection closed'
    [ ! -s "$file" ]
}

@test "drain_timeout is in force at once, in the same workers" {
    configure_main 'drain_timeout = "10m"'
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 1000
    configure_main 'drain_timeout = "300ms"'
    same_workers reload_works
    talk_gives "alive=3" ended
    server_stop
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=draining timeout_ms=300'
    server_has_logged 'msg=stopped closed=0 cut=3'
}

@test "drain_timeout is in force at once for workers whose master dies" {
    configure_main 'drain_timeout = "10m"' 'read_timeout = "10m"'
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 1000
    configure_main 'drain_timeout = "300ms"' 'read_timeout = "10m"'
    same_workers reload_works
    mapfile -t ORPHANS < <(worker_pids)
    kill -KILL "$SERVER_PID"
    wait_until orphans_are_gone
}

@test "drain_timeout is in force at once for workers that drain already" {
    configure_main 'drain_timeout = "10m"' 'read_timeout = "10m"'
    hold_connections
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 1000
    configure_main 'drain_timeout = "10m"' 'read_timeout = "10m"'
    reload_works
    configure_main 'drain_timeout = "300ms"' 'read_timeout = "10m"'
    reload_works
    wait_until draining_count_is 0
    server_has_logged 'generation=1 msg=drained closed=[0-9]+ cut=[1-3]'
}

@test "start_timeout is in force at once, for a worker respawned in the same generation" {
    WAIT=$BATS_TEST_TMPDIR/wait
    versioned_build one
    configure_main 'start_timeout = "10m"' "options = { wait = \"$WAIT\" }" "$MODULE"
    configured_start
    configure_main 'start_timeout = "1s"' "options = { wait = \"$WAIT\" }" "$MODULE"
    same_workers reload_works
    touch "$WAIT"
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged 'msg="worker cannot start" worker=1 generation=1 .*start_timeout'
    rm "$WAIT"
    wait_until worker_pid 1
}

@test "watchdog_timeout is in force at once, in the same workers" {
    local pid
    configure_main 'watchdog_timeout = "10m"'
    configured_start
    pid=$(worker_pid 1)
    configure_main 'watchdog_timeout = "1s"'
    same_workers reload_works
    kill -STOP "$pid"
    wait_until worker_is_new 1 "$pid"
}

@test "a reload that changes nothing starts new workers" {
    configure_main
    configured_start
    reload_works
    wait_until only_generation_is 2 2
}
