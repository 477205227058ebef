#!/usr/bin/env bats
# How many workers there are if nobody says.

setup() {
    load lib/server
    bats_load_library bats-support
    bats_load_library bats-assert
    read -ra CPUS <<<"$(cpus_allowed "$BASHPID")"
    GROUP=
}

teardown() {
    server_teardown
    group_remove
}

# cpus_allowed PID: the CPUs that it may run on, one word each.
cpus_allowed() {
    local list part
    IFS=, read -ra list <<<"$(sed -n 's/^Cpus_allowed_list:\s*//p' "/proc/$1/status")"
    for part in "${list[@]}"; do
        seq -s ' ' "${part%-*}" "${part#*-}"
    done | paste -sd ' '
}

# launcher COMMAND...: has the server started by it from now on.
launcher() {
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$*" "$PREFORKD" >"$BATS_TEST_TMPDIR/launcher"
    chmod +x "$BATS_TEST_TMPDIR/launcher"
    PREFORKD=$BATS_TEST_TMPDIR/launcher
}

# group_make QUOTA-US PERIOD-US: a control group (version 1) with that quota, for this test alone.
group_make() {
    local folder=/sys/fs/cgroup/cpu/preforkd-test.$BASHPID
    mkdir "$folder" 2>/dev/null || skip "no control groups can be made here"
    GROUP=$folder
    echo "$2" >"$GROUP/cpu.cfs_period_us"
    echo "$1" >"$GROUP/cpu.cfs_quota_us"
}

# The kernel lets go of it once the last process in it has been waited for.
group_remove() {
    [ -z "$GROUP" ] || wait_until rmdir "$GROUP"
}

@test "workers = 0 is one for each CPU of the affinity mask" {
    echo_start
    ((${#CPUS[@]} < 2)) || group_is_limited || worker_count_is "${#CPUS[@]}"
    launcher taskset -c "${CPUS[0]}"
    echo_start
    worker_count_is 1
}

# Whether the test itself runs under a quota.
group_is_limited() {
    grep -qsE '^[0-9]+( |$)' /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us
}

@test "workers = 0 is as many as the quota of the control group leaves, if that is fewer" {
    ((${#CPUS[@]} >= 2)) || skip "there is one CPU alone"
    group_make 10000 20000
    launcher sh -c "'echo \$\$ >$GROUP/cgroup.procs && exec \"\$0\" \"\$@\"'"
    echo_start
    worker_count_is 1
    server_stop
    echo 21000 >"$GROUP/cpu.cfs_quota_us"
    echo_start
    worker_count_is 2
    server_stop
}
