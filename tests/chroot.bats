#!/usr/bin/env bats
# With `chroot`, workers see one folder and nothing else once their modules are loaded.

setup() {
    load lib/server
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    JAIL=$BATS_TEST_TMPDIR/jail
    mkdir "$JAIL"
    touch "$JAIL/inside"
    open_tmpdir
    # There is no /proc inside, which the search for leaks needs.
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
}

teardown() {
    server_teardown
}

needs_root() {
    [ "$(id -u)" = 0 ] || skip "not root"
}

# start_confined [ARGUMENT...]: one worker with a pool, in $JAIL; its module says where it is.
start_confined() {
    module_build roots
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set threads=2 \
        --set dispatch=pool --set "chroot=$JAIL" "$@"
    ADDRESS=$(server_address)
}

# What the module said at a step, of as many processes as there were.
said() {
    grep "^module: $1 " "$SERVER_LOG"
}

# capabilities_of PID: in every set and on every thread, each once.
capabilities_of() {
    sed -nE 's/^Cap(Inh|Prm|Eff|Amb):\s*//p' "/proc/$1/task"/*/status | sort -u
}

worker_is_confined() {
    local pid
    pid=$(worker_pid 1) && [ "$pid" != "${1:-}" ] &&
        [ "$(readlink "/proc/$pid/root")" = "$JAIL" ] &&
        [ "$(readlink "/proc/$pid/cwd")" = "$JAIL" ]
}

@test "a worker's root is the folder of chroot, no capability is left, and it serves" {
    needs_root
    start_confined
    worker_is_confined
    assert_equal "$(capabilities_of "$(worker_pid 1)")" 0000000000000000
    run "$PREFORKCAT" "$ADDRESS" where
    assert_output inside
    [ "$(readlink "/proc/$SERVER_PID/root")" = / ]
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "init of a module runs outside of chroot with that right alone, started inside with none" {
    needs_root
    start_confined
    run said init
    assert_output "module: init outside capabilities 0000000000040000"
    run said started
    assert_output "module: started inside capabilities 0000000000000000"
}

@test "a worker that replaces another is below chroot too" {
    local pid
    needs_root
    start_confined
    pid=$(worker_pid 1)
    kill -KILL "$pid"
    wait_until worker_is_confined "$pid"
    wait_until preforkcat_says inside
    assert_equal "$(capabilities_of "$(worker_pid 1)")" 0000000000000000
    [ "$(said started | wc -l)" -eq 2 ]
}

preforkcat_says() {
    [ "$("$PREFORKCAT" "$ADDRESS" where 2>/dev/null)" = "$1" ]
}

@test "with user = \"root\" a worker below chroot has no capability either" {
    needs_root
    needs_no_other_threads # which would keep what it has
    start_confined --set user=root
    worker_is_confined
    assert_equal "$(capabilities_of "$(worker_pid 1)")" 0000000000000000
}

@test "without chroot a worker has no capability while its module is loaded, and stays outside" {
    needs_root
    start_confined --set chroot=
    run said init
    assert_output "module: init outside capabilities 0000000000000000"
    run "$PREFORKCAT" "$ADDRESS" where
    assert_output outside
}

# is_refused REASON ARGUMENT...: by -t and at the start, with 78.
is_refused() {
    local reason=$1
    shift
    run "$PREFORKD" -t "$@"
    assert_equal "$status" 78
    assert_output "preforkd: $reason"
    run "$PREFORKD" "$@"
    assert_equal "$status" 78
    [[ ${output//\\\"/\"} == *"$reason"* ]]
}

# configure CHROOT
configure() {
    CONFIG=$BATS_TEST_TMPDIR/preforkd.conf
    cat >"$CONFIG" <<END
workers = 1
chroot = "$1"
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END
}

@test "a chroot that is missing, no folder, relative or closed to user is refused with its place" {
    needs_root
    configure "$JAIL/none"
    is_refused "$CONFIG:2: chroot: cannot use \"$JAIL/none\": No such file or directory" -c "$CONFIG"
    configure "$JAIL/inside"
    is_refused "$CONFIG:2: chroot: \"$JAIL/inside\" is no folder" -c "$CONFIG"
    configure jail
    is_refused "$CONFIG:2: chroot: \"jail\" is relative; expected a path from / on" -c "$CONFIG"
    configure "$JAIL"
    chmod 700 "$JAIL"
    is_refused "$CONFIG:2: chroot: workers cannot enter \"$JAIL\": Permission denied" -c "$CONFIG"
}

@test "chroot is refused with its place if the server is not started as root" {
    local as=()
    [ "$(id -u)" != 0 ] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    configure "$JAIL"
    chmod a+r "$CONFIG"
    launch_with "${as[@]}"
    is_refused "$CONFIG:2: chroot: only root can have workers in \"$JAIL\"; expected it to be left out, or a start as root or with CAP_SYS_CHROOT" -c "$CONFIG"
}

@test "whoever starts the server with CAP_SYS_CHROOT can have workers below chroot, without it" {
    needs_root
    launch_with setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all,+sys_chroot \
        --ambient-caps -all,+sys_chroot
    start_confined
    worker_is_confined
    assert_equal "$(capabilities_of "$(worker_pid 1)")" 0000000000000000
    run "$PREFORKCAT" "$ADDRESS" where
    assert_output inside
}

@test "a worker has no capability that its master has" {
    needs_root
    launch_with setpriv --reuid 65534 --regid 65534 --clear-groups \
        --inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service
    start_confined --set chroot=
    run said init
    assert_output "module: init outside capabilities 0000000000000000"
    assert_equal "$(capabilities_of "$(worker_pid 1)")" 0000000000000000
}

@test "-t starts a module below chroot as a worker would" {
    needs_root
    module_build roots
    run "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE" --set "chroot=$JAIL"
    assert_success
    assert_line "module: init outside capabilities 0000000000040000"
}
