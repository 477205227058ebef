#!/usr/bin/env bats
# Reloads and upgrades under a booted systemd, in a container that has the machine's /usr and nothing
# else of it: the main process stays, and no client notices.
# shellcheck disable=SC2030,SC2031,SC2034 # each test is a subshell; names of lib/server

setup() {
    load lib/server
    load lib/load
    load lib/upgrade
    bats_load_library bats-support
    bats_load_library bats-assert
    upgrade_setup
    [ "$(id -u)" -eq 0 ] || skip "only root can boot a container"
    command -v systemd-nspawn >/dev/null || skip "there is no systemd-nspawn"
    SHARE=$BATS_TEST_TMPDIR/share
    ROOT=$BATS_TEST_TMPDIR/root
    PROGRAM=$SHARE/preforkd
    SERVER_LOG=$SHARE/log
    mkdir "$SHARE"
    root_make
    contain /usr/bin/true || skip "systemd-nspawn does not work here"
}

teardown() {
    load_teardown
    container_stop
}

# What a system has to have besides /usr.
root_make() {
    local name
    mkdir -p "$ROOT"/{dev,proc,root,run,sys,tmp,usr,var} "$ROOT/etc/systemd/system"
    for name in bin sbin lib lib64; do
        ln -s "usr/$name" "$ROOT/$name"
    done
    echo "root:x:0:0:root:/root:/bin/sh" >"$ROOT/etc/passwd"
    echo "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin" >>"$ROOT/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$ROOT/etc/group"
    : >"$ROOT/etc/machine-id"
    cp /usr/lib/os-release "$ROOT/etc/os-release"
    printf '[Unit]\nRequires=preforkd.service\n' >"$ROOT/etc/systemd/system/default.target"
}

# contain ARGUMENT...: systemd-nspawn with the folder $SHARE and the build in it.
contain() {
    systemd-nspawn --register=no --keep-unit --private-network -q --console=pipe -D "$ROOT" \
        --bind="$SHARE" --bind-ro="$PREFORK_BUILD" --bind-ro=/usr "$@" \
        </dev/null >>"$BATS_TEST_TMPDIR/container.log" 2>&1 3>&-
}

# container_start <[Service]: boots it with that service; sets INIT, its first process.
container_start() {
    cat >"$ROOT/etc/systemd/system/preforkd.service"
    cat >"$SHARE/preforkd.conf" <<END_OF_FILE
${1:-}
services = {
    main = {
        listen = "unix:$SHARE/main.sock"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
    program_is "$ORIGINAL"
    contain -b &
    CONTAINER=$!
    wait_until has_booted
    wait_until server_has_logged 'msg=ready'
}

has_booted() {
    local nspawn
    nspawn=$(pgrep -P "$CONTAINER" -x systemd-nspawn) && INIT=$(pgrep -P "$nspawn" -x systemd)
}

container_stop() {
    [ -n "${INIT:-}" ] || return 0
    kill -s RTMIN+4 "$INIT"
    wait "$CONTAINER" || :
}

system() {
    nsenter --all -t "$INIT" systemctl "$@"
}

# service_is MAIN-PID: it runs, was never started again, and that is its main process.
service_is() {
    [ "$(system show -P MainPID preforkd) $(system show -P ActiveState preforkd) $(system show -P NRestarts preforkd)" = "$1 active 0" ]
}

# changes_go_unnoticed: a reload and an upgrade, with clients.
changes_go_unnoticed() {
    local main
    main=$(system show -P MainPID preforkd)
    service_is "$main"
    talk_start "unix:$SHARE/main.sock"
    talk open 6
    system reload preforkd
    wait_until server_has_logged 'msg=reloaded generation=2 '
    service_is "$main"
    talk_gives "alive=6" ping
    other_version
    system kill -s USR2 --kill-whom=main preforkd
    wait_until server_has_logged "msg=upgraded pid=$main version=$OTHER"
    wait_until server_has_logged 'msg=reloaded generation=3 '
    service_is "$main"
    talk_gives "alive=6" ping
    system reload preforkd
    wait_until server_has_logged 'msg=reloaded generation=4 '
    service_is "$main"
    talk_gives "alive=6" ping
    system stop preforkd
    [ "$(system show -P Result preforkd)" = success ]
    talk_gives "eof=6 missing=0" end
    server_has_logged 'msg=stopped closed=6 cut=0'
}

@test "R5: under systemd the main process stays in a reload and an upgrade, and clients notice nothing" {
    container_start <<END_OF_FILE
[Service]
Type=exec
ExecStart=$PROGRAM -c $SHARE/preforkd.conf
ExecReload=kill -HUP \$MAINPID
KillMode=mixed
StandardError=append:$SERVER_LOG
END_OF_FILE
    changes_go_unnoticed
}

@test "R5: the same with --daemon and a pid file" {
    container_start "pid_file = \"$SHARE/pid\" log = { target = \"$SERVER_LOG\" }" <<END_OF_FILE
[Service]
Type=forking
PIDFile=$SHARE/pid
ExecStart=$PROGRAM --daemon -c $SHARE/preforkd.conf
ExecReload=kill -HUP \$MAINPID
KillMode=mixed
END_OF_FILE
    changes_go_unnoticed
    [ ! -e "$SHARE/pid" ]
}
