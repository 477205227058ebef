# A booted systemd for the bats files, in a container whose /usr is that of this machine; after
# lib/server and lib/upgrade.
#
#	setup() { load lib/server; load lib/upgrade; load lib/systemd; container_setup; }
#	teardown() { container_teardown; server_teardown; }
#
# What the container has as /srv is the folder $SRV here: the program, its configuration, log and
# unix socket stand there.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests; PREFORK_BUILD, SERVER_LOG ...: of lib/server.bash

ROOT=$BATS_TEST_TMPDIR/root
SRV=$ROOT/srv
SYSTEMD=/lib/systemd/systemd
MACHINE=preforkd-test-$BASHPID
CONTAINER= # systemd-nspawn
LEADER=    # its systemd, as this machine sees it
CONTAINER_OPTIONS=() # more of systemd-nspawn's
CGROUPS=() # folders of its own, for the teardown

# container_setup: boots one, or skips the test, and says why, where none can be.
container_setup() {
    container_is_possible
    container_root
    container_start
}

container_is_possible() {
    [ "$(id -u)" = 0 ] || skip "only root can boot a systemd in a container"
    command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn here (systemd-container)"
    [ -x "$SYSTEMD" ] || skip "no systemd here"
}

container_start() {
    container_boot
    wait_until container_has_booted_or_ended || :
    container_has_booted || skip "systemd-nspawn cannot boot a systemd here: $(tail -n 1 "$ROOT.log")"
}

# container_root: what an operating system needs beside /usr.
container_root() {
    local name
    mkdir -p "$ROOT"/{dev,etc/systemd/system,proc,root,run,srv,sys,tmp,usr,var}
    for name in bin lib lib32 lib64 libx32 sbin; do
        [ ! -e "/usr/$name" ] || ln -s "usr/$name" "$ROOT/$name"
    done
    cat >"$ROOT/etc/passwd" <<'END'
root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/:/bin/false
END
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$ROOT/etc/group"
    echo 'ID=test' >"$ROOT/etc/os-release"
    echo 0123456789abcdef0123456789abcdef >"$ROOT/etc/machine-id"
    printf '[Unit]\nDescription=nothing\n' >"$ROOT/etc/systemd/system/default.target"
}

# container_boot: where this machine runs no systemd, the container has control groups of its own,
# or two of them would take each other's services for theirs.
container_boot() {
    local options=(--quiet "--directory=$ROOT" --bind-ro=/usr "--machine=$MACHINE"
        --private-network --register=no --boot --console=pipe
        "${CONTAINER_OPTIONS[@]}") folder
    if [ ! -d /run/systemd/system ]; then
        options+=(--keep-unit)
        for folder in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
            [ -e "$folder/cgroup.procs" ] || continue
            folder+=/$MACHINE
            mkdir "$folder" 2>/dev/null || skip "no control group can be made in ${folder%/*}"
            CGROUPS+=("$folder")
        done
    fi
    (
        for folder in "${CGROUPS[@]}"; do
            echo 0 >"$folder/cgroup.procs"
        done
        exec systemd-nspawn "${options[@]}" </dev/null >"$ROOT.log" 2>&1 3>&-
    ) &
    CONTAINER=$!
}

container_has_booted() {
    LEADER=$(pgrep -P "$CONTAINER") &&
        [[ $(inside systemctl is-system-running 2>/dev/null) == @(running|degraded) ]]
}

container_has_booted_or_ended() {
    container_has_booted || process_is_gone "$CONTAINER"
}

# inside COMMAND...: runs it in the container.
inside() {
    timeout "$PATIENCE" nsenter --target "$LEADER" --all "$@" 3>&-
}

container_teardown() {
    local folder
    [ -z "$LEADER" ] || kill -KILL "$LEADER" 2>/dev/null || :
    if [ -n "$CONTAINER" ]; then
        kill -TERM "$CONTAINER" 2>/dev/null || :
        wait_until process_is_gone "$CONTAINER" || kill -KILL "$CONTAINER"
        wait "$CONTAINER" 2>/dev/null || :
    fi
    for folder in "${CGROUPS[@]}"; do
        wait_until cgroup_is_removed "$folder"
    done
    # systemd-nspawn leaves it where /run is no file system of its own.
    rmdir "/run/systemd/nspawn/propagate/$MACHINE" 2>/dev/null || :
    if [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
        tail -n 20 "$ROOT.log" 2>/dev/null || :
    fi
}

# Those of processes that are about to end cannot be removed yet.
cgroup_is_removed() {
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -e "$1" ]
}

# unit SETTING...: preforkd.service from now on, with these lines in its section [Service].
unit() {
    {
        printf '[Unit]\nDefaultDependencies=no\n[Service]\n'
        printf '%s\n' "$@"
    } >"$ROOT/etc/systemd/system/preforkd.service"
    inside systemctl daemon-reload
}

# unit_start: starts it; sets SERVER_PID (as this machine has it), MAIN_PID (as systemd does).
unit_start() {
    inside systemctl start preforkd || {
        inside systemctl status preforkd
        return 1
    }
    wait_until server_has_logged 'msg=ready'
    MAIN_PID=$(unit_property MainPID)
    SERVER_PID=$(pgrep -P "$LEADER" -f '^preforkd: master ')
    wait_until workers_are_settled 2
}

# unit_property NAME: what systemd says of it.
unit_property() {
    inside systemctl show --property="$1" --value preforkd
}

unit_property_is() {
    [ "$(unit_property "$1")" = "$2" ]
}

# unit_is_unmoved: whether systemd has noticed nothing.
unit_is_unmoved() {
    local property
    for property in "MainPID $MAIN_PID" "ActiveState active" "SubState running" "NRestarts 0" \
        "Result success"; do
        # shellcheck disable=SC2086 # name and value
        unit_property_is $property && continue
        echo "expected $property:"
        inside systemctl status preforkd
        return 1
    done
}

# make_variable NAME: of the build tree, with those that it is made of.
make_variable() {
    local value
    value=$(sed -n "s/^$1 = //p" "$PREFORK_BUILD/Makefile")
    while [[ $value =~ ^(.*)\$\{([a-z_]+)\}(.*)$ ]]; do
        value=${BASH_REMATCH[1]}$(make_variable "${BASH_REMATCH[2]}")${BASH_REMATCH[3]}
    done
    echo "$value"
}

# container_install: what `make install` puts in place is in place in the container; after
# lib/modules, in place of container_setup. Sets PROGRAM and CONFIG, as this machine has them.
container_install() {
    local tree=$BATS_TEST_TMPDIR/tree prefix sysconfdir units
    container_is_possible
    container_root
    prefix=$(make_variable prefix)
    sysconfdir=$(make_variable sysconfdir)
    install_tree "$tree"
    CONTAINER_OPTIONS+=("--bind-ro=$tree$prefix:$prefix")
    units=$(make_variable systemdsystemunitdir)
    if [[ $units != /usr/@(local/lib|lib)/systemd/system ]]; then # where systemd looks
        ln -s "$units/preforkd.service" "$units/preforkd.socket" "$ROOT/etc/systemd/system/"
    fi
    cp -r "$tree$(make_variable sysusersdir)" "$tree$(make_variable tmpfilesdir)" \
        "$tree$(make_variable logrotatedir)" "$ROOT/etc"
    PROGRAM=$tree$(make_variable sbindir)/preforkd
    CONFIG=$tree$sysconfdir/preforkd/preforkd.conf
    if [[ $sysconfdir != "$prefix"/* ]]; then
        mkdir -p "$ROOT$sysconfdir"
        mv "$tree$sysconfdir/preforkd" "$ROOT$sysconfdir"
        CONFIG=$ROOT$sysconfdir/preforkd/preforkd.conf
    fi
    container_start
    inside systemd-sysusers preforkd.conf
    inside systemd-tmpfiles --create preforkd.conf
}

# unit_changes SETTING...: lines for the section [Service] of the unit that is installed. What finds
# leaks looks at more than it lets a process see.
unit_changes() {
    mkdir -p "$ROOT/etc/systemd/system/preforkd.service.d"
    {
        echo '[Service]'
        printf '%s\n' "$@" ${PREFORK_SANITIZERS:+Environment=ASAN_OPTIONS=detect_leaks=0}
    } >"$ROOT/etc/systemd/system/preforkd.service.d/test.conf"
    inside systemctl daemon-reload
}
