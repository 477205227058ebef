#!/usr/bin/env bats
# The master keeps its workers, and a worker without its master ends: processes by name, by
# signal, by crash, by identity.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/churn
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    load_teardown
    server_teardown
}

# start_tagged [ARGUMENT...]: two workers that say who they are, and 6 clients. Sets ON_1 and ON_2
# to how many each of the two serves: 3, or one more or less.
start_tagged() {
    echo_start --set workers=2 --option tag=true "$@"
    talk_start "$ADDRESS" --tag
    talk open 6
    talk workers
    [[ $TALK_SAID =~ ^1=([1-5])\ 2=([1-5])$ ]]
    ON_1=${BASH_REMATCH[1]} ON_2=${BASH_REMATCH[2]}
}

title() {
    tr '\0' '\n' <"/proc/$1/cmdline" | head -n 1
}

# A death of worker 1 by `kill`: its own clients lose their connection, the others notice nothing.
worker_is_killed_by() {
    local pid
    start_tagged
    pid=$(worker_pid 1)
    kill -s "$1" "$pid"
    wait_until worker_is_new 1 "$pid"
    wait_until server_has_logged \
        "level=error .*msg=\"worker died\" worker=1 generation=1 pid=$pid how=\"signal $1[^\"]*\" uptime_ms=[0-9]+ connections=$ON_1\$"
    talk ping
    [[ $TALK_SAID =~ ^alive=$ON_2\ (eof|reset)=$ON_1$ ]]
    wait_until clients_reach_worker 1
}

# clients_reach_worker NUMBER: whether one of 4 more clients is served by it.
clients_reach_worker() {
    talk open 4
    talk workers
    [[ " $TALK_SAID " == *" $1="* ]]
}

@test "W1: a worker killed with KILL is replaced at once and no other connection is dropped" {
    worker_is_killed_by KILL
}

@test "W1: a worker killed with SEGV is replaced at once and no other connection is dropped" {
    let_crash
    worker_is_killed_by SEGV
}

@test "W1: a worker killed with ABRT is replaced at once and no other connection is dropped" {
    let_crash
    worker_is_killed_by ABRT
}

@test "W1: under load, a killed worker takes only its own connections with it" {
    local held
    echo_start --set workers=2
    load_start "$ADDRESS" --connections 40 --depth 2
    kill -KILL "$(worker_pid 2)"
    wait_until server_has_logged 'msg="worker died" worker=2 generation=1 .*how="signal KILL" '
    held=$(sed -n 's/.*msg="worker died".* connections=\([0-9]*\)$/\1/p' "$SERVER_LOG")
    ((held > 0 && held < 40))
    load_finish
    load_says connections=40 "done=$((40 - held))" wrong=0
}

# module_crashes MESSAGE HOW: what a module does on a message ends its worker alone.
module_crashes() {
    let_crash
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2
    ADDRESS=$(server_address)
    talk_start "$ADDRESS"
    talk open 2
    run "$PREFORKCAT" "$ADDRESS" service
    local number=${output#main }
    run "$PREFORKCAT" "$ADDRESS" "$1"
    assert_failure
    wait_until server_has_logged "msg=\"worker died\" worker=[12] generation=1 pid=[0-9]+ how=\"$2\" "
    wait_until worker_count_is 2
    wait_until talk_open_works
    [[ $number == [12] ]]
}

talk_open_works() {
    talk open 1
}

@test "W1: a module that dereferences NULL on a message ends its worker alone" {
    module_crashes null 'signal SEGV[^"]*'
}

@test "W1: a module that aborts on a message ends its worker alone" {
    module_crashes abort 'signal ABRT[^"]*'
}

@test "W1: a module that exits on a message ends its worker alone" {
    module_crashes exit 'exit status 1'
}

# damage_start [ARGUMENT...]: a server of lib/modules/damage.c; sets ADDRESS.
damage_start() {
    module_build damage "-I$PREFORK_SOURCE/src" ${RETIRES:+"-DRETIRES"}
    open_tmpdir
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 "$@"
    ADDRESS=$(server_address)
}

@test "W1: a worker whose event loop breaks says so, ends with EX_SOFTWARE and is replaced" {
    local pid
    damage_start
    pid=$(worker_pid 1)
    run "$PREFORKCAT" "$ADDRESS" loop
    wait_until worker_is_new 1 "$pid"
    server_has_logged 'level=error process=worker .*msg="the event loop is broken" code=-1$'
    server_has_logged "msg=\"worker died\" worker=1 generation=1 pid=$pid how=\"exit status 70\" "
    run "$PREFORKCAT" "$ADDRESS" "served again"
    assert_output "served again"
}

# trampled WORD: a worker that has written junk to its shared memory notices, says so and ends. The
# clients of the other one notice nothing, and the junk goes with it: as many get in as may.
trampled() {
    local number pids
    damage_start --set workers=2 --set max_connections=10 --set services.main.max_connections=9 \
        --set max_connections_per_ip=8 --set accept_rate=1000
    talk_start "$ADDRESS"
    talk open 6
    pids=("$(worker_pid 1)" "$(worker_pid 2)")
    run "$PREFORKCAT" "$ADDRESS" "$1"
    wait_until server_has_logged 'msg="worker died" .*how="exit status 70" .*connections=0$'
    number=$(sed -n 's/.*msg="worker died" worker=\([12]\) .*/\1/p' "$SERVER_LOG")
    wait_until worker_is_new "$number" "${pids[number - 1]}"
    server_has_logged "level=error process=worker worker=$number .*msg=\"this worker's slot in shared memory holds nonsense: it ends\" open=[0-9]+ counted=[0-9]{10}\$"
    server_has_logged "level=error process=master .*msg=\"the worker's slot in shared memory holds nonsense\" worker=$number generation=1 pid=${pids[number - 1]} connections=[0-9]{10}\$"
    talk ping
    [[ $TALK_SAID =~ ^alive=([1-5])\ (eof|reset)=[1-5]$ ]]
    talk_gives $((8 - BASH_REMATCH[1])) fill
    talk close
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "M4: a worker ends that finds junk in all of its shared memory, and the junk is gone with it" {
    trampled slot
}

@test "M4: a worker ends that finds junk in its counts of connections, and the junk is gone with it" {
    trampled counts
}

@test "M4: junk in a dead worker's table of addresses keeps nobody from the one after it" {
    local pid socket=$BATS_TEST_TMPDIR/socket
    damage_start --listen "unix:$socket" --set max_connections_per_ip=8
    pid=$(worker_pid 1)
    run "$PREFORKCAT" "unix:$socket" addresses # which has no address to enter there
    assert_failure
    wait_until worker_is_new 1 "$pid"
    run "$PREFORKCAT" "$ADDRESS" "served again"
    assert_output "served again"
}

@test "M4: descriptors that a worker passes to its master do not stay there" {
    local before
    damage_start
    before=$(descriptors "$SERVER_PID")
    run "$PREFORKCAT" "$ADDRESS" passes
    assert_output "done by 1"
    run "$PREFORKCAT" "$ADDRESS" served
    assert_output served
    assert_equal "$(descriptors "$SERVER_PID")" "$before"
}

@test "W1: a worker that has closed its channel is ended, said in the log, and replaced" {
    local pid
    damage_start
    pid=$(worker_pid 1)
    run "$PREFORKCAT" "$ADDRESS" channel
    wait_until worker_is_new 1 "$pid"
    server_has_logged "level=error .*msg=\"worker has closed its channel: killing it\" worker=1 generation=1 pid=$pid\$"
    run "$PREFORKCAT" "$ADDRESS" "served again"
    assert_output "served again"
}

@test "W2: workers that retire as soon as they serve are replaced after growing delays" {
    RETIRES=yes damage_start
    wait_until server_has_logged 'msg="worker will be replaced" worker=1 generation=1 delay_ms=800 deaths_in_a_row=6'
    (($(grep -c 'msg="worker drains by itself' "$SERVER_LOG") <= 7))
}

@test "W1: the places of a killed worker are free at once" {
    local pid held
    start_tagged --set max_connections=10
    talk_gives 4 fill
    talk_gives 0 fill
    pid=$(worker_pid 2)
    kill -KILL "$pid"
    wait_until worker_is_new 2 "$pid"
    wait_until server_has_logged "msg=\"worker died\" worker=2 generation=1 pid=$pid "
    held=$(sed -n "s/.*pid=$pid .*connections=\\([0-9]*\\)\$/\\1/p" "$SERVER_LOG")
    ((held > 0 && held < 10))
    talk_gives "$held" fill
}

@test "W2: a worker that keeps crashing is replaced after growing delays" {
    local pid=0
    echo_start --set workers=1
    for _ in 1 2 3 4 5 6; do
        wait_until worker_is_new 1 "$pid"
        pid=$(worker_pid 1)
        kill -KILL "$pid"
    done
    wait_until worker_is_new 1 "$pid"
    run sed -n 's/.*msg="worker will be replaced" worker=1 generation=1 delay_ms=\([0-9]*\) deaths_in_a_row=\([0-9]*\)$/\2 after \1/p' "$SERVER_LOG"
    assert_output "$(printf '%s\n' '2 after 50' '3 after 100' '4 after 200' '5 after 400' '6 after 800')"
    run "$PREFORKCAT" "$ADDRESS" still
    assert_output still
}

@test "W2: a worker that cannot start any more does not spin, and serves once it can" {
    local crash_file=$BATS_TEST_TMPDIR/crash pid deaths
    let_crash
    open_tmpdir
    module_build refused -DINIT_CRASHES_IF_PATH
    server_start --listen 127.0.0.1:0 --module "$MODULE" --option "path=$crash_file" --set workers=2
    ADDRESS=$(server_address)
    touch "$crash_file"
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until server_has_logged 'msg="worker will be replaced" worker=1 generation=1 delay_ms=200 '
    run "$PREFORKCAT" "$ADDRESS" "the other worker serves"
    assert_output "the other worker serves"
    deaths=$(grep -c 'msg="worker died" worker=1 generation=1 ' "$SERVER_LOG")
    ((deaths <= 6))
    rm "$crash_file"
    wait_until worker_is_new 1 "$pid"
    wait_until worker_count_is 2
}

@test "W2: why a worker that is started later fails is logged" {
    local file=$BATS_TEST_TMPDIR/stone
    open_tmpdir
    module_build refused -DINIT_FAILS_IF_PATH
    server_start --listen 127.0.0.1:0 --module "$MODULE" --option "path=$file" --set workers=2
    touch "$file"
    kill -KILL "$(worker_pid 2)"
    wait_until server_has_logged \
        "level=error .*msg=\"worker cannot start\" worker=2 generation=1 pid=[0-9]+ reason=.*$file is in the way"
    run "$PREFORKCAT" "$(server_address)" "the other worker serves"
    assert_output "the other worker serves"
}

@test "W2: a worker that hangs when it is started later is ended after start_timeout" {
    local file=$BATS_TEST_TMPDIR/stone
    open_tmpdir
    module_build refused -DINIT_HANGS_IF_PATH
    server_start --listen 127.0.0.1:0 --module "$MODULE" --option "path=$file" --set workers=1 \
        --set start_timeout=300ms
    touch "$file"
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged \
        'level=error .*msg="worker cannot start" worker=1 .*--module .*not ready within start_timeout'
    rm "$file"
    run "$PREFORKCAT" --timeout 30s "$(server_address)" "it serves again"
    assert_output "it serves again"
}

@test "D1: TERM to a worker ends that worker alone, its connections move, and it is replaced at once" {
    local pid
    start_tagged
    talk begin 100
    pid=$(worker_pid 1)
    kill -TERM "$pid"
    wait_until worker_is_new 1 "$pid"
    talk finish
    talk_gives "answered=12 missing=0" replies
    talk_gives "alive=6" ping
    wait_until process_is_gone "$pid"
    server_has_logged "msg=\"worker drains by itself, replacing it\" worker=1 generation=1 pid=$pid"
    wait_until server_has_logged "level=info .*msg=\"worker ended\" worker=1 generation=1 pid=$pid "
    run grep -c 'level=error' "$SERVER_LOG"
    assert_output 0
}

@test "D1: TERM to all workers at once, under load, ends no connection" {
    echo_start --set workers=3
    load_start "$ADDRESS" --connections 40 --depth 4
    mapfile -t ORPHANS < <(worker_pids)
    kill -TERM "${ORPHANS[@]}"
    wait_until orphans_are_gone
    wait_until worker_count_is 3
    load_finish
    load_lost_nothing 40
    run "$PREFORKCAT" "$ADDRESS" "to a new one"
    assert_output "to a new one"
}

@test "TERM while a worker waits to be replaced ends with 0" {
    local pid=0
    echo_start --set workers=1
    for _ in 1 2 3 4 5; do
        wait_until worker_is_new 1 "$pid"
        pid=$(worker_pid 1)
        kill -KILL "$pid"
    done
    wait_until server_has_logged 'msg="worker will be replaced" worker=1 generation=1 delay_ms=400 '
    server_stop
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped '
}

@test "a worker ignores INT, HUP, USR1, USR2, TTIN and TTOU" {
    local signal pid
    start_tagged
    pid=$(worker_pid 1)
    for signal in INT HUP USR1 USR2 TTIN TTOU; do
        kill -s "$signal" "$pid"
    done
    talk_gives "alive=6" ping
    assert_equal "$(worker_pid 1)" "$pid"
}

@test "USR1 and PIPE disturb nobody" {
    local signal
    start_tagged
    for signal in USR1 PIPE; do
        kill -s "$signal" "$SERVER_PID"
    done
    talk_gives "alive=6" ping
    talk open 1
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

# kill_master: and remembers its workers, to be ended if they do not go by themselves.
kill_master() {
    mapfile -t ORPHANS < <(worker_pids)
    kill -KILL "$SERVER_PID"
    wait "$SERVER_PID" || true # what it has locked is free only then
}

# Starts a server again and again until it can, on what another one held.
server_is_started_by() {
    server_spawn "$@"
    wait_until server_is_ready_or_gone
    server_has_logged 'msg=ready'
}

@test "M1: without their master, workers answer what they have begun, and end in order" {
    echo_start --set workers=2
    load_start "$ADDRESS" --connections 20
    kill_master
    load_wait
    load_says connections=20 eof=20 reset=0 wrong=0 cut=0
    wait_until orphans_are_gone
    server_has_logged 'process=worker .*msg="the master is gone: draining"'
}

@test "M1: a new master starts on the same port and pid file while the old workers still drain" {
    local pid_file=$BATS_TEST_TMPDIR/pid
    echo_start --set workers=2 --set "pid_file=$pid_file"
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    kill_master
    wait_until server_is_started_by --listen "$ADDRESS" --module echo --set "pid_file=$pid_file"
    kill -0 "${ORPHANS[0]}"
    assert_equal "$(<"$pid_file")" "$SERVER_PID"
    run "$PREFORKCAT" "$ADDRESS" "to the new one"
    assert_output "to the new one"
    talk finish
    talk_gives "eof=4 missing=0" end
    wait_until orphans_are_gone
}

# new_master_start [ARGUMENT...]: with $PID_FILE on the addresses of one that was killed, at once, while
# its workers stand still and have them; those go on once it has said that it waits.
new_master_start() {
    server_spawn "$@" --set "pid_file=$PID_FILE"
    wait_until server_has_logged \
        'level=warn .*msg="waiting for an address until start_timeout" reason=.*Address already in use'
    kill -CONT "${ORPHANS[@]}"
    wait_until server_is_ready_or_gone
    server_has_logged msg=ready
    assert_equal "$(<"$PID_FILE")" "$SERVER_PID"
}

@test "M1: a new master that is started at once waits for the addresses, and nothing is lost" {
    local load socket=$BATS_TEST_TMPDIR/socket pid
    PID_FILE=$BATS_TEST_TMPDIR/pid
    echo_start --listen "unix:$socket" --set workers=2 --set "pid_file=$PID_FILE"
    load_start "$ADDRESS" --connections 20 --depth 2
    load=$LOAD_PID
    churn_start "$ADDRESS"
    talk_start "unix:$socket"
    talk open 4
    talk begin 100
    for pid in $(worker_pids); do
        stop_process "$pid"
    done
    kill_master
    new_master_start --listen "$ADDRESS" --listen "unix:$socket" --module echo
    talk finish
    talk_gives "eof=4 missing=0" end
    wait_until orphans_are_gone
    churn_goes_on
    load_finish
    load_says wrong=0 cut=0 slow=0
    (($(load_count reset) <= 1)) # a handshake that the last close of a socket cuts in two
    LOAD_PID=$load LOAD_RESULT=$BATS_TEST_TMPDIR/load-0
    load_wait
    load_says connections=20 eof=20 reset=0 wrong=0 cut=0
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    run "$PREFORKCAT" "unix:$socket" hello
    assert_output hello
}

@test "M1: a master killed under load resets nobody who has got a connection" {
    PID_FILE=$BATS_TEST_TMPDIR/pid
    echo_start --set workers=3 --set "pid_file=$PID_FILE"
    churn_start "$ADDRESS"
    kill_master
    server_start --listen "$ADDRESS" --module echo --set "pid_file=$PID_FILE"
    churn_goes_on
    load_finish
    load_says wrong=0 cut=0 slow=0
    # As above.
    (($(load_count reset) <= 1))
    wait_until orphans_are_gone
}

@test "M1: an address that stays in use ends a start with 69 after start_timeout" {
    echo_start --set workers=1
    server_spawn --listen "$ADDRESS" --module echo --set start_timeout=500ms
    server_wait
    assert_equal "$SERVER_STATUS" 69
    server_has_logged 'msg="waiting for an address until start_timeout"'
    server_has_logged "msg=\"cannot start\" reason=.*cannot listen on .*$ADDRESS.*Address already in use"
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
}

@test "TERM while a new master waits for an address ends it with 0" {
    local signal
    echo_start --set workers=1
    for signal in TERM INT QUIT; do
        server_spawn --listen "$ADDRESS" --module echo --set start_timeout=60s
        wait_until server_has_logged 'msg="waiting for an address until start_timeout"'
        server_stop $signal
        assert_equal "$SERVER_STATUS" 0
    done
}

@test "M1: workers whose master is gone cut at drain_timeout who does not finish" {
    echo_start --set workers=2 --set drain_timeout=300ms
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    kill_master
    wait_until orphans_are_gone
    server_has_logged 'process=worker .*msg=drained closed=0 cut=[1-9]'
}

@test "titles are whole and nothing follows them, however long the name of the program is" {
    local name
    for name in p preforkd "/$(printf 'long/%.0s' 1 2 3 4 5 6 7)" "$(printf 'n%.0s' {1..31})" \
        "$(printf 'n%.0s' {1..32})" "$(printf 'n%.0s' {1..33})" "$(printf 'n%.0s' {1..34})"; do
        SERVER_LOG=$BATS_TEST_TMPDIR/server-${#name}.log
        (exec -a "$name" "$PREFORKD" --listen 127.0.0.1:0 --module echo --set workers=1 \
            </dev/null >"$SERVER_LOG" 2>&1 3>&-) &
        SERVER_PID=$!
        SERVER_PIDS+=("$SERVER_PID")
        wait_until server_is_ready_or_gone
        run ps -o args= -p "$SERVER_PID" --ppid "$SERVER_PID"
        assert_output $'preforkd: master [command line]\npreforkd: worker 1 (generation 1)'
        server_stop
    done
}

@test "processes are called by what they are" {
    cat >"$BATS_TEST_TMPDIR/my.conf" <<END
workers = 2
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END
    server_start -c "$BATS_TEST_TMPDIR/my.conf"
    assert_equal "$(title "$SERVER_PID")" "preforkd: master [$BATS_TEST_TMPDIR/my.conf]"
    assert_equal "$(title "$(worker_pid 1)")" "preforkd: worker 1 (generation 1)"
    assert_equal "$(title "$(worker_pid 2)")" "preforkd: worker 2 (generation 1)"
}

# The value of a line of /proc/PID/status, blanks made one.
status_of() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '\t ' ' ' | sed 's/ $//'
}

@test "started as root, workers are nobody with no right left, and the master stays root" {
    local pid uid gid name
    [ "$(id -u)" = 0 ] || skip "not root"
    uid=$(id -u nobody) gid=$(id -g nobody)
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    setpriv --groups 0,1,2,3 "$PREFORKD" --listen 127.0.0.1:0 --module echo --set workers=2 \
        </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until server_has_logged 'msg=ready'
    assert_equal "$(status_of "$SERVER_PID" Uid)" "0 0 0 0"
    for pid in $(worker_pids); do
        assert_equal "$(status_of "$pid" Uid)" "$uid $uid $uid $uid"
        assert_equal "$(status_of "$pid" Gid)" "$gid $gid $gid $gid"
        assert_equal "$(status_of "$pid" Groups)" "$gid"
        for name in CapInh CapPrm CapEff CapAmb; do
            assert_equal "$(status_of "$pid" $name)" 0000000000000000
        done
        assert_equal "$(status_of "$pid" NoNewPrivs)" 1
    done
}

# module_ran_as COUNT UID GID GROUPS: what lib/modules/status.c said, in so many processes.
module_ran_as() {
    local step
    for step in load init; do
        printf '%s\n' "Uid: $2 $2 $2 $2" "Gid: $3 $3 $3 $3" "Groups: $4" \
            "CapPrm: 0000000000000000" "CapEff: 0000000000000000" "NoNewPrivs: 1" |
            sed "s/^/$1 module: $step /"
    done | sort >"$BATS_TEST_TMPDIR/expected"
    grep '^module: ' "$SERVER_LOG" | sort | uniq -c | sed 's/^ *//' | sort |
        diff "$BATS_TEST_TMPDIR/expected" -
}

@test "not a line of a module's code runs before its worker has given up every right, in -t too" {
    local nobody_id group
    [ "$(id -u)" = 0 ] || skip "not root"
    nobody_id=$(id -u nobody) group=$(id -g nobody)
    module_build status
    open_tmpdir
    SERVER_LOG=$BATS_TEST_TMPDIR/check.log
    setpriv --groups 0,1,2,3 "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE" \
        --set user=nobody 2>"$SERVER_LOG"
    module_ran_as 1 "$nobody_id" "$group" "$group"
    printf '#!/bin/sh\nexec setpriv --groups 0,1,2,3 "%s" "$@"\n' "$PREFORKD" >"$BATS_TEST_TMPDIR/run"
    chmod +x "$BATS_TEST_TMPDIR/run"
    PREFORKD=$BATS_TEST_TMPDIR/run
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 --set user=nobody
    module_ran_as 2 "$nobody_id" "$group" "$group"
    group=$(getent group games | cut -d: -f3)
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=2 --set user=daemon \
        --set group=games
    module_ran_as 2 "$(id -u daemon)" "$group" "$group"
}

@test "workers are who user and group say, respawned ones too" {
    local pid
    [ "$(id -u)" = 0 ] || skip "not root"
    echo_start --set workers=1 --set user=daemon --set group=games
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until worker_is_new 1 "$pid"
    pid=$(worker_pid 1)
    wait_until identity_is "$pid" "$(id -u daemon)" "$(getent group games | cut -d: -f3)"
    assert_equal "$(status_of "$pid" NoNewPrivs)" 1
}

identity_is() {
    [ "$(status_of "$1" Uid)" = "$2 $2 $2 $2" ] && [ "$(status_of "$1" Gid)" = "$3 $3 $3 $3" ]
}

@test "started by somebody else than root, workers are the same, and can gain nothing" {
    local pid
    [ "$(id -u)" != 0 ] || command -v setpriv >/dev/null || skip "no setpriv"
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    if [ "$(id -u)" = 0 ]; then
        local as=(setpriv --reuid 1 --regid 1 --clear-groups)
    fi
    "${as[@]}" "$PREFORKD" --listen 127.0.0.1:0 --module echo --set workers=1 \
        </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until server_is_ready_or_gone
    server_has_logged 'msg=ready'
    pid=$(worker_pid 1)
    assert_equal "$(status_of "$pid" Uid)" "$(status_of "$SERVER_PID" Uid)"
    assert_equal "$(status_of "$pid" NoNewPrivs)" 1
    run "$PREFORKCAT" "$(server_address)" hello
    assert_output hello
}
