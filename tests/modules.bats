#!/usr/bin/env bats
# Modules: what a server loads and what it refuses, and that it keeps what <prefork/module.h>
# promises.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    CONFIG=$BATS_TEST_TMPDIR/my.conf
}

teardown() {
    load_teardown
    server_teardown
}

# commands_start [ARGUMENT...]: a server of lib/modules/commands.c; sets ADDRESS.
commands_start() {
    module_build commands
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 "$@"
    ADDRESS=$(server_address)
}

# answers "EXPECTED" MESSAGE...
answers() {
    run "$PREFORKCAT" "$ADDRESS" "${@:2}"
    assert_success
    assert_output "$1"
}

# is_refused TEXT [ARGUMENT...]: $MODULE, by -t and at start, with 78.
is_refused() {
    local check
    for check in -t ""; do
        run timeout 30 "$PREFORKD" $check --listen 127.0.0.1:0 --module "$MODULE" \
            --set workers=2 "${@:2}"
        assert_failure 78
        output=${output//\\\"/\"} # as in a log line, too
        assert_output --regexp "$1"
        refute_output --partial msg=ready
        refute_output --partial "is valid"
    done
}

@test "a module can be written in C++" {
    MODULE=$BATS_TEST_TMPDIR/plus.so
    cat >"$BATS_TEST_TMPDIR/plus.cc" <<'END'
#include <prefork/module.h>

static const pf_api *api;

static int
init(const pf_api *given, pf_service *)
{
	api = given;
	return 0;
}

static pf_verdict
message(pf_request *request)
{
	const pf_span parts[] = { { "plus ", 5 }, request->message };

	return api->reply(request, parts, 2) == PF_OK ? PF_CONTINUE : PF_CLOSE;
}

PF_EXPORT const struct pf_module pf_module = {
	.size = sizeof(struct pf_module),
	.abi_major = PF_ABI_MAJOR,
	.abi_minor = PF_ABI_MINOR,
	.name = "plus",
	.init = init,
	.message = message,
};
END
    c++ -std=c++20 -Wall -Wextra -Werror -Wno-missing-field-initializers -fvisibility=hidden \
        "-I$PREFORK_SOURCE/include" -shared -fPIC -o "$MODULE" "$BATS_TEST_TMPDIR/plus.cc"
    server_start --listen 127.0.0.1:0 --module "$MODULE"
    run "$PREFORKCAT" "$(server_address)" one
    assert_output "plus one"
}

# What is refused

@test "a module of another major version is refused, and both versions are named" {
    module_build refused -DOTHER_MAJOR
    is_refused 'version 2\.[0-9]+ .*1\.[0-9]+'
    assert_output --partial "$MODULE"
}

@test "a shared object without the symbol is refused" {
    module_build refused -DNO_SYMBOL
    is_refused 'does not export .*pf_module'
    assert_output --partial "$MODULE"
}

@test "a file that is no shared object is refused" {
    MODULE=$BATS_TEST_TMPDIR/text.so
    echo "no module" >"$MODULE"
    is_refused 'cannot load the module'
    assert_output --partial "$MODULE"
    : >"$MODULE"
    is_refused 'cannot load the module'
}

@test "a folder, and a file that is not there, are refused" {
    MODULE=$BATS_TEST_TMPDIR/
    is_refused 'module'
    MODULE=$BATS_TEST_TMPDIR/none.so
    is_refused 'cannot open .*none\.so.*No such file or directory'
}

@test "a module without the callback message is refused" {
    module_build refused -DNO_MESSAGE
    is_refused 'lacks its callback .message'
}

@test "a table of options that leads outside of its structure is refused" {
    module_build refused -DOPTION_OUTSIDE
    is_refused 'option outside .*outside'
}

# option_is_refused LINE KEY TEXT: in a file.
option_is_refused() {
    cat >"$CONFIG" <<END
workers = 1
services = { main = {
    listen = "127.0.0.1:0"
    module = "$MODULE"
    options = {
        $1
    }
} }
END
    for check in -t ""; do
        run timeout 20 "$PREFORKD" $check -c "$CONFIG"
        assert_failure 78
        output=${output//\\\"/\"} # as in a log line, too
        assert_output --partial "$CONFIG:6: services.main.options.$2: "
        assert_output --partial "$3"
    done
}

@test "options that a module does not know, or not like this, are refused with file and line" {
    module_build refused
    option_is_refused 'numbr = 3' numbr 'unknown key; did you mean "number"?'
    option_is_refused 'xyzzy = 3' xyzzy 'unknown key; expected an option of the module refused'
    option_is_refused 'number = 11' number '11 is out of range; expected 1 to 10'
    option_is_refused 'number = "3"' number 'expected a whole number'
    option_is_refused 'pause = 3' pause 'expected a duration'
    option_is_refused 'pause = "2h"' pause 'out of range'
    option_is_refused 'flag = "yes"' flag 'expected true or false'
    option_is_refused 'flag = { }' flag 'a group'
}

@test "a module gets its options typed, and their defaults" {
    module_build refused -DINIT_SHOWS_OPTIONS
    is_refused 'path <> number 5 pause 1000 flag 0'
    is_refused 'path </a b> number 7 pause 2000 flag 1' --option 'path=/a b' --option number=7 \
        --option pause=2s --option flag=true
}

@test "an init that fails is refused with the reason that it gives" {
    module_build refused -DINIT_FAILS
    is_refused 'no .*luck.* here'
    assert_output --partial "$MODULE"
    module_build refused -DINIT_FAILS_SILENTLY
    is_refused 'init of the module failed'
    assert_output --partial "$MODULE"
}

@test "W2: an init that crashes is refused, and how it ended is said" {
    let_crash
    module_build refused -DINIT_CRASHES
    is_refused 'SEGV'
    run grep -c 'worker died' <<<"$output"
    assert [ "$output" -le 2 ]
}

@test "W2: an init that exits is refused" {
    module_build refused -DINIT_EXITS
    is_refused 'exit status 0'
}

@test "an init that hangs is refused after start_timeout" {
    module_build refused -DINIT_HANGS
    SECONDS=0
    is_refused 'start_timeout' --set start_timeout=300ms
    ((SECONDS < 15))
    run pgrep -f "preforkd.*$BATS_TEST_TMPDIR"
    assert_failure
}

@test "-t that is ended while a module hangs leaves no process behind" {
    local check
    module_build refused -DINIT_HANGS
    "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE" --set start_timeout=10m \
        </dev/null >"$BATS_TEST_TMPDIR/server-0.log" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until worker_count_is 1
    check=$(worker_pids)
    SERVER_PIDS+=("$check")
    kill -TERM "$SERVER_PID"
    server_wait
    wait_until process_is_gone "$check"
}

@test "M1: a worker that still hangs in init ends with its master" {
    local workers pid
    module_build refused -DINIT_HANGS
    server_spawn --listen 127.0.0.1:0 --module "$MODULE" --set start_timeout=10m --set workers=2
    wait_until worker_count_is 2
    workers=$(worker_pids)
    for pid in $workers; do
        SERVER_PIDS+=("$pid")
    done
    kill -KILL "$SERVER_PID"
    for pid in $workers; do
        wait_until process_is_gone "$pid"
    done
}

@test "an init that starts a thread is refused" {
    module_build refused -DINIT_THREAD
    is_refused 'started a thread'
    assert_output --partial "$MODULE"
}

@test "of several services the one whose module crashes or hangs is named" {
    let_crash
    module_build refused -DINIT_CRASHES
    cat >"$CONFIG" <<END
workers = 1
services = {
    good = { listen = "127.0.0.1:0"  module = "echo" }
    bad = { listen = "127.0.0.2:0"  module = "$MODULE" }
}
END
    run "$PREFORKD" -t -c "$CONFIG"
    assert_failure 78
    assert_output --partial "services.bad"
}

@test "a module that user may not read is refused" {
    [ "$(id -u)" = 0 ] || skip "not root"
    module_build refused
    chmod 0700 "$MODULE"
    is_refused 'Permission denied'
    assert_output --partial "$MODULE"
    chmod 0755 "$MODULE"
    run "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE"
    assert_success
}

@test "module code runs unprivileged, in -t too" {
    local user group
    [ "$(id -u)" = 0 ] || skip "not root"
    user=$(id -u nobody) group=$(id -g nobody)
    module_build refused -DINIT_SAYS_UID
    is_refused "uid $user euid $user gid $group"
    is_refused "uid $(id -u daemon) euid $(id -u daemon) gid $(id -g daemon)" --set user=daemon
}

# What is accepted

@test "a module that ends where version 1.0 ended, or goes beyond today's end, is accepted" {
    local size
    for size in SIZE_OF_1_0 "sizeof(struct grown)"; do
        module_build sized "-DSIZE=$size" -DMINOR=7
        server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1
        ADDRESS=$(server_address)
        answers hello hello
        server_stop
    done
}

@test "what stands beyond the size that a module says it has is not taken for a callback" {
    module_build sized "-DSIZE=offsetof(struct pf_module, message)" -DMINOR=0
    is_refused 'lacks its callback .message'
}

@test "a module is reached by its path, absolute or relative to the working directory" {
    module_build commands
    cd "$BATS_TEST_TMPDIR"
    server_start --listen 127.0.0.1:0 --module ./commands.so --set workers=1
    ADDRESS=$(server_address)
    answers hello hello
}

@test "a respawned worker runs the module that the server started with" {
    local pid
    commands_start
    answers "main 1" service
    module_build refused -DINIT_FAILS
    mv "$MODULE" "$BATS_TEST_TMPDIR/commands.so"
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until worker_answers "main 1" service
}

worker_answers() {
    [ "$("$PREFORKCAT" "$ADDRESS" "$2" 2>/dev/null)" = "$1" ]
}

@test "two services may use one module, and each has its own name and worker number" {
    module_build commands
    cat >"$CONFIG" <<END
workers = 1
services = {
    one = { listen = "127.0.0.1:0"  module = "$MODULE" }
    other = { listen = "127.0.0.2:0"  module = "$MODULE" }
}
END
    server_start -c "$CONFIG"
    ADDRESS=$(server_address one)
    answers "one 1" service
    ADDRESS=$(server_address other)
    answers "other 1" service
}

# What the interface promises

@test "init and exit are called once a worker and service" {
    commands_start
    kill -TERM "$SERVER_PID"
    server_wait
    run grep -c 'module: init main worker 1' "$SERVER_LOG"
    assert_output 1
    run grep -c 'module: exit main worker 1' "$SERVER_LOG"
    assert_output 1
}

@test "opened and closed are called once each for every connection, however it ends" {
    local opened
    commands_start --set max_message_size=1K
    for _ in 1 2 3 4 5; do
        answers hello hello
    done
    answers bye bye
    run "$PREFORKCAT" "$ADDRESS" "$(printf 'x%.0s' {1..2000})"
    assert_failure
    talk_start "$ADDRESS"
    talk open 5
    talk begin 100
    talk close
    talk_start "$ADDRESS"
    talk open 3
    server_stop
    opened=$(sed -n 's/^module: opened //p' "$SERVER_LOG" | sort)
    assert_equal "$(wc -l <<<"$opened")" 15
    assert_equal "$(uniq <<<"$opened")" "$opened"
    assert_equal "$(sed -n 's/^module: closed //p' "$SERVER_LOG" | sort)" "$opened"
}

@test "the id of a connection is the one in the log, and unique among workers" {
    local ids
    commands_start --set workers=4 --set log.level=debug
    for _ in {1..12}; do
        "$PREFORKCAT" "$ADDRESS" id >>"$BATS_TEST_TMPDIR/ids"
    done
    ids=$(sort "$BATS_TEST_TMPDIR/ids")
    assert_equal "$(uniq <<<"$ids" | wc -l)" 12
    server_stop
    assert_equal "$(sed -n 's/.*msg="connection opened".* connection=//p' "$SERVER_LOG" | sort)" "$ids"
}

@test "each connection has a state of its own" {
    commands_start
    answers $'a\n2\nb\n4' a count b count
    answers $'a\nb\n3' a b count
}

@test "PF_CLOSE closes the connection once its reply has been sent" {
    commands_start
    run "$PREFORKCAT" "$ADDRESS" a bye
    assert_success
    assert_output $'a\nbye'
    run "$PREFORKCAT" "$ADDRESS" a bye b
    assert_failure
    assert_line --index 0 a
    assert_line --index 1 bye
    refute_line b
}

@test "a second reply to one request is refused with PF_E_ANSWERED, and not sent" {
    commands_start
    answers $'first\n-1' twice last
}

@test "a reply that the framing cannot carry is refused with PF_E_TOO_BIG, and not sent" {
    commands_start
    answers $'-2\nafter' huge after
}

@test "a reply of several parts, one of them empty, is one message" {
    commands_start
    answers $'one two\nafter' parts after
}

@test "a request may stay without a reply, and those behind it are answered" {
    commands_start
    run "$PREFORKCAT" --timeout 500ms "$ADDRESS" a silent b
    assert_line --index 0 a
    assert_line --index 1 b
}

@test "large replies from a module's own memory arrive whole, pipelined too" {
    local size
    commands_start
    for size in 1 1023 1024 1025 65535 65536 65537 1000000 20000000; do
        run bash -c "'$PREFORKCAT' --max-size 32M --raw '$ADDRESS' 'large $size' | tr -d x | wc -c"
        assert_output 0
        run bash -c "'$PREFORKCAT' --max-size 32M --raw '$ADDRESS' 'large $size' | wc -c"
        assert_output "$size"
    done
    "$PREFORKCAT" --raw --count 20 "$ADDRESS" 'large 5000' 'large 70000' 'large 10' 'large 200000' \
        'large 1500' >"$BATS_TEST_TMPDIR/out"
    assert_equal "$(stat -c %s "$BATS_TEST_TMPDIR/out")" "$((20 * (5000 + 70000 + 10 + 200000 + 1500)))"
    assert_equal "$(tr -d x <"$BATS_TEST_TMPDIR/out" | wc -c)" 0
}

@test "a module finds none of the server's functions by name" {
    commands_start
    answers none symbols
}

# Out of the tree

@test "a module compiled with the flags of pkg-config alone loads and serves" {
    local flags tree=$BATS_TEST_TMPDIR/tree
    install_tree "$tree"
    PKG_CONFIG_PATH=$(dirname "$(find "$tree" -name preforkd.pc)")
    export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$tree
    flags=$(pkg-config --cflags preforkd)
    cp "$LIB/modules/commands.c" "$BATS_TEST_TMPDIR/mine.c"
    # shellcheck disable=SC2086
    (cd "$BATS_TEST_TMPDIR" && env -u PREFORK_SOURCE ${PREFORK_CC:-cc} ${PREFORK_SANITIZERS:-} \
        -fPIC -shared -fvisibility=hidden -o mine.so mine.c $flags)
    server_start --listen 127.0.0.1:0 --module "$BATS_TEST_TMPDIR/mine.so" --set workers=1
    ADDRESS=$(server_address)
    answers "main 1" service
    assert_equal "$(pkg-config --modversion preforkd)" "$("$PREFORKD" -V | cut -d' ' -f2)"
}

@test "no callback runs within another, also when a client goes away while it is answered" {
    local pid
    open_tmpdir
    module_build nested
    server_start --listen "unix:$BATS_TEST_TMPDIR/socket" --module "$MODULE" --set workers=1
    pid=$(worker_pid 1)
    "$PYTHON" - "$BATS_TEST_TMPDIR/socket" <<'END'
import socket, sys
for _ in range(50):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(sys.argv[1])
        client.sendall(b"\0\0\0\1x" * 2000)
END
    "$PREFORKCAT" --quiet "unix:$BATS_TEST_TMPDIR/socket" hello
    assert_equal "$(worker_pid 1)" "$pid"
}
