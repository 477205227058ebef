#!/usr/bin/env bats
# The command line and the configuration: what is wrong is said so that it can be put right, and
# the exit status says which kind of wrong it is.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    bats_load_library bats-support
    bats_load_library bats-assert
    CONFIG=$BATS_TEST_TMPDIR/my.conf
    SERVICES='services = { main = { listen = "127.0.0.1:0"  module = "echo" } }'
    ECHO=(--listen 127.0.0.1:0 --module echo)
}

teardown() {
    server_teardown
}

# misuse TEXT [ARGUMENT...]: this command line is refused with 64, and TEXT.
misuse() {
    run timeout 20 "$PREFORKD" "${@:2}"
    assert_failure 64
    assert_output --partial "$1"
}

# mistake TEXT [ARGUMENT...]: this configuration is refused with 78, and TEXT, by -t and at start.
mistake() {
    local check
    for check in -t ""; do
        run timeout 20 "$PREFORKD" $check "${@:2}"
        assert_failure 78
        output=${output//\\\"/\"} # as in a log line, too
        assert_output --partial "$1"
        refute_output --partial msg=ready
        refute_output --partial "is valid"
    done
}

# mistake_in_file TEXT LINE...: the same for a file of these lines.
mistake_in_file() {
    printf '%s\n' "${@:2}" >"$CONFIG"
    mistake "$1" -c "$CONFIG"
}

# mistake_in_service TEXT LINE...: the same for lines in a service, from line 2 on.
mistake_in_service() {
    mistake_in_file "$1" 'services = { main = {' "${@:2}" '} }'
}

# Command lines

@test "mistakes in the use of the command end with 64 and say what would be right" {
    misuse "usage: preforkd" --no-such-option
    misuse "usage: preforkd" -x
    misuse "'--listen' requires an argument" --listen
    misuse 'unexpected argument "file.conf"' file.conf
    misuse 'unexpected argument "more"' "${ECHO[@]}" more
    misuse "only one of -t, -T, -V and -h" -t -T
    misuse "only one of -t, -T, -V and -h" -V -t
    misuse "--listen is missing" --module echo
    misuse "--module is missing" --listen 127.0.0.1:0
    misuse "--listen is missing" --set workers=1
    misuse "--listen is missing" --option tag=true
    misuse "--module can be given once" "${ECHO[@]}" --module echo
    misuse "-c goes without --listen" -c "$CONFIG" --module echo
    misuse "-c goes without --listen" -c "$CONFIG" --set workers=1
}

@test "mistakes in options on the command line end with 78 and name the argument" {
    mistake '--set workers=many: "many" is no whole number; expected 0 to 128' "${ECHO[@]}" --set workers=many
    mistake '--set workers=257: 257 is out of range; expected 0 to 128' "${ECHO[@]}" --set workers=257
    mistake '--set workrs=2: unknown key; did you mean "workers"?' "${ECHO[@]}" --set workrs=2
    mistake '--set log.levle=info: unknown key; did you mean "log.level"?' "${ECHO[@]}" --set log.levle=info
    mistake '--set idle_timeot=1s: unknown key; did you mean "idle_timeout"?' "${ECHO[@]}" --set idle_timeot=1s
    mistake '--set xyzzy=1: unknown key; expected one of preforkd.conf(5)' "${ECHO[@]}" --set xyzzy=1
    mistake '--set workers: expected key=value' "${ECHO[@]}" --set workers
    mistake '--set =2: expected key=value' "${ECHO[@]}" --set =2
    mistake '--set log.level=loud: ' "${ECHO[@]}" --set log.level=loud
    mistake '--option tga=true: unknown key; did you mean' "${ECHO[@]}" --option tga=true
    mistake '--option tag=perhaps: got' "${ECHO[@]}" --option tag=perhaps
    mistake 'is no key; expected a letter' "${ECHO[@]}" --option '"tag=true'
    mistake '--listen localhost: ' --listen localhost --module echo
    mistake '--listen 127.0.0.1:70000: "70000" is no port' --listen 127.0.0.1:70000 --module echo
}

@test "an unknown module is refused with 78 and says where modules are looked for" {
    mistake 'there is no module "ehco"' --listen 127.0.0.1:0 --module ehco
    mistake "/nowhere/echo.so" --listen 127.0.0.1:0 --module /nowhere/echo.so
    assert_output --partial "No such file or directory"
}

@test "an error about an argument of the command line names no line" {
    mistake '--module ehco: there is no module' --listen 127.0.0.1:0 --module ehco
}

@test "-V prints name and version and succeeds, whatever else is wrong" {
    local option
    for option in -V --version; do
        run "$PREFORKD" $option
        assert_success
        assert_output --regexp '^preforkd [0-9]+\.[0-9]+\.[0-9]+$'
    done
    run "$PREFORKD" -V --module echo
    assert_success
}

@test "-h prints every option on standard output and succeeds" {
    local option
    for option in -h --help; do
        run "$PREFORKD" $option 2>/dev/null
        assert_success
        for word in --config --check --print --daemon --listen --module --option --set --version --help; do
            assert_output --partial -- "$word"
        done
    done
}

@test "--help does not succeed when it cannot be written" {
    run bash -c "'$PREFORKD' --help >/dev/full"
    assert_failure
    run bash -c "'$PREFORKD' --version >/dev/full"
    assert_failure
    run bash -c "'$PREFORKD' -T ${ECHO[*]} >/dev/full"
    assert_failure 74
}

# Files

@test "without arguments the default configuration is read, and it is named when it is not there" {
    local file
    file=$("$PREFORKD" -h | grep -o '/.*/preforkd/preforkd\.conf')
    [ ! -e "$file" ] || skip "there is a default configuration here"
    run "$PREFORKD"
    assert_failure 78
    assert_output --regexp '/preforkd/preforkd\.conf: cannot open it: No such file or directory$'
    run "$PREFORKD" -h
    assert_output --partial /preforkd/preforkd.conf
}

@test "a configuration that cannot be read is refused with its name and the reason" {
    mistake "$BATS_TEST_TMPDIR/none: cannot open it: No such file or directory" -c "$BATS_TEST_TMPDIR/none"
    mistake "$BATS_TEST_TMPDIR: is a directory" -c "$BATS_TEST_TMPDIR"
}

@test "a configuration that may not be read is refused with its name and the reason" {
    echo "$SERVICES" >"$CONFIG"
    chmod 0 "$CONFIG"
    if [ "$(id -u)" = 0 ]; then
        chmod a+x "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
        run setpriv --reuid 65534 --regid 65534 --clear-groups "$PREFORKD" -t -c "$CONFIG"
    else
        run "$PREFORKD" -t -c "$CONFIG"
    fi
    assert_failure 78
    assert_output --partial "$CONFIG: cannot open it: Permission denied"
}

@test "a key that does not exist is refused with file, line, key and the nearest one" {
    mistake_in_file "$CONFIG:2: wrokers: unknown key; did you mean \"workers\"?" \
        'max_connections = 5' 'wrokers = 3' "$SERVICES"
    mistake_in_file "$CONFIG:1: service: unknown key; did you mean \"services\"?" 'service = { }' "$SERVICES"
    mistake_in_file "$CONFIG:1: log.levl: unknown key; did you mean \"level\"?" 'log = { levl = "info" }' "$SERVICES"
    mistake_in_file "$CONFIG:1: xyzzy: unknown key; expected one of preforkd.conf(5)" 'xyzzy = 1' "$SERVICES"
    mistake_in_service "$CONFIG:4: services.main.max_mesage_size: unknown key; did you mean \"max_message_size\"?" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'max_mesage_size = "1M"'
}

@test "an option that its module does not have is refused with file, line, key and the nearest one" {
    mistake_in_service "$CONFIG:4: services.main.options.tga: unknown key; did you mean" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'options = { tga = true }'
    assert_output --partial tag
    mistake_in_service "$CONFIG:4: services.main.options.tag: got the number 1; expected true or false" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'options = { tag = 1 }'
}

@test "a value of the wrong type is refused with file, line, key and the right one" {
    mistake_in_file "$CONFIG:1: workers: got the string \"two\"; expected a whole number" 'workers = "two"' "$SERVICES"
    mistake_in_file "$CONFIG:1: workers: got true; expected a whole number" 'workers = true' "$SERVICES"
    mistake_in_file "$CONFIG:1: workers: got a number with a fraction; expected a whole number" 'workers = 1.5' "$SERVICES"
    mistake_in_file "$CONFIG:1: drain_timeout: got the number 10; expected a duration" 'drain_timeout = 10' "$SERVICES"
    mistake_in_file "$CONFIG:1: user: nobody lacks quotes; expected \"nobody\"" 'user = nobody' "$SERVICES"
    mistake_in_file "$CONFIG:1: log: is no group; expected log = {" 'log = "info"' "$SERVICES"
    mistake_in_file "$CONFIG:1: services: is no group; expected services = {" 'services = 5'
    mistake_in_service "$CONFIG:2: services.main.listen: got the number 9000; expected a string" \
        'listen = 9000' 'module = "echo"'
}

@test "a value out of its range is refused with file, line, key and the range" {
    mistake_in_file "$CONFIG:1: workers: 257 is out of range; expected 0 to 128" 'workers = 257' "$SERVICES"
    mistake_in_file "$CONFIG:1: workers: -1 is out of range; expected 0 to 128" 'workers = -1' "$SERVICES"
    mistake_in_file "$CONFIG:1: max_connections: 0 is out of range; expected 1 to" 'max_connections = 0' "$SERVICES"
    mistake_in_file "$CONFIG:1: workers: 99999999999999999999 is out of range" 'workers = 99999999999999999999' "$SERVICES"
    mistake_in_file "$CONFIG:1: drain_timeout: 0s is out of range; expected 1ms to 24h" 'drain_timeout = "0s"' "$SERVICES"
    mistake_in_file "$CONFIG:1: log.level: got the string \"loud\"; expected \"debug\", \"info\"" 'log = { level = "loud" }' "$SERVICES"
    mistake_in_service "$CONFIG:4: services.main.length_bytes: got the number 3; expected 1, 2, 4, 8 or \"varint\"" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'length_bytes = 3'
    mistake_in_service "$CONFIG:4: services.main.max_message_size: \"1X\" is no size; expected bytes" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'max_message_size = "1X"'
    mistake_in_service "$CONFIG:5: services.main.max_message_size: 1K does not fit a length field of 1 byte" \
        'listen = "127.0.0.1:0"' 'module = "echo"' 'length_bytes = 1' 'max_message_size = "1K"'
}

@test "an address that is none is refused with file, line, key and what one looks like" {
    local bad
    for bad in 127.0.0.1 localhost:80 ::1:80 '[::1' 127.0.0.1:http 127.0.0.1:70000 127.0.0.1:-1 unix: '' :80; do
        mistake_in_service "$CONFIG:3: services.main.listen: " 'module = "echo"' "listen = [ \"$bad\" ]"
        assert_output --partial expected
    done
}

@test "what is missing is refused with what is expected" {
    mistake_in_file "$CONFIG: services: is missing; expected at least one service" 'workers = 1'
    mistake_in_file "$CONFIG: services: is missing; expected at least one service" ''
    mistake_in_service "$CONFIG:1: services.main.module: is missing; expected module = " 'listen = "127.0.0.1:0"'
    mistake_in_service "$CONFIG:1: services.main.listen: is missing; expected listen = " 'module = "echo"'
}

@test "what does not parse is refused with file and line" {
    mistake_in_file "$CONFIG:1: " 'workers 1' "$SERVICES"
    mistake_in_file "$CONFIG:2: " 'workers = 1' 'workers = 2' "$SERVICES"
    mistake_in_file "$CONFIG:1: " 'workers = 1 }' "$SERVICES"
    mistake_in_file "$CONFIG:1: services" 'services = { main = { listen = "127.0.0.1:0"  module = "echo" }'
    mistake_in_file "$CONFIG:2: log" "$SERVICES" 'log = { level = "info'
    mistake_in_file "$CONFIG:1: @include: $BATS_TEST_TMPDIR/none.conf: cannot open it" '@include "none.conf"' "$SERVICES"
    mistake_in_file "$CONFIG:1: the comment that begins here never ends" '/* workers = 1' "$SERVICES"
}

@test "a mistake in an included file is refused with that file's name and line" {
    printf '\nwrokers = 1\n' >"$BATS_TEST_TMPDIR/more.conf"
    mistake_in_file "$BATS_TEST_TMPDIR/more.conf:2: wrokers: unknown key" '@include "more.conf"' "$SERVICES"
}

@test "a user or group that does not exist is refused with file, line and key" {
    [ "$(id -u)" = 0 ] || skip "not root"
    mistake_in_file 'there is no user "nosuchuser" on this system; make it, as "useradd --system nosuchuser" does' \
        'user = "nosuchuser"' "$SERVICES"
    mistake_in_file "there is no group" 'group = "nosuchgroup"' "$SERVICES"
    mistake_in_file "$CONFIG:1: user: " 'user = "nosuchuser"' "$SERVICES"
    mistake_in_file "$CONFIG:1: group: " 'group = "nosuchgroup"' "$SERVICES"
}

@test "a control socket whose path no other folder finds, or no socket takes, is refused" {
    local path
    mistake_in_file "$CONFIG:1: control_socket: \"unix:/run/x\" is no path from / on" \
        'control_socket = "unix:/run/x"' "$SERVICES"
    printf -v path '/run/%0103d' 0
    mistake_in_file "is too long: at most 107 bytes" "control_socket = \"$path\"" "$SERVICES"
}

@test "a log target or pid file whose folder is not there is refused with 78" {
    mistake log.target "${ECHO[@]}" --set "log.target=$BATS_TEST_TMPDIR/none/log"
    mistake pid_file "${ECHO[@]}" --set "pid_file=$BATS_TEST_TMPDIR/none/pid"
}

# What runs

@test "a port that is taken is refused with 69 and its address" {
    local first
    echo_start --set workers=1
    first=$ADDRESS
    run timeout 20 "$PREFORKD" --listen "$first" --module echo
    assert_failure 69
    assert_output --partial "$first"
    assert_output --partial "Address already in use"
    run "$PREFORKCAT" "$first" "the first goes on"
    assert_output "the first goes on"
}

@test "an address that this machine does not have is refused with 69" {
    run timeout 20 "$PREFORKD" --listen 192.0.2.1:9000 --module echo
    assert_failure 69
    assert_output --partial "Cannot assign requested address"
}

@test "the exit status of a refusal is the same when nobody reads standard error" {
    echo_start --set workers=1
    run bash -c "'$PREFORKD' --listen '$ADDRESS' --module echo 2> >(exec <&-); echo \$?"
    assert_output 69
}

@test "-t says that a valid configuration is, and starts nothing" {
    echo_start --set workers=1
    run "$PREFORKD" -t --listen "$ADDRESS" --module echo
    assert_success
    assert_output --partial "is valid"
    echo "$SERVICES" >"$CONFIG"
    run "$PREFORKD" -t -c "$CONFIG"
    assert_success
    assert_output --partial "$CONFIG is valid"
    run "$PREFORKD" --check -c "$CONFIG"
    assert_success
}

@test "-t leaves sockets, pid files and logs of a running server alone" {
    local socket=$BATS_TEST_TMPDIR/socket pid_file=$BATS_TEST_TMPDIR/pid
    echo_start --set workers=1 --listen "unix:$socket" --set "pid_file=$pid_file"
    run "$PREFORKD" -t --listen "unix:$socket" --module echo --set "pid_file=$pid_file" \
        --set "log.target=$BATS_TEST_TMPDIR/log"
    assert_success
    assert_equal "$(<"$pid_file")" "$SERVER_PID"
    [ ! -e "$BATS_TEST_TMPDIR/log" ]
    run "$PREFORKCAT" "unix:$socket" hello
    assert_output hello
}

@test "-T prints what -c reads, and which then prints the same" {
    cat >"$CONFIG" <<END
workers = 3; max_connections = 77
drain_timeout = "1500ms"
log = { level = "debug"  format = "json"  target = "/tmp/a \"quoted\" \\\\ path"  requests = 250 }
services = {
    first = {
        listen = [ "127.0.0.1:0", "[::1]:0", "unix:/run/a.sock" ]
        module = "echo"
        length_bytes = 2
        byte_order = "little"
        max_message_size = "1000"
        idle_timeout = "off"
        options = { tag = true }
    }
    second = { listen = "unix:/run/b.sock"  module = "./mine.so"  max_output = "3M"
        dispatch = "inline"  priority = "low"  overload = "shed"  max_pipeline = 5
        request_timeout = "1s"  heartbeat = "off" }
}
END
    "$PREFORKD" -T -c "$CONFIG" >"$BATS_TEST_TMPDIR/once"
    "$PREFORKD" -T -c "$BATS_TEST_TMPDIR/once" >"$BATS_TEST_TMPDIR/twice"
    diff "$BATS_TEST_TMPDIR/once" "$BATS_TEST_TMPDIR/twice"
    run cat "$BATS_TEST_TMPDIR/once"
    assert_line 'workers = 3'
    assert_line --regexp 'idle_timeout = "off"$'
    assert_line --regexp 'max_output = "3M"$'
    assert_line --regexp 'read_timeout = "10s"$'
    assert_line --regexp 'requests = 250$'
    assert_line --regexp 'dispatch = "inline"$'
    assert_line --regexp 'priority = "low"$'
    assert_line --regexp 'overload = "shed"$'
    assert_line --regexp 'max_pipeline = 5$'
    assert_line --regexp 'request_timeout = "1s"$'
    assert_line --regexp 'heartbeat_timeout = "10s"$'
}

@test "-T of a command line can be served with -c" {
    "$PREFORKD" -T "${ECHO[@]}" --option tag=true --set workers=1 >"$CONFIG"
    "$PREFORKD" -T -c "$CONFIG" | diff "$CONFIG" -
    server_start -c "$CONFIG"
    run "$PREFORKCAT" "$(server_address)" hello
    assert_output worker-1:hello
}

@test "the example configuration is valid, and prints the same through -T" {
    load lib/account
    run with_account "$PREFORKD" -t -c "$PREFORK_SOURCE/etc/preforkd.conf"
    assert_success
    "$PREFORKD" -T -c "$PREFORK_SOURCE/etc/preforkd.conf" >"$CONFIG"
    "$PREFORKD" -T -c "$CONFIG" | diff "$CONFIG" -
}

@test "several services and addresses are served by one server" {
    cat >"$CONFIG" <<END
workers = 1
services = {
    plain = { listen = [ "127.0.0.1:0", "unix:$BATS_TEST_TMPDIR/socket" ]  module = "echo" }
    tagged = { listen = "127.0.0.2:0"  module = "echo"  options = { tag = true } }
}
END
    server_start -c "$CONFIG"
    run "$PREFORKCAT" "$(server_address plain)" a
    assert_output a
    run "$PREFORKCAT" "unix:$BATS_TEST_TMPDIR/socket" b
    assert_output b
    run "$PREFORKCAT" "$(server_address tagged)" c
    assert_output worker-1:c
}

@test "two services may each have a port of the kernel's choice" {
    cat >"$CONFIG" <<END
workers = 1
services = {
    one = { listen = "127.0.0.1:0"  module = "echo" }
    other = { listen = "127.0.0.1:0"  module = "echo" }
}
END
    server_start -c "$CONFIG"
    [ "$(server_address one)" != "$(server_address other)" ]
}

@test "an IPv6 address is served" {
    "$PYTHON" -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' || skip "no IPv6 here"
    server_start --listen '[::1]:0' --module echo --set workers=1
    run "$PREFORKCAT" "$(server_address)" hello
    assert_output hello
}

@test "an option at the wrong level is told where it belongs" {
    cat >"$BATS_TEST_TMPDIR/preforkd.conf" <<'END'
services = { main = {
    listen = "127.0.0.1:0"
    module = "echo"
    threads = 8
} }
END
    run "$PREFORKD" -t -c "$BATS_TEST_TMPDIR/preforkd.conf"
    assert_failure 78
    assert_output --partial 'preforkd.conf:4: services.main.threads: is a global option; expected it at the top level'
}
