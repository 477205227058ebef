#!/usr/bin/env bats
# bench/instructions counts what requests cost: the form of what it prints, and never how much.

bats_require_minimum_version 1.5.0

setup() {
    load lib/server
    export PREFORKBENCH=${PREFORKBENCH:-$PREFORK_BUILD/src/preforkbench}
    export PREFORKD TMPDIR=$BATS_TEST_TMPDIR
}

# count ARGUMENT...: sets status, output and stderr.
count() {
    run --separate-stderr "$PYTHON" "$PREFORK_SOURCE/bench/instructions" "$@"
}

needs_valgrind() {
    command -v valgrind >/dev/null || skip "valgrind is missing"
    [ -z "${PREFORK_SANITIZERS:-}" ] || skip "valgrind and sanitizers exclude each other"
}

# is_between LOW HIGH NUMBER
is_between() {
    [ "$(bc <<<"$1 <= $3 && $3 <= $2")" = 1 ] && return
    echo "$3 is not between $1 and $2"
    return 1
}

# row WORKLOAD: its figures, which are INSTRUCTIONS CALLS READS [BEFORE RATIO]; sets FIGURES.
row() {
    local name
    read -r name FIGURES < <(grep "^$1 " <<<"$output")
    [ "$name" = "$1" ]
    read -ra FIGURES <<<"$FIGURES"
}

nothing_is_left() {
    [ -z "$(find "$TMPDIR" -name 'instructions-*')" ] && [ -z "$(pgrep -f "$TMPDIR/instructions-")" ]
}

@test "a profile is read as callgrind means it" {
    run "$PYTHON" -B -m unittest discover -s "$PREFORK_SOURCE/tests/bench" -p test_callgrind.py
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *OK* ]]
}

@test "each workload has a row, with what a request costs" {
    needs_valgrind
    count --divide 40 --json "$BATS_TEST_TMPDIR/figures" inline-1 pooled-16 churn
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[0]} =~ ^workload\ +instructions\ +system\ calls\ +clock\ reads$ ]]
    local name
    for name in inline-1 pooled-16 churn; do
        row "$name"
        [ "${#FIGURES[@]}" -eq 3 ]
        is_between 100 100000 "${FIGURES[0]}"
    done
    # At one request in flight each takes a read and a write.
    row inline-1
    is_between 1 20 "${FIGURES[1]}"
    "$PYTHON" -c '
import json, sys
figures = json.load(open(sys.argv[1]))
assert figures["version"] == 1 and figures["divide"] == 40
assert list(figures["workloads"]) == ["inline-1", "pooled-16", "churn"]
for result in figures["workloads"].values():
    assert list(result) == ["requests", "instructions", "system_calls", "clock_reads"]
assert figures["workloads"]["inline-1"]["requests"] == 500
' "$BATS_TEST_TMPDIR/figures"
    nothing_is_left
}

@test "--against puts earlier figures and the ratio beside, where there are some" {
    needs_valgrind
    printf '{"version":1,"divide":1,"workloads":{"inline-16":{"instructions":10000}}}' \
        >"$BATS_TEST_TMPDIR/before"
    count --divide 100 --against "$BATS_TEST_TMPDIR/before" alone inline-16
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ \ before\ +ratio$ ]]
    row alone
    [ "${#FIGURES[@]}" -eq 3 ]
    row inline-16
    [ "${FIGURES[3]}" = 10000.0 ]
    is_between 0.001 1 "${FIGURES[4]}"
}

@test "--verbose says which functions and system calls they are" {
    needs_valgrind
    count --divide 100 --verbose inline-1
    [ "$status" -eq 0 ]
    grep -Eq '^ +[0-9.]+ +[0-9.]+%  connection_settle$' <<<"$output"
    grep -Eq '^    system calls: .*\bwrite [0-9.]+' <<<"$output"
}

@test "without valgrind, or a program, it says what is missing" {
    run --separate-stderr env PATH="$BATS_TEST_TMPDIR" \
        "$PYTHON" "$PREFORK_SOURCE/bench/instructions"
    [ "$status" -eq 69 ]
    [ "$stderr" = "bench/instructions: valgrind is missing: on Debian, apt-get install valgrind" ]
    needs_valgrind
    PREFORKBENCH=$BATS_TEST_TMPDIR/absent count
    [ "$status" -eq 69 ]
    [[ $stderr == "bench/instructions: $BATS_TEST_TMPDIR/absent is missing"* ]]
}

@test "what it does not know is a usage error" {
    local arguments
    for arguments in --bogus bogus '--divide 0' '--divide x'; do
        # shellcheck disable=SC2086 # words
        count $arguments
        [ "$status" -eq 64 ]
        [[ $stderr == "usage: bench/instructions "* ]]
    done
}

# refuses_base PATTERN: --against a file is a usage error, which says that of it.
refuses_base() {
    count --against "$BATS_TEST_TMPDIR/before"
    echo "$stderr"
    [ "$status" -eq 64 ]
    [ "$output" = "" ]
    [[ $stderr == *"bench/instructions: --against $BATS_TEST_TMPDIR/before: "$1 ]]
}

@test "--against of what is no such file says what is wrong and what would be right" {
    local right="; expected a file that bench/instructions --json has written"
    refuses_base "No such file or directory"
    cp "$PREFORK_SOURCE/doc/benchmarks/results.json" "$BATS_TEST_TMPDIR/before"
    refuses_base "there is no object \"workloads\" in it$right"
    echo '["workloads"]' >"$BATS_TEST_TMPDIR/before"
    refuses_base "there is no object \"workloads\" in it$right"
    echo '{"workloads": {"alone": {"requests": 1}}}' >"$BATS_TEST_TMPDIR/before"
    refuses_base "its workload \"alone\" has no number of instructions$right"
    echo '{"workloads": {"alone": 7}}' >"$BATS_TEST_TMPDIR/before"
    refuses_base "its workload \"alone\" has no number of instructions$right"
    echo 'workload instructions' >"$BATS_TEST_TMPDIR/before"
    refuses_base "it is not JSON: *$right"
    printf '\xff' >"$BATS_TEST_TMPDIR/before"
    refuses_base "it is not JSON: *$right"
}

@test "figures that cannot be written are told before anything is measured" {
    needs_valgrind
    count --divide 100 --json "$BATS_TEST_TMPDIR" alone
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/instructions: "*"Is a directory"*"$BATS_TEST_TMPDIR"* ]]
    [ "$output" = "" ]
}

@test "a run that fails leaves earlier figures as they were" {
    needs_valgrind
    echo before >"$BATS_TEST_TMPDIR/figures"
    PREFORKD=$(type -P true) count --json "$BATS_TEST_TMPDIR/figures" alone
    [ "$status" -eq 1 ]
    [ "$(<"$BATS_TEST_TMPDIR/figures")" = before ]
}

@test "a server that does not start, and a client that fails, are said and leave nothing" {
    needs_valgrind
    PREFORKD=$(type -P true) count alone
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/instructions: preforkd does not start under valgrind:"* ]]
    nothing_is_left
    PREFORKBENCH=$(type -P false) count alone
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/instructions: "*"/false "*" -n20000 "* ]]
    nothing_is_left
}
