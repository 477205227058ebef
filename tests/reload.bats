#!/usr/bin/env bats
# A reload is a transaction: the new generation takes the place of the old one, which ends in order,
# or something is wrong and nobody has noticed. What is in force then: reload_settings.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    NEW_LISTEN="listen = \"unix:$BATS_TEST_TMPDIR/new.sock\""
}

teardown() {
    load_teardown
    server_teardown
}

# configure_pair [SETTING [SERVICE]]: two workers, a service on two listeners; SETTING stands on line
# 2, SERVICE on line 5, as a second one.
configure_pair() {
    configure <<END_OF_FILE
workers = 2
${1:-}
services = {
    main = { listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/main.sock" ] module = "echo" }
    ${2:+"new = { $2 }"}
}
END_OF_FILE
    sed -i 's/^    "\(.*\)"$/    \1/' "$CONFIG"
}

# reloads_under_load COUNT [OPTION...]: of the load. Good ones in a row, and nothing is left of them.
reloads_under_load() {
    local number before
    configure_pair
    configured_start
    wait_until workers_are_settled 2
    before=$(all_descriptors 2)
    load_start "$ADDRESS" --connections 20 --short 10 --reconnect "${@:2}"
    for ((number = 2; number <= $1 + 1; number++)); do
        reload_works
        wait_until generation_is "$number" 2
    done
    load_finish
    load_lost_nothing 30
    assert_equal "$(load_count reconnected)" 0
    wait_until workers_are_settled 2
    wait_until same_as "$before" all_descriptors 2
    refute server_has_logged 'level=(warn|error)'
}

@test "R1, R7: 100 reloads under load lose nothing and leave no descriptor and no process behind" {
    reloads_under_load 100
}

@test "R7: 100 reloads, good and bad in turn, leave no descriptor behind in any process" {
    local round before log="log = { target = \"$BATS_TEST_TMPDIR/server-0.log\" }"
    configure_pair "$log"
    configured_start
    wait_until workers_are_settled 2
    before=$(all_descriptors 2)
    for round in {1..50}; do
        configure_pair "$log" "$NEW_LISTEN module = \"nowhere\""
        reload_fails "$CONFIG:5: "
        configure_pair "$log"
        reload_works
    done
    wait_until workers_are_settled 2
    wait_until same_as "$before" all_descriptors 2
}

@test "what a client never finishes is cut at drain_timeout, and nothing of the new generation" {
    configure_pair 'drain_timeout = "300ms"'
    configured_start
    talk_start "$ADDRESS"
    talk open 3
    talk begin 1000
    hold_connections
    reload_works
    talk open 2
    wait_until talk_finds "alive=2 eof=3" ended
    wait_until worker_count_is 2
    talk_gives "alive=2 eof=3" ping
    assert_equal "$(sed -nE 's/.*msg=drained .*cut=([0-9]+).*/\1/p' "$SERVER_LOG" | paste -sd + | bc)" 3
}

talk_finds() {
    talk "${@:2}"
    [ "$TALK_SAID" = "$1" ]
}

@test "a worker that stands still when it is to drain is killed after drain_timeout" {
    local pid
    configure_pair 'drain_timeout = "300ms"'
    configured_start
    pid=$(worker_pid 1)
    stop_process "$pid"
    reload_works
    wait_until server_has_logged "msg=\"worker is left after drain_timeout: killing it\" worker=1 generation=1 pid=$pid"
    wait_until worker_count_is 2
    generation_is 2 2
}

@test "M3: 300 HUPs at random moments under load come to some reloads, the last one after the last HUP" {
    local round
    configure_pair
    configured_start
    load_start "$ADDRESS" --connections 10 --short 5 --reconnect
    for round in {1..300}; do
        hup
        ((RANDOM % 20 > 0)) || read -rt 0.01 <> <(:) || :
    done
    configure_pair '' "$NEW_LISTEN module = \"echo\""
    hup
    wait_until same_as hello asks "unix:$BATS_TEST_TMPDIR/new.sock" hello
    load_finish
    load_lost_nothing 15
    wait_until worker_count_is 2
    refute server_has_logged 'level=error'
}

# R3: what is wrong.

# settled_start: a server with clients on it; `unharmed` then says whether the same
# workers serve the same clients.
settled_start() {
    configure_pair
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    wait_until workers_are_settled 2
    BEFORE=$(processes)
}

unharmed() {
    wait_until same_as "$BEFORE" processes
    talk_gives "alive=4" ping
    [ ! -e "$BATS_TEST_TMPDIR/new.sock" ]
}

# fails_always REASON: 20 times, and each time the same is said once, nothing is left of it, and a good
# reload works afterwards.
fails_always() {
    local round before count=20
    before=$(outcomes | wc -l)
    for ((round = 0; round < count; round++)); do
        reload_fails "$1"
    done
    unharmed
    assert_equal "$(grep -c 'msg="reload failed"' "$SERVER_LOG")" "$count"
    assert_equal "$(outcomes | wc -l)" "$((before + count))"
    configure_pair
    reload_works
    talk_gives "alive=4" ping
    wait_until worker_count_is 2
}

@test "R3: reload: a syntax error is said with file and line, and nothing changes" {
    settled_start
    configure_pair 'threads ='
    fails_always "$CONFIG:3: "
}

@test "R3: reload: no file is said, and nothing changes" {
    settled_start
    rm "$CONFIG"
    fails_always "$CONFIG: cannot open it: No such file"
}

@test "R3: reload: an unknown key is said with file, line and the nearest one" {
    settled_start
    configure_pair 'treads = 3'
    fails_always "$CONFIG:2: .*treads.*threads"
}

@test "R3: reload: a bad value is said with file, line and what would be right" {
    settled_start
    configure_pair 'max_connections = 0'
    fails_always "$CONFIG:2: max_connections.* 1 "
}

@test "R3: reload: a missing module is said with file and line" {
    settled_start
    configure_pair '' "$NEW_LISTEN module = \"nowhere\""
    fails_always "$CONFIG:5: services.new.module: there is no module .*nowhere"
}

@test "R3: reload: a file that is no module is said with file and line, and its listener is gone" {
    settled_start
    configure_pair '' "$NEW_LISTEN module = \"$CONFIG\""
    fails_always "$CONFIG:5: services.new.module: "
}

@test "R3: reload: the reason of a module whose init fails is said with file and line" {
    settled_start
    module_build refused -DINIT_FAILS
    configure_pair '' "$NEW_LISTEN module = \"$MODULE\""
    fails_always "$CONFIG:5: services.new.module: .*luck.* here"
}

@test "R3: reload: a module whose init crashes is said with file and line" {
    let_crash
    settled_start
    module_build refused -DINIT_CRASHES
    configure_pair '' "$NEW_LISTEN module = \"$MODULE\""
    fails_always "$CONFIG:5: services.new.module: a worker died while it started: signal SEGV"
}

@test "R3: reload: a module whose init hangs fails at start_timeout, with file and line" {
    settled_start
    module_build refused -DINIT_HANGS
    configure_pair 'start_timeout = "700ms"' "$NEW_LISTEN module = \"$MODULE\""
    fails_always "$CONFIG:5: services.new.module: the worker was not ready within start_timeout"
}

@test "R3: reload: a listener that another process has is said, and the others of it are gone" {
    local other
    echo_start
    other=$ADDRESS
    settled_start
    configure_pair '' "listen = [ \"unix:$BATS_TEST_TMPDIR/new.sock\", \"$other\" ] module = \"echo\""
    fails_always "$CONFIG:5: services.new.listen: cannot listen on .*$other.*: cannot bind: Address already in use"
}

@test "R3: reload: a unix socket that another process has is said, with a pid file too, and stays" {
    local theirs
    server_start --listen "unix:$BATS_TEST_TMPDIR/theirs.sock" --module echo
    theirs=$(server_address)
    configure_pair "pid_file = \"$BATS_TEST_TMPDIR/pid\""
    configured_start
    configure_pair "pid_file = \"$BATS_TEST_TMPDIR/pid\"" "listen = \"$theirs\" module = \"echo\""
    reload_fails "$CONFIG:5: services.new.listen: .*another process listens there"
    assert_equal "$(asks "$theirs" hello)" hello
}

@test "R3: reload: the path of a unix socket that is none is said, and stays as it is" {
    settled_start
    echo precious >"$BATS_TEST_TMPDIR/file"
    configure_pair '' "listen = [ \"unix:$BATS_TEST_TMPDIR/new.sock\", \"unix:$BATS_TEST_TMPDIR/file\" ] module = \"echo\""
    fails_always "$CONFIG:5: services.new.listen: cannot listen on .*file.*: the path exists and is no socket"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/file")" precious
}

@test "R3: reload: a pid_file that has changed is said, for only a restart changes it" {
    settled_start
    configure_pair "pid_file = \"$BATS_TEST_TMPDIR/pid\""
    fails_always "$CONFIG:2: pid_file: only a restart can change it"
    [ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "R3: reload: reuse_port of an address that is bound is said, for only a restart changes it" {
    settled_start
    sed -i 's/module = "echo" }/module = "echo"\nreuse_port = true }/' "$CONFIG"
    fails_always "$CONFIG:5: services.main.reuse_port: .*only a restart"
}

# configure_many COUNT: so many services more, each with a module and a listener to open.
configure_many() {
    local number
    configure_pair
    for ((number = 1; number <= $1; number++)); do
        echo "n$number = { listen = \"127.0.0.1:0\" module = \"echo\" }"
    done >"$BATS_TEST_TMPDIR/services"
    sed -i "/main =/r $BATS_TEST_TMPDIR/services" "$CONFIG"
}

@test "R3: reload: more than 64 names of services since the start are refused" {
    settled_start
    configure_many 63
    reload_works
    configure_pair
    reload_works
    talk_gives "alive=4" ping
    wait_until workers_are_settled 2
    BEFORE=$(processes)
    configure_pair '' "$NEW_LISTEN module = \"echo\""
    fails_always "more than 64 names of services since the start: only a restart .*new"
}

@test "R3: reload: too few descriptors, at any step, are said and all that was opened is closed" {
    local open count step
    limit_files 1024 1024
    settled_start
    open=$(find "/proc/$SERVER_PID/fd" -type l | wc -l)
    prlimit --pid "$SERVER_PID" --nofile="$((open + 8))"
    for count in {2..8} 10 12 14 {2..8} 10 12 14; do
        configure_many "$count"
        reload_fails '.*Too many open files'
    done
    unharmed
    assert_equal "$(outcomes | wc -l)" 20
    for step in 'module: cannot open' 'listen: cannot listen' 'cannot make a channel'; do
        server_has_logged "msg=\"reload failed\" .*$step.*Too many"
    done
    configure_pair
    reload_works
    talk_gives "alive=4" ping
}

@test "R3: good and bad reloads in turn under load lose nothing, and each does what it should" {
    local round
    settled_start
    load_start "$ADDRESS" --connections 10 --short 5 --reconnect --depth 3
    module_build refused -DINIT_FAILS
    for round in {1..8}; do
        configure_pair '' "$NEW_LISTEN module = \"$MODULE\""
        reload_fails "$CONFIG:5: "
        configure_pair 'workers = 3'
        reload_fails "$CONFIG:"
        configure_pair '' "$NEW_LISTEN module = \"echo\""
        reload_works
        asks "unix:$BATS_TEST_TMPDIR/new.sock" hello
        configure_pair "threads = $round"
        reload_works
        [ ! -e "$BATS_TEST_TMPDIR/new.sock" ]
    done
    load_finish
    load_lost_nothing 15
    wait_until worker_count_is 2
}

@test "R3: reload: 1 -> 8 -> 1 workers under load lose nothing" {
    local count
    configure_pair
    sed -i 's/workers = 2/workers = 1/' "$CONFIG"
    configured_start
    load_start "$ADDRESS" --connections 30 --short 5 --reconnect --depth 3
    for count in 8 1 8 1; do
        sed -i "s/workers = .*/workers = $count/" "$CONFIG"
        reload_works
        [[ $OUTCOME == *" workers=$count "* ]]
        wait_until worker_count_is "$count"
    done
    load_finish
    load_lost_nothing 35
}

# R4: signals meanwhile.

# waiting_start [SETTING]: a server of a module that waits in its init while there is $WAIT, with
# clients; from now on there is.
waiting_start() {
    WAIT=$BATS_TEST_TMPDIR/wait
    versioned_build one
    configure_waiting "$@"
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    touch "$WAIT"
}

configure_waiting() {
    configure <<END_OF_FILE
workers = 2
${1:-}
services = {
    main = { listen = "127.0.0.1:0" module = "$MODULE" options = { wait = "$WAIT" word = "${2:-}" } }
}
END_OF_FILE
}

# reload_hangs: one is under way.
reload_hangs() {
    hup
    wait_until worker_count_is 4
}

@test "R4: HUP during a reload is taken up after it, however often it came" {
    waiting_start
    reload_hangs
    configure_waiting '' later
    hup
    wait_until server_has_logged 'msg="reload after the one that is under way"'
    hup
    hup
    talk_gives "alive=4" ping
    rm "$WAIT"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    assert_equal "$(asks "$ADDRESS")" "one of main: later"
    wait_until worker_count_is 2
    assert_equal "$(outcomes | wc -l)" 2
}

@test "R4: HUP during a reload that fails is taken up after it" {
    waiting_start
    configure_waiting 'start_timeout = "3s"' other
    reload_hangs
    configure_pair
    hup
    wait_until server_has_logged 'msg="reload failed" serving=1 .*start_timeout'
    wait_until server_has_logged 'msg=reloaded generation=3 '
    talk_gives "eof=4 missing=0" end
    wait_until worker_count_is 2
}

@test "R4: TERM during a reload wins: clients get their replies, and no half-started worker is left" {
    local pid pids
    waiting_start 'start_timeout = "10m"'
    reload_hangs
    pids=$(worker_pids)
    talk begin 1000
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    wait_until worker_count_is 2
    talk finish
    talk_gives "eof=4 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    for pid in $pids; do
        process_is_gone "$pid"
    done
    refute server_has_logged 'reload failed|worker died|level=error'
}

@test "R4: TERM during a reload with old workers that still drain waits for them, too" {
    waiting_start 'start_timeout = "10m"'
    rm "$WAIT"
    talk begin 1000
    hold_connections
    reload_works
    touch "$WAIT"
    hup
    wait_until worker_count_is_above 4
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    talk finish
    talk_gives "eof=4 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=4 cut=0'
}

worker_count_is_above() {
    [ "$(worker_pids | wc -l)" -gt "$1" ]
}

@test "R4: QUIT during a reload ends all at once" {
    local pid pids
    waiting_start 'start_timeout = "10m"'
    reload_hangs
    pids=$(worker_pids)
    server_stop QUIT
    assert_equal "$SERVER_STATUS" 0
    for pid in $pids; do
        process_is_gone "$pid"
    done
    refute server_has_logged 'reload failed|worker died|level=error'
}

@test "R4: HUP during a drain is refused and said, and the drain goes on" {
    configure_pair
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    talk begin 1000
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    hup
    wait_until server_has_logged 'level=warn .*msg="no reload: the server is about to end"'
    talk finish
    talk_gives "eof=4 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=4 cut=0'
    refute server_has_logged 'msg=reloaded'
}

@test "R4: HUP during the start is taken up after it" {
    WAIT=$BATS_TEST_TMPDIR/wait
    touch "$WAIT"
    versioned_build one
    configure_waiting
    server_spawn -c "$CONFIG"
    wait_until worker_count_is 2
    configure_waiting '' later
    hup
    hup
    rm "$WAIT"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    assert_equal "$(asks "$(server_address)")" "one of main: later"
    wait_until worker_count_is 2
    assert_equal "$(outcomes | wc -l)" 1
}

# Workers that die meanwhile.

@test "W1: a worker killed while a reload is under way is replaced, and the reload goes on" {
    local pid
    configure_pair
    module_build refused -DINIT_HANGS_IF_PATH
    open_tmpdir
    configured_start
    touch "$BATS_TEST_TMPDIR/wait"
    configure_pair '' "$NEW_LISTEN module = \"$MODULE\" options = { path = \"$BATS_TEST_TMPDIR/wait\" }"
    reload_hangs
    pid=$(worker_pid_of 1 1)
    kill -KILL "$pid"
    wait_until worker_of_is_new 1 1 "$pid"
    asks "$ADDRESS" hello
    rm "$BATS_TEST_TMPDIR/wait"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until worker_count_is 2
    asks "$ADDRESS" hello
}

# worker_pid_of NUMBER GENERATION
worker_pid_of() {
    pgrep -P "$SERVER_PID" -f "preforkd: worker $1 \(generation $2\) *\$"
}

# worker_of_is_new NUMBER GENERATION OLD-PID
worker_of_is_new() {
    local pid
    pid=$(worker_pid_of "$1" "$2") && [ "$pid" != "$3" ]
}

@test "W2: a new worker killed while its generation starts fails the reload, and that is said" {
    waiting_start
    reload_hangs
    kill -KILL "$(worker_pid_of 2 2)"
    wait_until outcome_count_is 1
    server_has_logged "msg=\"reload failed\" serving=1 reason=\"$CONFIG:4: services.main.module: a worker died while it started: signal KILL\""
    wait_until worker_count_is 2
    generation_is 1 2
    talk_gives "alive=4" ping
    rm "$WAIT"
    reload_works
}

@test "W1: old workers killed while they drain are not replaced" {
    configure_pair
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    talk begin 1000
    hold_connections
    reload_works
    wait_until draining_count_is 2
    pkill -KILL -P "$SERVER_PID" -f 'generation 1, draining'
    wait_until worker_count_is 2
    generation_is 2 2
    refute server_has_logged 'generation=1 .*delay_ms'
    asks "$ADDRESS" hello
}

@test "a reload waits for slots that draining workers have, says so once, and is taken up then" {
    local first
    configure_pair 'drain_timeout = "10m"'
    sed -i 's/workers = 2/workers = 80/' "$CONFIG"
    configured_start
    many_begin
    first=$TALK_TO
    hold_connections
    reload_works
    many_begin
    hold_connections
    reload_works
    hup
    wait_until server_has_logged 'level=warn .*msg="reload waits for workers that drain" workers=80 slots=[0-9]+$'
    hup
    asks "$ADDRESS" hello
    generation_is 3 80
    echo close >&"$first"
    wait_until server_has_logged 'msg=reloaded generation=4 workers=80 '
    assert_equal "$(grep -c 'reload waits' "$SERVER_LOG")" 1
    talk finish
    talk_gives "eof=200 missing=0" end
    wait_until worker_count_is 80
}

# configure_workers COUNT: 128 have half of all slots, so that while one drains there is no room for
# as many again.
configure_workers() {
    configure_pair 'drain_timeout = "10m"'
    sed -i "s/workers = 2/workers = $1/; s/module = \"echo\"/& read_timeout = \"10m\"/" "$CONFIG"
}

@test "a reload that waits for slots is taken up at once when it is asked again for fewer workers" {
    configure_workers 128
    configured_start
    talk_start "$ADDRESS"
    talk open 1
    talk begin 1000
    hold_connections
    reload_works
    wait_until worker_count_is 129
    hup
    wait_until server_has_logged 'msg="reload waits for workers that drain" workers=128 slots=127$'
    configure_workers 2
    hup
    wait_until server_has_logged 'msg=reloaded generation=3 workers=2 '
    wait_until generation_is 3 2
    draining_count_is 1
    talk finish
    talk_gives "eof=1 missing=0" end
    wait_until worker_count_is 2
}

# Clients of which each worker has some, each with a message begun.
many_begin() {
    talk_start "$ADDRESS"
    talk open 200
    talk begin 1000
}

# refuses_at_once REASON: and the master has not waited for anybody.
refuses_at_once() {
    reload_fails "$1"
    kill -USR1 "$SERVER_PID"
    wait_until server_has_logged 'msg="log opened anew"'
    talk_gives "alive=4" ping
}

@test "R3: a configuration that has become a pipe is refused, and nobody waits for its other end" {
    configure_pair
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    rm "$CONFIG"
    mkfifo "$CONFIG"
    refuses_at_once "$CONFIG: is no file"
}

@test "R3: a module that has become a pipe is refused, and nobody waits for its other end" {
    configure_pair
    configured_start
    talk_start "$ADDRESS"
    talk open 4
    mkfifo "$BATS_TEST_TMPDIR/pipe.so"
    configure_pair '' "$NEW_LISTEN module = \"$BATS_TEST_TMPDIR/pipe.so\""
    refuses_at_once "$CONFIG:5: services.new.module: cannot open module .*: it is no file"
}

# configure_addresses [ADDRESS]: of the module that waits, one that the kernel chooses, and this.
configure_addresses() {
    local address
    printf -v address ', "%s"' "$@"
    configure <<END_OF_FILE
workers = 2
services = {
    main = {
        listen = [ "127.0.0.1:0"${1:+$address} ]  module = "$MODULE"  options = { wait = "$WAIT" }
    }
}
END_OF_FILE
}

@test "R4: an address that a reload takes out and the one asked for meanwhile puts back is served" {
    WAIT=$BATS_TEST_TMPDIR/wait
    versioned_build one
    configure_addresses 127.0.0.2:0
    configured_start
    local address
    address=$(sed -En 's/.*msg=listening .*address=(127.0.0.2:.*)/\1/p' "$SERVER_LOG")
    configure_addresses "$address"
    server_stop
    configured_start
    touch "$WAIT"
    configure_addresses
    hup
    wait_until worker_count_is 4
    configure_addresses "$address"
    hup
    wait_until server_has_logged 'msg="reload after the one that is under way"'
    stop_workers_of 1
    rm "$WAIT"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    kill -USR1 "$SERVER_PID" # once that is heard, the address has been asked for in vain
    wait_until server_has_logged 'msg="log opened anew"'
    pkill -CONT -P "$SERVER_PID" -f 'generation 1'
    wait_until server_has_logged 'msg=reloaded generation=3 '
    assert_equal "$(outcomes | wc -l)" 2
    assert_equal "$(asks "$address")" "one of main: none"
}

# stop_workers_of GENERATION: they keep what they have until CONT.
stop_workers_of() {
    local number pid
    for number in 1 2; do
        pid=$(worker_pid_of "$number" "$1")
        stop_process "$pid"
    done
}
