# Upgrades for the bats files, after lib/server.
#
#	setup() { load lib/server; load lib/upgrade; upgrade_setup; }
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # LIB, PREFORKD, SERVER_PID: of lib/server.bash

upgrade_setup() {
    ORIGINAL=$PREFORKD
    PROGRAM=$BATS_TEST_TMPDIR/preforkd
    VERSION=$("$ORIGINAL" -V)
    VERSION=${VERSION##* }
    OTHER=9${VERSION#?}
}

# program_is FILE: that is the program's file from now on.
program_is() {
    cp "$1" "$PROGRAM.new"
    chmod 755 "$PROGRAM.new"
    mv -f "$PROGRAM.new" "$PROGRAM"
}

# other_version [FILE]: one that differs from FILE, or $ORIGINAL, in the first digit of its version,
# for what follows it may be the end of other texts, too.
other_version() {
    sed "s/${VERSION//./\\.}/$OTHER/g" "${1:-$ORIGINAL}" >"$BATS_TEST_TMPDIR/other"
    program_is "$BATS_TEST_TMPDIR/other"
    assert_equal "$("$PROGRAM" -V)" "preforkd $OTHER"
}

# c_program NAME <SOURCE: is the program from now on.
c_program() {
    ${PREFORK_CC:-cc} -x c -o "$BATS_TEST_TMPDIR/$1" "${@:2}" -
    program_is "$BATS_TEST_TMPDIR/$1"
}

# passing_program NAME [COMMAND-OF-C]: is the program from now on. It passes every check, and then does
# this and executes $REAL, or the original.
passing_program() {
    c_program "$1" "-DREAL=\"${REAL:-$ORIGINAL}\"" "-DFAILS=\"${FAILS:-$BATS_TEST_TMPDIR/fails.so}\"" <<END
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-t") == 0)
		return 100;
	${2:-}
	execv(REAL, argv);
	return 1;
}
END
}

# build_fails: a library with which no program can receive signals, and which hides itself. Sets FAILING
# to what a passing_program does with it.
build_fails() {
    FAILING='setenv("LD_PRELOAD", FAILS, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);'
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
}

# upgrading_start [SETTING [MODULE]]: two workers on two listeners.
upgrading_start() {
    configure <<END_OF_FILE
workers = 2
${1:-}
services = {
    main = {
        listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/main.sock" ]
        module = "${2:-$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)}"
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
