#!/usr/bin/env bats
# Another version of the program takes the place of the one that runs, in the same process, and no
# client notices.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
}

teardown() {
    load_teardown
    server_teardown
}

# refused REGEX: and clients and workers have not noticed.
refused() {
    local before
    before=$(processes)
    upgrade
    grep -Eq "level=error .*msg=\"upgrade refused\" program=$PROGRAM reason=$1" <<<"$OUTCOME" || {
        echo "$OUTCOME"
        return 1
    }
    talk_gives "alive=6" ping
    wait_until same_as "$before" processes
}

refusing_start() {
    upgrading_start "$@"
    talk_start "$ADDRESS"
    talk open 6
}

# checking_start: as upgrading_start, and 4 clients; the module waits while there is the file $STONE,
# and with it every check and every new worker.
checking_start() {
    STONE=$BATS_TEST_TMPDIR/stone
    versioned_build 1
    configure <<END_OF_FILE
workers = 2
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "$MODULE"
        options = { wait = "$STONE" }
    }
}
END_OF_FILE
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    configured_start
    wait_until workers_are_settled 2
    talk_start "$ADDRESS"
    talk open 4
    other_version
}

# check_begins: an upgrade is asked for, and its check lasts until $STONE is removed.
check_begins() {
    touch "$STONE"
    kill -USR2 "$SERVER_PID"
    wait_until server_has_logged 'msg="upgrade: the new program is checked"'
    wait_until worker_count_is 3
    CHECKER=$(pgrep -P "$SERVER_PID" | tail -n 1)
    ORPHANS+=("$CHECKER")
}

# names: what the kernel calls the master and its workers, and their titles.
names() {
    local pid
    for pid in "$SERVER_PID" $(worker_pids); do
        cat "/proc/$pid/comm"
        tr '\0' ' ' <"/proc/$pid/cmdline" | sed -E 's/generation [0-9]+/generation/; s/ *$/\n/'
    done
}

# filled_by_all_three: whether new connections, up to the limit, came to each of three workers.
filled_by_all_three() {
    talk close
    talk fill
    talk workers
    [[ $TALK_SAID =~ ^1=[0-9]+\ 2=[0-9]+\ 3=[0-9]+$ ]]
}

# kill_worker NUMBER: whether one that does not drain was there to be killed.
kill_worker() {
    local pid
    pid=$(worker_pid "$1" | head -n 1)
    [ -n "$pid" ] && kill -KILL "$pid"
}

# fills COUNT: whether so many more connections are let in.
fills() {
    talk fill
    [ "$TALK_SAID" = "$1" ] || { talk close && false; }
}

@test "R5: two upgrades in a row, to another version and back, under load: no client notices" {
    local before
    upgrading_start
    before=$(all_descriptors 2)
    load_start "$ADDRESS" --connections 20 --depth 3 --short 5
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    program_is "$ORIGINAL"
    upgraded_to "$VERSION"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    wait_until workers_are_settled 2
    load_finish
    load_lost_nothing 25
    load_says reconnected=0
    wait_until same_as "$before" all_descriptors 2
    refute server_has_logged 'level=(warn|error)'
    server_stop
    assert_equal "$SERVER_STATUS" 0
    [ ! -e "$BATS_TEST_TMPDIR/main.sock" ]
}

@test "R5: after an upgrade the pid file is held still, and all signals do what they did" {
    local pid_file=$BATS_TEST_TMPDIR/pid log=$BATS_TEST_TMPDIR/log
    upgrading_start "pid_file = \"$pid_file\""
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    assert_equal "$(cat "$pid_file")" "$SERVER_PID"
    run "$ORIGINAL" -c "$CONFIG"
    assert_equal "$status" 69
    assert_output --partial "is held by process $SERVER_PID"
    reload_works
    kill -TTIN "$SERVER_PID"
    wait_until workers_are_settled 3
    kill -TTOU "$SERVER_PID"
    wait_until workers_are_settled 2
    kill -KILL "$(worker_pid 1)"
    wait_until workers_are_settled 2
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    run "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/main.sock" hello
    assert_output hello
    server_stop
    assert_equal "$SERVER_STATUS" 0
    [ ! -e "$pid_file" ]
}

@test "R5: with reuse_port all workers have their sockets after an upgrade" {
    upgrading_start
    sed -i 's/module = ".*"/& reuse_port = true options = { tag = true }/' "$CONFIG"
    server_stop
    configured_start
    wait_until workers_are_settled 2
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until workers_are_settled 2
    talk_start "$ADDRESS" --tag
    talk open 60
    talk workers
    [[ $TALK_SAID =~ ^1=[0-9]+\ 2=[0-9]+$ ]]
}

@test "R5: max_connections is exact across an upgrade" {
    upgrading_start 'max_connections = 10'
    talk_start "$ADDRESS"
    talk_gives 10 fill
    other_version
    upgraded_to "$OTHER"
    wait_until workers_are_settled 2
    talk_gives "alive=10" ping
    talk try
    [[ $TALK_SAID == @(eof|reset) ]]
}

@test "R5: a program that is not there, or is none, is refused" {
    refusing_start
    rm "$PROGRAM"
    refused '"No such file or directory"'
    echo "no program" >"$BATS_TEST_TMPDIR/text"
    program_is "$BATS_TEST_TMPDIR/text"
    refused '".*cannot be executed.*"'
    program_is /bin/false
    refused '"exit status 1"'
}

@test "R5: a program that says yes to anything is refused" {
    refusing_start
    program_is "$(type -P true)"
    refused '"exit status 0"'
}

@test "R5: a program that crashes or hangs in its check is refused" {
    refusing_start 'start_timeout = "1s"'
    c_program crashes <<<'#include <stdlib.h>
int main(void) { abort(); }'
    refused '"signal ABRT.*"'
    c_program hangs <<<'#include <unistd.h>
int main(void) { for (;;) pause(); }'
    refused '"its check did not end within start_timeout"'
}

@test "R5: a configuration that is wrong by now is said, and nothing happens" {
    refusing_start
    sed -i 's/workers = 2/workers = 0x/' "$CONFIG"
    other_version
    refused ".*$CONFIG:1: "
}

@test "R5: a program that cannot adopt gives everything back, and a later one can" {
    refusing_start
    build_fails
    passing_program half "$FAILING"
    upgrade
    grep -q 'level=error .*msg="upgrade failed: the former program goes on"' <<<"$OUTCOME"
    talk_gives "alive=6" ping
    wait_until workers_are_settled 2
    generation_is 1 2
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    talk_gives "alive=6" ping
}

@test "R5: an upgrade that is asked for in a reload comes after it, and none while the server ends" {
    upgrading_start
    talk_start "$ADDRESS"
    talk open 4
    other_version
    kill -HUP "$SERVER_PID"
    kill -USR2 "$SERVER_PID"
    kill -USR2 "$SERVER_PID"
    wait_until upgrade_count_is 1
    wait_until server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    talk_gives "alive=4" ping
    talk begin 100
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    kill -USR2 "$SERVER_PID"
    wait_until server_has_logged 'msg="no upgrade: the server starts or ends"'
    talk finish
    talk_gives "eof=4 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

@test "R5: 5 upgrades leave no descriptor more, and names and titles as they were" {
    local before called i
    upgrading_start
    before=$(all_descriptors 2)
    called=$(names)
    [[ $called == "preforkd
preforkd: master [$CONFIG]
"* ]]
    for i in 1 2 3 4 5; do
        if ((i % 2)); then other_version; else program_is "$ORIGINAL"; fi
        upgrade
        [[ $OUTCOME == *msg=upgraded* ]]
        wait_until server_has_logged "msg=reloaded generation=$((i + 1)) "
        wait_until workers_are_settled 2
        generation_is $((i + 1)) 2
    done
    wait_until same_as "$before" all_descriptors 2
    wait_until same_as "$called" names
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: a daemon with relative paths and a log in a file is upgraded, too" {
    local said=$BATS_TEST_TMPDIR/said
    configure <<END_OF_FILE
workers = 2
pid_file = "preforkd.pid"
log = { target = "server-daemon.log" }
services = {
    main = {
        listen = [ "127.0.0.1:0", "unix:main.sock" ]
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
    program_is "$ORIGINAL"
    cd "$BATS_TEST_TMPDIR"
    timeout 60 ./preforkd --daemon -c preforkd.conf </dev/null >"$said" 2>&1 3>&-
    SERVER_PID=$(<preforkd.pid)
    SERVER_PIDS+=("$SERVER_PID")
    SERVER_LOG=$BATS_TEST_TMPDIR/server-daemon.log
    cd /
    ADDRESS=$(server_address)
    wait_until workers_are_settled 2
    load_start "$ADDRESS" --connections 8
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    assert_equal "$(cat "$BATS_TEST_TMPDIR/preforkd.pid")" "$SERVER_PID"
    mv "$SERVER_LOG" "$SERVER_LOG.1"
    kill -USR1 "$SERVER_PID"
    wait_until test -s "$SERVER_LOG"
    wait_until server_has_logged 'msg="log opened anew"'
    reload_works
    [[ $OUTCOME == *generation=3* ]]
    run "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/main.sock" hello
    assert_output hello
    load_finish
    load_lost_nothing 8
    kill -TERM "$SERVER_PID"
    wait_until process_is_gone "$SERVER_PID"
    server_has_logged 'msg=stopped .*cut=0'
    [ ! -e "$BATS_TEST_TMPDIR/preforkd.pid" ]
    [ ! -e "$BATS_TEST_TMPDIR/main.sock" ]
    [ ! -s "$said" ]
}

@test "R5: workers are new after an upgrade even if the old ones could take over what has changed" {
    upgrading_start 'log = { level = "info" }'
    other_version
    sed -i 's/"info"/"debug"/' "$CONFIG"
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 workers=2 replaced=yes'
    wait_until generation_is 2 2
    sed -i 's/"debug"/"info"/' "$CONFIG"
    reload_works
    [[ $OUTCOME == *"generation=2 workers=2 replaced=no"* ]]
}

@test "R5: workers added before an upgrade, and changed settings, are what the reload makes of them" {
    upgrading_start
    talk_start "$ADDRESS"
    talk open 6
    kill -TTIN "$SERVER_PID"
    wait_until workers_are_settled 3
    kill -TTIN "$SERVER_PID"
    wait_until workers_are_settled 4
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 workers=2 '
    wait_until workers_are_settled 2
    talk_gives "alive=6" ping
}

@test "R5: messages cut in the middle are finished and answered after two upgrades" {
    upgrading_start
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    program_is "$ORIGINAL"
    upgraded_to "$VERSION"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    talk finish
    talk_gives "answered=8 missing=0" replies
    wait_until workers_are_settled 2
    talk_gives "alive=4" ping
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: workers that drain when a second upgrade comes go on with it" {
    upgrading_start
    talk_start "$ADDRESS"
    talk open 4
    talk begin 100
    hold_connections
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until draining_count_is 2
    program_is "$ORIGINAL"
    upgraded_to "$VERSION"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    generation_is 3 2
    draining_count_is 2
    talk finish
    talk_gives "eof=4 missing=0" end
    wait_until workers_are_settled 2
    generation_is 3 2
    refute server_has_logged 'level=(warn|error)'
}

@test "R5: a program whose workers cannot start takes over, and the workers that were there go on" {
    local file=$BATS_TEST_TMPDIR/stone before
    open_tmpdir
    module_build refused -DINIT_FAILS_IF_PATH
    configure <<END_OF_FILE
workers = 2
services = {
    main = { listen = "127.0.0.1:0", module = "$MODULE", options = { path = "$file" } }
}
END_OF_FILE
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    configured_start
    wait_until workers_are_settled 2
    talk_start "$ADDRESS"
    talk open 6
    before=$(processes)
    touch "$file"
    passing_program passes
    upgraded_to "$VERSION"
    wait_until server_has_logged "level=error .*msg=\"reload failed\" serving=1 reason=.*$file is in the way"
    wait_until same_as "$before" processes
    talk_gives "alive=6" ping
    rm "$file"
    reload_works
    wait_until generation_is 3 2
    talk_gives "alive=6" ping
}

@test "R5: upgrades that fail again and again under load lose nothing and leave no descriptor" {
    local before i
    upgrading_start
    build_fails
    before=$(descriptors "$SERVER_PID")
    load_start "$ADDRESS" --connections 20 --depth 3 --short 5
    passing_program half "$FAILING"
    for i in 1 2 3; do
        upgrade
        [[ $OUTCOME == *'msg="upgrade failed: the former program goes on" reason="cannot receive signals'*"version=$VERSION"* ]]
    done
    generation_is 1 2
    wait_until same_as "$before" descriptors "$SERVER_PID"
    kill -KILL "$(worker_pid 1)"
    wait_until workers_are_settled 2
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until workers_are_settled 2
    load_finish
    load_says wrong=0 doubled=0 refused=0
    wait_until same_as "$before" descriptors "$SERVER_PID"
}

@test "R5: a configuration that is wrong when the new program runs fails its reload, and no more" {
    refusing_start
    passing_program passes "system(\"sed -i 's/workers = 2/workers = 0x/' '$CONFIG'\");"
    upgraded_to "$VERSION"
    wait_until server_has_logged "msg=\"reload failed\" serving=1 reason=\"?$CONFIG:1: "
    talk_gives "alive=6" ping
    generation_is 1 2
    sed -i 's/workers = 0x/workers = 2/' "$CONFIG"
    other_version
    upgraded_to "$OTHER"
    wait_until generation_is 2 2
    talk_gives "alive=6" ping
}

@test "R5: a program that fails gives everything back even if the configuration is wrong by then" {
    refusing_start
    build_fails
    passing_program half "system(\"sed -i 's/workers = 2/workers = 0x/' '$CONFIG'\");
	$FAILING"
    upgrade
    [[ $OUTCOME == *'msg="upgrade failed: the former program goes on"'* ]]
    talk_gives "alive=6" ping
    generation_is 1 2
}

@test "R5: while the check runs a second USR2 is said, HUP is obeyed, and a dead worker replaced" {
    local pid
    checking_start
    pid=$(worker_pid 1)
    check_begins
    kill -USR2 "$SERVER_PID"
    wait_until server_has_logged 'msg="an upgrade is under way already"'
    kill -KILL "$pid"
    wait_until server_has_logged "msg=\"worker died\" worker=1 generation=1 pid=$pid "
    hup
    rm "$STONE"
    wait_until server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    wait_until generation_is 3 2
    wait_until workers_are_settled 2
    talk ping
    [[ $TALK_SAID =~ ^alive=[1-4] ]]
    assert_equal "$(upgrade_outcomes | wc -l)" 1
    run asks "$ADDRESS"
    assert_output --partial "1 of main"
}

@test "R5: signals that all processes of a service or of a terminal get do not end a check" {
    local signal
    checking_start
    check_begins
    wait_until pgrep -P "$CHECKER"
    for signal in HUP INT USR1 USR2 TTIN TTOU; do
        kill -s "$signal" "$CHECKER" "$(pgrep -P "$CHECKER")"
    done
    rm "$STONE"
    wait_until server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 '
    talk_gives "alive=4" ping
}

@test "R5: a worker that dies between check and execution is replaced by the new program" {
    checking_start
    passing_program kills "system(\"kill -KILL \$(pgrep -P $SERVER_PID -f 'preforkd: [w]orker 2 ')\");"
    upgraded_to "$VERSION"
    wait_until server_has_logged 'msg="worker died" worker=2 generation=1 '
    wait_until server_has_logged 'msg=reloaded generation=2 '
    wait_until workers_are_settled 2
    talk ping
    [[ $TALK_SAID =~ ^alive=[1-4] ]]
}

@test "R5: TERM while the check runs ends the server in order, and the check with it" {
    checking_start
    talk begin 100
    check_begins
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg="upgrade given up: the server is about to end"'
    rm "$STONE"
    wait_until process_is_gone "$CHECKER"
    talk finish
    talk_gives "eof=4 missing=0" end
    server_wait
    assert_equal "$SERVER_STATUS" 0
    assert_equal "$(grep -c 'msg=stopped' "$SERVER_LOG")" 1
    assert_equal "$(upgrade_outcomes)" ""
}

@test "R5: QUIT while the check runs ends the server at once" {
    checking_start
    check_begins
    kill -QUIT "$SERVER_PID"
    server_wait
    assert_equal "$SERVER_STATUS" 0
    wait_until process_is_gone "$CHECKER"
    assert_equal "$(grep -c 'msg=stopped' "$SERVER_LOG")" 1
    assert_equal "$(upgrade_outcomes)" ""
}

@test "R5: TERM that comes while the new program is executed ends the new one in order" {
    upgrading_start
    load_start "$ADDRESS" --connections 8 --depth 2
    passing_program terms "system(\"kill -TERM $SERVER_PID\");"
    kill -USR2 "$SERVER_PID"
    load_wait
    load_says connections=8 eof=8 wrong=0 doubled=0 cut=0 reset=0
    server_wait
    assert_equal "$SERVER_STATUS" 0
    [ ! -e "$BATS_TEST_TMPDIR/main.sock" ]
}

@test "R5: upgrades at random moments among HUP, TTIN and TTOU under load lose nothing (seed 5)" {
    local i signals=(HUP TTIN USR2 TTOU USR2 USR1)
    RANDOM=5
    upgrading_start
    load_start "$ADDRESS" --connections 20 --depth 3 --short 5
    other_version
    for ((i = 0; i < 100; i++)); do
        kill -s "${signals[RANDOM % 6]}" "$SERVER_PID"
        read -rt "0.0$((RANDOM % 10))" <> <(:) || :
    done
    load_finish
    load_lost_nothing 25
    wait_until server_has_logged "msg=upgraded pid=$SERVER_PID version=$OTHER"
    reload_works
    wait_until workers_are_settled 2
    run upgrade_outcomes
    refute_output --regexp 'refused|failed'
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "R5: a server that the command line describes is upgraded with all that stands there" {
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    server_start --listen 127.0.0.1:0 --option tag=true --set max_connections_per_ip=9 \
        --module "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)" --set workers=3
    ADDRESS=$(server_address)
    wait_until workers_are_settled 3
    other_version
    upgraded_to "$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=2 workers=3 '
    wait_until workers_are_settled 3
    refute server_has_logged 'level=(warn|error)'
    talk_start "$ADDRESS" --tag
    talk_gives 9 fill
    wait_until filled_by_all_three
}

@test "R5: places of a worker that is killed around an upgrade can be had again" {
    local i
    upgrading_start 'max_connections = 12'
    for i in 1 2 3; do
        talk_start "$ADDRESS"
        talk_gives 12 fill
        if ((i % 2)); then other_version; else program_is "$ORIGINAL"; fi
        kill -TERM "$(worker_pid 1)"
        wait_until kill_worker 1 # the next one if it is gone by now
        upgrade
        [[ $OUTCOME == *msg=upgraded* ]]
        wait_until kill_worker 2
        wait_until server_has_logged "msg=reloaded generation=$((i + 1)) "
        wait_until workers_are_settled 2
        talk close
    done
    talk_start "$ADDRESS"
    wait_until fills 12
}
