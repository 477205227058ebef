#!/usr/bin/env bats
# Connections outlive their worker: at a reload, or when there are fewer workers, they go to others,
# and their clients notice nothing.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/session
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# configure_main WORKERS [SETTING [SERVICE]]: one service, on two listeners.
configure_main() {
    configure <<END_OF_FILE
workers = $1
${2:-}
services = {
    main = {
        listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/main.sock" ]
        ${3:-module = \"echo\"}
    }
}
END_OF_FILE
}

# Sums of what the workers that have ended say of their connections.
sum_of() {
    sed -nE "s/.*msg=drained .*\b$1=([0-9]+).*/\1/p" "$SERVER_LOG" | paste -sd + | bc
}

# moved_are COUNT: all did, and none was closed or cut.
moved_are() {
    [ "$(sum_of moved) $(sum_of closed) $(sum_of cut)" = "$1 0 0" ]
}

# under_load CHANGE COUNT [OPTION...]: CHANGE so many times, while clients of both listeners are in
# closed loops. None of their connections ends.
under_load() {
    local number before result
    wait_until workers_are_settled 2
    before=$(all_descriptors 2)
    load_start "$ADDRESS" --connections 20 "${@:3}"
    result=$LOAD_RESULT
    load_start "unix:$BATS_TEST_TMPDIR/main.sock" --connections 5 "${@:3}"
    for ((number = 1; number <= $2; number++)); do
        "$1" "$number"
    done
    wait_until workers_are_settled 2
    for pid in "${LOAD_PIDS[@]}"; do
        LOAD_PID=$pid
        load_finish
    done
    load_lost_nothing 5
    LOAD_RESULT=$result
    load_lost_nothing 20
    (($(sum_of moved) > 0))
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
    wait_until workers_are_settled 2
    wait_until same_as "$before" all_descriptors 2
    refute server_has_logged 'level=(warn|error)'
}

reload_once() {
    reload_works
}

@test "R1: 100 reloads under load end no connection, and leave no descriptor behind" {
    configure_main 2
    configured_start
    under_load reload_once 100
}

@test "R1: reloads under load of pipelined requests end no connection" {
    configure_main 2
    configured_start
    under_load reload_once 30 --depth 16
}

@test "R1: reloads under load of large messages end no connection" {
    configure_main 2
    configured_start
    under_load reload_once 15 --depth 3 --largest 200000
}

@test "R1: reloads under load of a pool's requests end no connection" {
    configure_main 2 "" 'module = "echo" dispatch = "pool" options = { sleep_us = 1000 }'
    configured_start
    under_load reload_once 20 --depth 4
}

@test "idle connections move at a reload, and are served by the new workers" {
    configure_main 2 'log = { requests = "on" }'
    configured_start
    talk_start "$ADDRESS"
    talk open 30
    reload_works
    wait_until moved_are 30
    talk_gives "alive=30" ping
    assert_equal "$(grep -c 'generation=2 .*msg=request .* result=ok' "$SERVER_LOG")" 30
    refute server_has_logged 'generation=1 .*msg=request .*request=2'
    assert_equal "$(grep -c 'generation=2 .*msg=request .*request=2' "$SERVER_LOG")" 30
}

@test "R2: a frame cut at any byte by reloads is finished and answered elsewhere" {
    configure_main 2
    configured_start
    talk_start "$ADDRESS"
    talk open 15
    talk begin_each 12
    reload_works
    reload_works
    talk_gives "alive=15" ended
    talk finish
    talk_gives "answered=30 missing=0" replies
    talk_gives "alive=15" ping
    wait_until worker_count_is 2
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
}

@test "R2: a frame cut behind others, in a large message, is finished and answered elsewhere" {
    local cut
    configure_main 2
    configured_start
    for cut in 1 3 4 5 700 99000; do
        talk_start "$ADDRESS"
        talk open 3
        talk send 5 100
        talk begin 100000 "$cut"
        reload_works
        talk finish
        talk_gives "answered=21 missing=0" replies
        talk_gives "alive=3" ping
    done
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
}

@test "requests that handlers have are answered before the connection moves; the rest elsewhere" {
    configure_main 2 'log = { requests = "on" }' \
        'module = "echo" dispatch = "pool" max_pipeline = 2 options = { sleep_us = 100000 }'
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    talk send 6 500
    reload_works
    talk_gives "answered=28 missing=0" replies
    talk_gives "alive=4" ping
    wait_until worker_count_is 2
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
    server_has_logged 'generation=1 .*msg=request .*request=[23] '
    server_has_logged 'generation=2 .*msg=request .*request=7 '
}

# unread_moves ADDRESS: two clients of which each has 2 MB to read when the connection moves, twice.
unread_moves() {
    talk_start "$1" --rcvbuf 4096
    talk open 2
    talk send 40 50000
    reload_works
    reload_works
    talk_gives "answered=82 missing=0" replies
    talk_gives "alive=2" ping
    wait_until worker_count_is 2
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
}

@test "output that its client has not read yet moves along, over TCP and a unix socket" {
    configure_main 2 "" 'module = "echo" max_output = "4M"'
    configured_start
    unread_moves "$ADDRESS"
    unread_moves "unix:$BATS_TEST_TMPDIR/main.sock"
}

@test "TERM in a hand-over: what was read and not begun is answered, too" {
    configure_main 2 "" 'module = "echo" dispatch = "pool" max_pipeline = 4 options = { sleep_us = 100000 }'
    configured_start
    talk_start "$ADDRESS"
    talk open 2
    talk send 10 100
    reload_works
    kill -TERM "$SERVER_PID"
    talk_gives "eof=2 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=2 cut=0'
}

both_are_read() {
    [ "$(grep -c 'msg=request .*request=2 ' "$SERVER_LOG")" -eq 2 ]
}

@test "R9: a lower max_message_size counts for nothing that was read before it" {
    local pid
    configure_main 1 'log = { requests = "on" }' 'module = "echo" dispatch = "pool" max_pipeline = 2 options = { sleep_us = 50000 }'
    configured_start
    talk_start "$ADDRESS"
    talk open 2
    pid=$(worker_pid 1)
    stop_process "$pid" # so that one read takes all of them
    talk send 6 5000
    kill -CONT "$pid"
    wait_until both_are_read
    configure_main 1 'log = { requests = "on" }' 'module = "echo" dispatch = "pool" max_pipeline = 2 max_message_size = "1K"'
    reload_works
    talk_gives "answered=14 missing=0" replies
    wait_until worker_count_is 1
    assert_equal "$(sum_of closed) $(sum_of cut)" "0 0"
    talk extra 5000
    talk_gives "eof=2 missing=0" end
}

@test "a connection does not move while a handler of it runs, also one that was too late" {
    configure_main 1 "" 'module = "echo" dispatch = "pool" request_timeout = "100ms" options = { sleep_us = 1500000 }'
    configured_start
    coproc CAT { "$PREFORKCAT" "$ADDRESS" 2>&1; }
    echo "slow" >&"${CAT[1]}"
    read -rt "$PATIENCE" REPLY <&"${CAT[0]}"
    assert_equal "$REPLY" "request timed out"
    reload_works
    draining_count_is 1
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=1'
}

@test "what cannot move is said with its reason, and drains" {
    configure_main 2
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    configure_main 2 "" 'module = "echo" allow_empty = true'
    reload_works
    talk_gives "eof=4 missing=0" end
    wait_until worker_count_is 2
    assert_equal "$(sum_of moved) $(sum_of closed) $(sum_of cut)" "0 4 0"
    server_has_logged 'level=info .*msg="connections could not move" reason=framing connections=[1-3]$'
}

scale() {
    local counts=(4 1 3 8 2)
    configure_main "${counts[$1 % 5]}"
    reload_works
}

@test "reloads that change the number of workers, 2 -> 1 -> 3 -> 8 -> 2, end no connection" {
    configure_main 2
    configured_start
    under_load scale 9
    configure_main 2
}

one_less_and_back() {
    kill -TTOU "$SERVER_PID"
    wait_until workers_are_settled 1
    kill -TTIN "$SERVER_PID"
    wait_until workers_are_settled 2
}

@test "TTIN and TTOU under load end no connection" {
    configure_main 2
    configured_start
    under_load one_less_and_back 15
}

@test "TERM to one worker moves its connections to the others" {
    configure_main 2
    configured_start
    talk_start "$ADDRESS"
    talk open 20
    kill -TERM "$(worker_pid 1)"
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=[1-9]'
    talk_gives "alive=20" ping
    refute server_has_logged 'level=(warn|error)'
}

session_start() {
    session_build
    configure_main 2 "" "module = \"$MODULE\""
    configured_start
}

@test "what a module saves of a connection moves along: examples/session.c" {
    session_start
    local pid
    session_open
    pid=$CAT_PID
    says "name Ada" "hello, Ada"
    reload_works
    says "x" "Ada, that was your message number 2"
    reload_works
    reload_works
    says "y" "Ada, that was your message number 3"
    exec {CAT[1]}>&-
    wait "$pid"
    wait_until worker_count_is 2
    assert_equal "$(sum_of moved)" 3
}
