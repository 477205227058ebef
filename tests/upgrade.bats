#!/usr/bin/env bats
# Another version of the program takes the place of the one that runs, in the same process, and no
# client notices.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    ORIGINAL=$PREFORKD
    PROGRAM=$BATS_TEST_TMPDIR/preforkd
    VERSION=$("$ORIGINAL" -V)
    VERSION=${VERSION##* }
    OTHER=9${VERSION#?}
}

teardown() {
    load_teardown
    server_teardown
}

# program_is FILE: that is the program's file from now on.
program_is() {
    cp "$1" "$PROGRAM.new"
    chmod 755 "$PROGRAM.new"
    mv -f "$PROGRAM.new" "$PROGRAM"
}

# other_version: a program that differs in the first digit of its version, for what follows it may
# be the end of other texts, too.
other_version() {
    sed "s/${VERSION//./\\.}/$OTHER/g" "$ORIGINAL" >"$BATS_TEST_TMPDIR/other"
    program_is "$BATS_TEST_TMPDIR/other"
    assert_equal "$("$PROGRAM" -V)" "preforkd $OTHER"
}

# c_program NAME <SOURCE: is the program from now on.
c_program() {
    ${PREFORK_CC:-cc} -x c -o "$BATS_TEST_TMPDIR/$1" "${@:2}" -
    program_is "$BATS_TEST_TMPDIR/$1"
}

# upgrading_start [SETTING]: two workers on two listeners.
upgrading_start() {
    configure <<END_OF_FILE
workers = 2
${1:-}
services = {
    main = {
        listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/main.sock" ]
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    configured_start
    wait_until workers_are_settled 2
}

# The lines that say how upgrades went.
upgrade_outcomes() {
    grep -E 'msg=upgraded|msg="upgrade (refused|failed)' "$SERVER_LOG" || :
}

upgrade_count_is() {
    [ "$(upgrade_outcomes | wc -l)" -eq "$1" ]
}

# upgrade: asks for one and waits until the log says how it went, in the line OUTCOME.
upgrade() {
    local before
    before=$(upgrade_outcomes | wc -l)
    kill -USR2 "$SERVER_PID"
    wait_until upgrade_count_is $((before + 1))
    OUTCOME=$(upgrade_outcomes | tail -n 1)
}

# upgraded_to VERSION
upgraded_to() {
    upgrade
    [[ $OUTCOME == *"msg=upgraded pid=$SERVER_PID version=$1" ]] && return
    echo "$OUTCOME"
    return 1
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
    cat >"$BATS_TEST_TMPDIR/fails.c" <<'END'
#include <errno.h>
#include <stdlib.h>
int signalfd(int fd, const void *mask, int flags)
{
	(void)fd, (void)mask, (void)flags;
	errno = EMFILE;
	return -1;
}
__attribute__((constructor)) static void begin(void) { unsetenv("LD_PRELOAD"); }
END
    ${PREFORK_CC:-cc} -shared -fPIC -o "$BATS_TEST_TMPDIR/fails.so" "$BATS_TEST_TMPDIR/fails.c"
    c_program half "-DREAL=\"$ORIGINAL\"" "-DFAILS=\"$BATS_TEST_TMPDIR/fails.so\"" <<'END'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-t") == 0)
		return 0;
	setenv("LD_PRELOAD", FAILS, 1);
	execv(REAL, argv);
	return 1;
}
END
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
