#!/usr/bin/env bats
# bench/run measures, and says what is reached of the bar: the form of what it prints, its
# arithmetic, and never a speed.

bats_require_minimum_version 1.5.0

setup() {
    load lib/server
    RUN=$PREFORK_SOURCE/bench/run
    RESULTS=$BATS_TEST_TMPDIR/results.json
    export PREFORKD PREFORKBENCH=${PREFORKBENCH:-$PREFORK_BUILD/src/preforkbench}
    export BENCH_BUILD=$BATS_TEST_TMPDIR/peers
}

teardown() {
    server_teardown
}

# run_bench ARGUMENT...: sets status, output and stderr.
run_bench() {
    run --separate-stderr "$PYTHON" "$RUN" --build "$PREFORK_BUILD" "$@"
}

@test "medians, ratios within a round, and the verdicts of the bar are right" {
    run "$PYTHON" -B -m unittest discover -s "$PREFORK_SOURCE/tests/bench"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *OK* ]]
}

@test "--help says what it does" {
    run_bench --help
    [ "$status" -eq 0 ]
    [[ $output == "usage: bench/run "*--quick* ]]
}

@test "--list lists the work and the servers" {
    run_bench --list
    [ "$status" -eq 0 ]
    local name
    for name in d1 d16 64k 1000 churn burn4 memory spread scale shed preforkd-inline; do
        [[ $output == *"  $name "* ]]
    done
}

@test "what it does not know is a usage error" {
    local arguments
    for arguments in --bogus '--only nothing' '--rounds none' '--rounds -1' '--rounds 0' \
        '--seconds 0.01' '--seconds 0' '--into page'; do
        # shellcheck disable=SC2086 # words
        run_bench $arguments
        [ "$status" -eq 64 ]
        [[ $stderr == *"usage: bench/run"* ]]
    done
}

# In the bar of the last output: what a row says behind its limit.
row_is() {
    grep -Eq "^$1 +[<>]=? [0-9.]+( [A-Z%]+)? +$2\$" <<<"$output"
}

@test "a run prints each row of the bar, and what was not measured is not run" {
    "$PREFORK_SOURCE/bench/build" "$BENCH_BUILD" floor
    run_bench --only d1,limits --peers floor --rounds 2 --seconds 0.5 --json "$RESULTS"
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"preforkd-pool "*"floor-again "* ]]
    row_is 'inline echo, depth 1: CPU a request against the floor' '[0-9.]+ \(.*\) +(pass|short)'
    row_is 'limits, timeouts, ids on, .*' '-?[0-9.]+ % \(.*\) +(pass|short)'
    row_is 'inline echo, depth 16: CPU a request against the floor' '- +not run'
    row_is 'inline against node, .*' '- +not run'
    [[ $output == *" not run" ]]

    "$PYTHON" - "$RESULTS" <<END
import json, sys
results = json.load(open(sys.argv[1]))
assert results["about"]["machine"] and results["about"]["date"]
sample = next(each for each in results["samples"]
              if (each["work"], each["server"], each["round"]) == ("d1", "preforkd-inline", 1))
assert 0 < sample["cpu_us"] < 1e6 and sample["requests_per_s"] > 0, sample
assert sample["p50_us"] <= sample["p99_us"] and sample["failures"] == 0, sample
END
}

@test "connections are counted where they are, and memory is that of all processes" {
    run_bench --only spread,memory --peers '' --rounds 1 --seconds 0.2 --json "$RESULTS"
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    row_is 'spread, shared listener, 2 workers, 50 .*' '[0-9.]+ +(pass|short)'
    row_is 'an idle connection, inline: .*' '[0-9.]+ B +(pass|short)'
}

@test "a peer that is not built is skipped with a word" {
    mkdir "$BENCH_BUILD"
    run_bench --only d1 --peers floor --rounds 1 --seconds 0.2
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    [[ $output == *$'\n'"skipped: floor: "* ]]
    row_is 'inline echo, depth 1: CPU a request against the floor' '- +not run'
}

@test "a build tree is looked for from where it is named" {
    mkdir -p "$BATS_TEST_TMPDIR/tree"
    cd "$BATS_TEST_TMPDIR"
    run --separate-stderr env -u BENCH_BUILD "$PYTHON" "$RUN" --build tree --only d1 \
        --peers floor --rounds 1 --seconds 0.2
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    [ -x tree/bench-peers/floor ]
    row_is 'inline echo, depth 1: CPU a request against the floor' '[0-9.]+ +(pass|short)'
}

@test "what is no file of results, no page, or cannot be written is told in a line" {
    echo '{}' >"$RESULTS"
    echo text >"$BATS_TEST_TMPDIR/page.md"
    run_bench --render "$RESULTS"
    [ "$status" -eq 1 ]
    [ "$stderr" = "bench/run: $RESULTS is not what bench/run --json writes" ]
    run --separate-stderr "$PYTHON" "$PREFORK_SOURCE/bench/plot" "$RESULTS.not" "$BATS_TEST_TMPDIR"
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/plot: "*"No such file or directory"* ]]
    [[ $stderr != *Traceback* ]]
    echo '{"about": {}, "samples": [], "skipped": {}}' >"$RESULTS"
    run_bench --render "$RESULTS" --into "$BATS_TEST_TMPDIR/page.md"
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/run: $BATS_TEST_TMPDIR/page.md lacks the marks: "* ]]
    # Before anything is measured.
    run_bench --only d1 --peers '' --json "$BATS_TEST_TMPDIR"
    [ "$status" -eq 1 ]
    [[ $stderr == "bench/run: "*"Is a directory"* ]]
    [[ $stderr != *"round 1"* ]]
}

@test "a run that ends before there are results leaves the file of --json as it was" {
    run_bench --only d1 --peers nobody --json "$RESULTS"
    [ "$status" -eq 64 ]
    [ ! -e "$RESULTS" ]
    echo before >"$RESULTS"
    run_bench --only d1 --peers nobody --json "$RESULTS"
    [ "$status" -eq 64 ]
    [ "$(<"$RESULTS")" = before ]
}

@test "the folder of --json is made" {
    run_bench --only d1 --peers '' --rounds 1 --seconds 0.2 --json "$BATS_TEST_TMPDIR/new/results"
    [ "$status" -eq 0 ]
    [ -s "$BATS_TEST_TMPDIR/new/results" ]
}

@test "results are rendered as Markdown between the marks of a page, and drawn" {
    run_bench --only d1,shed --peers '' --rounds 1 --seconds 0.2 --json "$RESULTS"
    [ "$status" -eq 0 ]
    local page=$BATS_TEST_TMPDIR/page.md
    printf 'before\n<!-- bench/run: begin -->\nold\n<!-- bench/run: end -->\nafter\n' >"$page"
    run_bench --render "$RESULTS" --into "$page"
    [ "$status" -eq 0 ]
    [ "$(sed -n '1p;$p' "$page")" = $'before\nafter' ]
    grep -q '^| preforkd-inline | ' "$page"
    grep -q '^| the bar | is | measured | verdict |$' "$page"
    run ! grep -q old "$page"

    run "$PYTHON" "$PREFORK_SOURCE/bench/plot" "$RESULTS" "$BATS_TEST_TMPDIR/pictures"
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q '</svg>' "$BATS_TEST_TMPDIR/pictures/cpu.svg"
    grep -q '</svg>' "$BATS_TEST_TMPDIR/pictures/overload.svg"
    [[ $output == *"memory: not measured"* ]]
}
