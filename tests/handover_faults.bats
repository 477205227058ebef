#!/usr/bin/env bats
# Hand-overs in which a side dies, stands still or refuses, at each step: only connections of the one
# that died end, and what was not taken goes on where it was.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    BOMBS=$BATS_TEST_TMPDIR/bombs
    PLACES=12
    mkdir "$BOMBS"
    chmod 777 "$BOMBS"
    open_tmpdir
    let_crash
}

teardown() {
    load_teardown
    server_teardown
}

# faulty_build AT FAULT [FLAG...]: lib/modules/move.c.
faulty_build() {
    module_build move "-DAT=\"$1\"" "-DFAULT=$2" "-DBOMBS=\"$BOMBS\"" \
        "-DNOFILE=${NOFILE:-1024}" "${@:3}"
}

# faulty_start AT FAULT [SETTING]: a server of it, and $CLIENTS clients, the first of them marked, of
# at most $PLACES.
faulty_start() {
    faulty_build "$1" "$2"
    configure <<END_OF_FILE
workers = ${WORKERS:-1}
max_connections = $PLACES
${3:-}
services = { main = { listen = "127.0.0.1:0", module = "$MODULE" } }
END_OF_FILE
    configured_start
    wait_until workers_are_settled "${WORKERS:-1}"
    talk_start "$ADDRESS"
    talk open "${CLIENTS:-6}"
    talk say MARKED
}

# lay COUNT: the fault happens so many times.
lay() {
    local number
    for ((number = 1; number <= $1; number++)); do
        touch "$BOMBS/$number"
    done
}

went_off() {
    ! compgen -G "$BOMBS/[0-9]" >/dev/null
}

# old_are_gone [COUNT]: and so many new ones are there.
old_are_gone() {
    workers_are_settled "${1:-1}"
}

# No place is lost, and none is there that should not be, as soon as the slot of a worker that died
# is dropped: a second, and some more on a slow machine.
places_are_exact() {
    PATIENCE=5 wait_until all_have_a_place || {
        echo "clients: $TALK_SAID, places: $PLACES"
        return 1
    }
    talk try
    [[ $TALK_SAID == @(eof|reset) ]]
}

all_have_a_place() {
    talk fill
    talk ping
    [[ $TALK_SAID =~ ^alive=$PLACES( |$) ]]
}

# Connections that workers had which died, as the master says.
sum_of_dead() {
    sed -nE 's/.*msg="worker died".* connections=([0-9]+)$/\1/p' "$SERVER_LOG" | paste -sd + | bc
}

# taker_has COUNT: sockets of clients, as the kernel counts.
taker_has() {
    local taker
    taker=$(worker_pid 1) && [ "$(descriptors "$taker" | grep -c '^tcp connection')" -eq "$1" ]
}

stopped_worker() {
    local pid
    for pid in $(worker_pids); do
        [ "$(process_state "$pid")" != T ] || echo "$pid"
    done
}

one_is_stopped() {
    [ -n "$(stopped_worker)" ]
}

@test "R6: a giver that is killed while a module saves takes those with it that it had not sent" {
    faulty_start save 'raise(SIGKILL)'
    lay 1
    reload_works
    wait_until old_are_gone
    went_off
    talk ping
    [[ $TALK_SAID =~ ^(alive=[0-5]\ )?(eof=[0-9]+\ ?)?(reset=[0-9]+)?$ ]]
    places_are_exact
}

@test "R6: a giver that is killed when it hears that one is taken has lost nothing of that one" {
    CLIENTS=1 faulty_start moved 'raise(SIGKILL)'
    lay 1
    reload_works
    wait_until old_are_gone
    went_off
    talk_gives "alive=1" ping
}

@test "R6: what a giver had sent before it was killed is taken" {
    faulty_start restore 'raise(SIGSTOP)' 'watchdog_timeout = "off"'
    talk say MARKED 6
    lay 1
    reload_works
    wait_until one_is_stopped
    kill -KILL "$(pgrep -P "$SERVER_PID" -f 'worker 1 \(generation 1, draining\)')"
    kill -CONT "$(stopped_worker)"
    wait_until old_are_gone
    talk_gives "alive=6" ping
    places_are_exact
}

@test "R6: a taker that dies of a connection once: that one has another try, and moves" {
    CLIENTS=1 faulty_start restore 'raise(SIGKILL)'
    lay 1
    reload_works
    wait_until went_off
    wait_until old_are_gone
    talk_gives "alive=1" ping
    refute server_has_logged 'connections could not move'
}

@test "R6: a connection of which two takers die is given to no third one, and drains in order" {
    CLIENTS=1 faulty_start restore 'abort()'
    lay 3
    reload_works
    talk_gives "eof=1 missing=0" end
    wait_until old_are_gone
    server_has_logged 'msg="connections could not move" reason="killed workers" connections=1$'
    assert_equal "$(ls "$BOMBS")" 3
    places_are_exact
}

@test "R6: a connection that kills each taker takes nobody with it: all others move" {
    PLACES=80
    CLIENTS=40 faulty_start restore 'raise(SIGKILL)'
    lay 9
    talk begin 100
    reload_works
    wait_until taker_has 39
    talk finish
    talk_gives "answered=81 missing=0" replies
    talk_gives "alive=39 eof=1" ping
    wait_until old_are_gone
    assert_equal "$(find "$BOMBS" -name '[0-9]' | wc -l)" 7
    server_has_logged 'msg="connections could not move" reason="killed workers" connections=1$'
    places_are_exact
}

@test "R6: a giver whose takers all die asks no more after three, and its connections drain" {
    faulty_start restore 'abort()'
    talk say MARKED 6
    lay 9
    reload_works
    talk_gives "eof=6 missing=0" end
    wait_until old_are_gone
    assert_equal "$(find "$BOMBS" -name '[0-9]' | wc -l)" 6
    server_has_logged 'msg="connections could not move" reason="workers died" connections=5$'
    places_are_exact
}

@test "R6: a taker that dies takes none with it but those that it had taken" {
    WORKERS=2 faulty_start restore 'raise(SIGKILL)'
    lay 1
    reload_works
    wait_until went_off
    wait_until old_are_gone 2
    talk ping
    [[ $TALK_SAID =~ ^alive=([0-6]) ]]
    ((6 - BASH_REMATCH[1] < $(sum_of_dead)))
    places_are_exact
}

@test "R6: a taker that stands still is the watchdog's, and the giver goes on with the next one" {
    CLIENTS=1 faulty_start restore 'raise(SIGSTOP)' 'watchdog_timeout = "1s"'
    lay 1
    reload_works
    wait_until went_off
    wait_until server_has_logged 'worker stands still'
    wait_until old_are_gone
    talk_gives "alive=1" ping
}

@test "R6: a taker that stands still for a while goes on where it was" {
    faulty_start restore 'raise(SIGSTOP)' 'watchdog_timeout = "off"'
    lay 1
    reload_works
    wait_until one_is_stopped
    kill -CONT "$(stopped_worker)"
    wait_until old_are_gone
    talk_gives "alive=6" ping
    places_are_exact
}

# A reload after which the giver has not heard of it yet, and the taker has taken nothing: both stand
# still. Sets GIVER and TAKER.
reload_in_slow_motion() {
    GIVER=$(worker_pid 1)
    stop_process "$GIVER"
    reload_works
    TAKER=$(pgrep -P "$SERVER_PID" -f "worker 1 \(generation 2\)")
    stop_process "$TAKER"
}

# giver_offers: goes on until it waits for somebody who takes.
giver_offers() {
    kill -CONT "$GIVER"
    wait_until is_in_a_conversation "$GIVER"
}

# It alone is a STREAM socket.
is_in_a_conversation() {
    [[ $(descriptors "$1" 2>&1) == *"unix connection"* ]]
}

@test "R6: sides that stand still before anything is taken go on where they were" {
    faulty_start moved 'return 0' 'watchdog_timeout = "off"'
    reload_in_slow_motion
    giver_offers
    talk_gives "alive=6" ping
    kill -CONT "$TAKER"
    wait_until old_are_gone
    talk_gives "alive=6" ping
    server_has_logged 'msg=drained closed=0 cut=0 moved=6$'
}

@test "R6: a giver that stands still when it hears that one is taken holds up nothing that it had sent" {
    faulty_start moved 'raise(SIGSTOP)' 'watchdog_timeout = "off"'
    lay 1
    reload_works
    wait_until one_is_stopped
    talk_gives "alive=6" ping
    kill -CONT "$(stopped_worker)"
    wait_until old_are_gone
    server_has_logged 'msg=drained closed=0 cut=0 moved=6$'
    places_are_exact
}

@test "R6: a taker that is killed before it takes anything: the next one takes it" {
    faulty_start moved 'return 0' 'watchdog_timeout = "off"'
    reload_in_slow_motion
    giver_offers
    kill -KILL "$TAKER"
    wait_until old_are_gone
    talk_gives "alive=6" ping
    assert_equal "$(sum_of_dead)" 0
    places_are_exact
}

@test "R6: a giver that is killed before anything is taken takes its own with it, and nobody else" {
    faulty_start moved 'return 0' 'watchdog_timeout = "off"'
    reload_in_slow_motion
    giver_offers
    kill -KILL "$GIVER"
    wait_until process_is_gone "$GIVER"
    kill -CONT "$TAKER"
    wait_until old_are_gone
    talk ping
    refute_regex "$TALK_SAID" alive
    places_are_exact
    refute server_has_logged 'process=worker .*level=(warn|error)'
}

@test "R6: a giver that is killed after a conversation takes with it what stayed, and nobody else" {
    faulty_start save 'return -1'
    lay 1
    GIVER=$(worker_pid 1)
    talk begin 100
    reload_works
    wait_until taker_has 5
    kill -KILL "$GIVER"
    wait_until old_are_gone
    talk finish
    talk replies
    [[ $TALK_SAID == *" missing=1" ]]
    talk ping
    [[ $TALK_SAID == "alive=5 "* ]]
    assert_equal "$(sum_of_dead)" 1
    places_are_exact
}

@test "R6: a giver that has no descriptor left for the inbox says so, and its connections drain" {
    faulty_start moved 'return 0'
    talk say STARVE
    reload_works
    talk_gives "eof=6 missing=0" end
    wait_until old_are_gone
    server_has_logged 'level=error .*msg="connections cannot move: no descriptor is left for the inbox"'
    server_has_logged 'msg=drained closed=6 cut=0 moved=0$'
    places_are_exact
}

@test "R6: a giver that has no descriptor left for the next inbox says so, and the rest drains" {
    faulty_start moved 'return 0' 'watchdog_timeout = "off"'
    reload_in_slow_motion
    giver_offers
    talk say STARVE
    reload_works
    talk_gives "eof=6 missing=0" end
    wait_until process_is_gone "$GIVER"
    server_has_logged 'level=error .*msg="connections cannot move: no descriptor is left for the inbox"'
    server_has_logged 'msg="connections could not move" reason=descriptors connections=6$'
    kill -CONT "$TAKER"
    wait_until old_are_gone
    places_are_exact
}

@test "R6: a giver that has no descriptor left for a conversation serves on, and says so at the end" {
    local left
    PLACES=60
    CLIENTS=40 faulty_start moved 'return 0' 'watchdog_timeout = "off" drain_timeout = "3s"'
    reload_in_slow_motion
    giver_offers
    talk say STARVE
    kill -CONT "$TAKER" # and there is an end of what it can take in one conversation
    talk_gives "alive=40" ping
    wait_until process_is_gone "$GIVER"
    left=$(sed -En 's/.*msg="connections could not move" reason=descriptors connections=//p' "$SERVER_LOG")
    ((left >= 8))
    server_has_logged "msg=drained closed=0 cut=$left moved=$((40 - left))\$"
    places_are_exact
}

@test "R6: while a taker has no descriptor left, connections are served where they are" {
    local talk_to talk_from
    PLACES=60
    NOFILE=20 faulty_start moved 'return 0' 'watchdog_timeout = "off"'
    touch "$BOMBS/nofile"
    reload_in_slow_motion
    kill -CONT "$TAKER"
    talk_to=$TALK_TO talk_from=$TALK_FROM
    talk_start "$ADDRESS"
    talk connect 20
    wait_until server_has_logged 'generation=2 .*msg="cannot accept, pausing"'
    kill -CONT "$GIVER"
    wait_until draining_count_is 1
    TALK_TO=$talk_to TALK_FROM=$talk_from talk_gives "alive=6" ping
    draining_count_is 1
    talk close
    wait_until server_has_logged 'msg=drained closed=0 cut=0 moved=6$'
    TALK_TO=$talk_to TALK_FROM=$talk_from talk_gives "alive=6" ping
}

@test "R6: a giver that stands still while a module saves goes on where it was" {
    faulty_start save 'raise(SIGSTOP)' 'watchdog_timeout = "off"'
    lay 1
    reload_works
    wait_until one_is_stopped
    kill -CONT "$(stopped_worker)"
    wait_until old_are_gone
    talk_gives "alive=6" ping
    places_are_exact
}

@test "R6: a giver that stands still is the watchdog's, and nobody else is hurt" {
    faulty_start save 'raise(SIGSTOP)' 'watchdog_timeout = "1s"'
    lay 1
    reload_works
    wait_until one_is_stopped
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    wait_until old_are_gone
    places_are_exact
}

# half_on_their_way SETTING: a hand-over of 40, of which a taker that stands still has been sent 32,
# after drain_timeout, which has cut the others. Sets GIVER and TAKER.
half_on_their_way() {
    PLACES=80
    CLIENTS=40 faulty_start restore 'raise(SIGSTOP)' \
        'watchdog_timeout = "off" drain_timeout = "500ms"'
    talk say MARKED 40
    GIVER=$(worker_pid 1)
    lay 1
    reload_works
    wait_until one_is_stopped
    TAKER=$(stopped_worker)
    wait_until eight_are_cut
}

eight_are_cut() {
    talk ended
    [[ $TALK_SAID == "alive=32 "* ]]
}

@test "R6: after drain_timeout a giver waits for what is on its way to a taker that stands still" {
    half_on_their_way
    draining_count_is 1
    kill -CONT "$TAKER"
    wait_until process_is_gone "$GIVER"
    talk ping
    [[ $TALK_SAID == "alive=32 "* ]]
    server_has_logged 'msg=drained closed=0 cut=8 moved=32$'
}

@test "R6: a giver whose master dies after drain_timeout leaves what is on its way to the taker" {
    half_on_their_way
    ORPHANS+=("$GIVER" "$TAKER")
    kill -KILL "$SERVER_PID"
    wait_until process_is_gone "$GIVER"
    talk send 1
    kill -CONT "$TAKER"
    talk end
    [[ $TALK_SAID == *" missing=0" ]]
    wait_until process_is_gone "$TAKER"
    server_has_logged 'generation=2 .*msg=drained closed=32 cut=0 moved=0$'
}

@test "R6: a giver without a master ends at drain_timeout, too, and what it had sent is served" {
    local giver taker
    faulty_start restore 'raise(SIGSTOP)' 'watchdog_timeout = "off" drain_timeout = "1s"'
    talk say MARKED 6
    giver=$(worker_pid 1)
    lay 1
    reload_works
    wait_until one_is_stopped
    taker=$(stopped_worker)
    ORPHANS+=("$giver" "$taker")
    kill -KILL "$SERVER_PID"
    wait_until process_is_gone "$giver"
    talk begin 100
    kill -CONT "$taker"
    talk finish
    talk_gives "eof=6 missing=0" end
    wait_until process_is_gone "$taker"
}

@test "R6: a connection that the module refuses to save drains, and the others move" {
    faulty_start save 'return -1'
    lay 1
    reload_works
    wait_until old_are_gone
    talk_gives "alive=5 eof=1" ping
    server_has_logged 'msg="connections could not move" reason=module connections=1$'
    places_are_exact
}

@test "R6: a connection that the module refuses to restore drains, and the others move" {
    faulty_start restore 'return -1'
    lay 1
    reload_works
    wait_until old_are_gone
    talk_gives "alive=5 eof=1" ping
    server_has_logged 'msg="connections could not move" reason=restore connections=1$'
    places_are_exact
}

@test "R6: connections for which a taker has no descriptor drain, and the others move" {
    NOFILE=20 faulty_start moved 'return -1'
    touch "$BOMBS/nofile"
    talk open 4
    reload_works
    wait_until old_are_gone 1
    talk ping
    [[ $TALK_SAID =~ ^alive=([0-9]+)\ eof=([0-9]+)$ ]]
    assert_equal "$((BASH_REMATCH[1] + BASH_REMATCH[2]))" 10
    server_has_logged "reason=descriptors connections=${BASH_REMATCH[2]}\$"
    server_has_logged "msg=drained closed=${BASH_REMATCH[2]} cut=0 moved=${BASH_REMATCH[1]}\$"
    refute server_has_logged 'level=error'
}

@test "R6: workers killed at random in hand-overs under load end their own connections alone (seed 6)" {
    local i ended=0
    RANDOM=6
    PLACES=60 # those of a giver that died are free a second later
    WORKERS=2 faulty_start moved 'return 0'
    talk close
    for ((i = 0; i < 12; i++)); do
        load_start "$ADDRESS" --connections 12 --depth 3 --largest 20000
        kill -HUP "$SERVER_PID"
        read -rt "0.00$((RANDOM % 10))" <> <(:) || :
        wait_until pick_worker
        kill -KILL "$WORKER" || : # or it is gone by now
        kill -USR1 "$LOAD_PID" || :
        load_wait
        load_says wrong=0 doubled=0 refused=0
        ended=$((ended + $(load_count eof) + $(load_count reset) + $(load_count cut)))
        wait_until workers_are_settled 2
    done
    server_has_logged 'msg="worker died"'
    ((ended <= $(sum_of_dead)))
    places_are_exact
}

@test "R9: a frame cut at any byte keeps the limit that it began under; the next one has the new" {
    PLACES=110
    CLIENTS=103 faulty_start moved 'return 0'
    talk begin_each 100
    sed -i 's/module = /max_message_size = 64 module = /' "$CONFIG"
    reload_works
    wait_until old_are_gone
    talk_gives "alive=103" ended
    talk finish
    talk_gives "answered=207 missing=0" replies
    talk_gives "alive=103" ended
    talk extra 100
    talk_gives "eof=103 missing=0" end
    server_has_logged 'msg=drained closed=0 cut=0 moved=103$'
}

# half_frames_drain REASON CHANGE...: connections that cannot move after the change, each behind
# some requests in a frame cut at another byte, end behind their last reply.
half_frames_drain() {
    PLACES=40
    CLIENTS=19 faulty_start moved 'return 0'
    talk send 3 100
    talk begin_each 16
    "${@:2}"
    reload_works
    wait_until draining_count_is 1
    talk_gives "alive=19" ended
    talk finish
    talk_gives "eof=19 missing=0" end
    wait_until old_are_gone
    server_has_logged "msg=\"connections could not move\" reason=$1 connections=19\$"
    server_has_logged 'msg=drained closed=19 cut=0 moved=0$'
    talk close
    places_are_exact
}

@test "R9: a reload that changes the framing under half-read frames: they are answered first" {
    half_frames_drain framing sed -i 's/module = /allow_empty = true module = /' "$CONFIG"
}

@test "R9: a reload that changes the module under half-read frames: they are answered first" {
    half_frames_drain '"other module"' sed -i 's/module = [^ ]*/module = "echo"/' "$CONFIG"
}

@test "R9: a reload that changes what a module saves under half-read frames: they are answered first" {
    half_frames_drain '"save format"' faulty_build moved 'return 0' -DSAVE_FORMAT=2
}
