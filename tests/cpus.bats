#!/usr/bin/env bats
# How many workers there are if nobody says, and on which CPUs they run.

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

# group_make CONTROLLER: a control group (version 1) for this test alone, which servers started from
# now on are in.
group_make() {
    local folder=/sys/fs/cgroup/$1/preforkd-test.$BASHPID
    mkdir "$folder" 2>/dev/null || skip "no control groups can be made here"
    GROUP=$folder
    launch_with sh -c "'echo \$\$ >$GROUP/cgroup.procs && exec \"\$0\" \"\$@\"'"
}

# group_set FILE VALUE
group_set() {
    echo "$2" >"$GROUP/$1"
}

# The kernel lets go of it once the last process in it has been waited for.
group_remove() {
    [ -z "$GROUP" ] || wait_until rmdir "$GROUP"
}

@test "workers = 0 is one for each CPU of the affinity mask" {
    echo_start
    ((${#CPUS[@]} < 2)) || group_is_limited || worker_count_is "${#CPUS[@]}"
    launch_with taskset -c "${CPUS[0]}"
    echo_start
    worker_count_is 1
}

# Whether the test itself runs under a quota.
group_is_limited() {
    grep -qsE '^[0-9]+( |$)' /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us
}

@test "workers = 0 is as many as the quota of the control group leaves, if that is fewer" {
    ((${#CPUS[@]} >= 2)) || skip "there is one CPU alone"
    group_make cpu
    group_set cpu.cfs_period_us 20000
    group_set cpu.cfs_quota_us 10000
    echo_start
    worker_count_is 1
    server_stop
    group_set cpu.cfs_quota_us 21000
    echo_start
    worker_count_is 2
    server_stop
}

# worker_runs_on NUMBER LIST: whether it does, with all its threads.
worker_runs_on() {
    local pid lists
    pid=$(worker_pid "$1") || return 1
    mapfile -t lists < <(sed -n 's/^Cpus_allowed_list:\s*//p' "/proc/$pid/task"/*/status | sort -u)
    [ "${lists[*]}" = "$2" ]
}

# start_bound AFFINITY...: three workers with a pool of three threads each.
start_bound() {
    needs_no_other_threads
    echo_start --set workers=3 --set dispatch=pool --set threads=3 "${@/#/--set=cpu_affinity=}"
}

# has_pool PID: whether the worker's threads are all there.
has_pool() {
    [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 4 ]
}

@test "cpu_affinity = \"auto\" gives each worker and its threads a CPU, round and round" {
    ((${#CPUS[@]} >= 2)) || skip "there is one CPU alone"
    launch_with taskset -c "${CPUS[0]},${CPUS[1]}"
    start_bound auto
    has_pool "$(worker_pid 1)"
    worker_runs_on 1 "${CPUS[0]}"
    worker_runs_on 2 "${CPUS[1]}"
    worker_runs_on 3 "${CPUS[0]}"
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
}

@test "worker N runs on the Nth list of cpu_affinity, round and round, and the next one there too" {
    local pid
    ((${#CPUS[@]} >= 2)) || skip "there is one CPU alone"
    start_bound "${CPUS[1]}" "${CPUS[0]},${CPUS[1]}"
    has_pool "$(worker_pid 2)"
    worker_runs_on 1 "${CPUS[1]}"
    worker_runs_on 2 "${CPUS[0]}-${CPUS[1]}" || worker_runs_on 2 "${CPUS[0]},${CPUS[1]}"
    worker_runs_on 3 "${CPUS[1]}"
    pid=$(worker_pid 3)
    kill -KILL "$pid"
    wait_until worker_is_another 3 "$pid"
    worker_runs_on 3 "${CPUS[1]}"
}

# worker_is_another NUMBER OLD-PID: whether another process has that number and has started.
worker_is_another() {
    local pid
    pid=$(worker_pid "$1") && [ "$pid" != "$2" ] && has_pool "$pid"
}

@test "a worker whose CPU was taken away from the server runs on another, and says so" {
    local pid
    ((${#CPUS[@]} >= 2)) || skip "there is one CPU alone"
    needs_no_other_threads
    group_make cpuset
    group_set cpuset.mems "$(sed -n 's/^Mems_allowed_list:\s*//p' /proc/self/status)"
    group_set cpuset.cpus "${CPUS[0]},${CPUS[1]}"
    start_bound "${CPUS[1]}"
    worker_runs_on 3 "${CPUS[1]}"
    group_set cpuset.cpus "${CPUS[0]}"
    pid=$(worker_pid 3)
    kill -KILL "$pid"
    wait_until worker_is_another 3 "$pid"
    worker_runs_on 3 "${CPUS[0]}"
    server_has_logged 'level=warn process=worker worker=3 generation=1 msg="this worker runs on any CPU" reason="cannot run on the CPUs of cpu_affinity: Invalid argument"'
    server_stop
}

@test "without cpu_affinity the workers run where the server may" {
    echo_start --set workers=1
    assert_equal "$(cpus_allowed "$(worker_pid 1)")" "${CPUS[*]}"
}

@test "a CPU that the server may not run on is refused at the start and by -t, with its place" {
    local config=$BATS_TEST_TMPDIR/preforkd.conf reason
    launch_with taskset -c "${CPUS[0]}"
    cat >"$config" <<END
workers = 1
cpu_affinity = [ "${CPUS[0]}", "${CPUS[0]},1020-1023" ]
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END
    reason="$config:2: cpu_affinity: CPU 1020-1023 is none that preforkd may run on; expected some of ${CPUS[0]}"
    run "$PREFORKD" -t -c "$config"
    assert_equal "$status" 78
    assert_output "preforkd: $reason"
    run "$PREFORKD" -c "$config"
    assert_equal "$status" 78
    assert_output --partial "$reason"
}

@test "what is no list of CPUs, and \"auto\" beside one, is refused with its place" {
    local list
    for list in '"0-"' '"two"' '""' '"auto", "0"' '"0", "auto"'; do
        cat >"$BATS_TEST_TMPDIR/preforkd.conf" <<END
cpu_affinity = [ $list ]
services = { main = { listen = "127.0.0.1:0"  module = "echo" } }
END
        run "$PREFORKD" -t -c "$BATS_TEST_TMPDIR/preforkd.conf"
        assert_equal "$status" 78
        assert_output --regexp \
            'preforkd.conf:1: cpu_affinity: "[^"]*" is no list of CPUs; expected .*, or "auto" alone$'
    done
}

# policy_of PID: of each of its threads, once.
policy_of() {
    local thread
    for thread in "/proc/$1/task"/*; do
        chrt -p "${thread##*/}" | sed -n 's/.*policy: //p'
    done | sort -u
}

@test "workers and their threads interrupt nobody, and with cpu_policy = other they do" {
    echo_start --set dispatch=pool
    assert_equal "$(policy_of "$(worker_pid 1)")" SCHED_BATCH
    assert_equal "$(policy_of "$SERVER_PID")" SCHED_OTHER
    echo_start --set dispatch=pool --set cpu_policy=other
    assert_equal "$(policy_of "$(worker_pid 1)")" SCHED_OTHER
}

# loop_policy_is POLICY: that of the loop of the only worker.
loop_policy_is() {
    chrt -p "$(worker_pid 1)" | grep -q "policy: $1\$"
}

@test "a loop interrupts as long as a handler in the pool takes its time" {
    echo_start --set workers=1 --option sleep_us=700000
    wait_until loop_policy_is SCHED_BATCH
    "$PREFORKCAT" "$ADDRESS" hello >"$BATS_TEST_TMPDIR/reply" &
    wait_until loop_policy_is SCHED_OTHER
    wait $!
    assert_equal "$(cat "$BATS_TEST_TMPDIR/reply")" hello
    wait_until loop_policy_is SCHED_BATCH
}

@test "a policy that the server was started with stays" {
    launch_with chrt -i 0
    echo_start
    assert_equal "$(policy_of "$(worker_pid 1)")" SCHED_IDLE
}
