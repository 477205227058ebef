# Helpers of preforkcat.bats and bench.bats: peers (tests/lib/peer.py), and how preforkcat is run.
# shellcheck disable=SC2034 # address, lines: for the tests

PREFORKCAT=${PREFORKCAT:-$BATS_TEST_DIRNAME/../src/preforkcat}
peer_pids=()

# peer_start BEHAVIOUR [OPTION ...]: starts a peer; $address is where it listens.
peer_start() {
    local ready=$BATS_TEST_TMPDIR/ready.${#peer_pids[@]}

    /usr/bin/python3 "$BATS_TEST_DIRNAME/lib/peer.py" --ready "$ready" "$@" \
        </dev/null >>"$BATS_TEST_TMPDIR/peer.log" 2>&1 3>&- &
    peer_pids+=($!)
    wait_until test -e "$ready"
    address=$(<"$ready")
}

# Ends the peers of this test, and shows what they said if it failed.
peer_stop_all() {
    local pid

    for pid in "${peer_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    peer_pids=()
    if [[ -z ${BATS_TEST_COMPLETED-} && -s $BATS_TEST_TMPDIR/peer.log ]]; then
        sed 's/^/peer: /' "$BATS_TEST_TMPDIR/peer.log"
    fi
}

# wait_until COMMAND ...: tries until it succeeds, 10 s at most.
wait_until() {
    local deadline=$((SECONDS + 10))

    until "$@"; do
        if ((SECONDS > deadline)); then
            echo "still not true after 10 s: $*"
            return 1
        fi
        sleep 0.02
    done
}

# cat_run [ARGUMENT ...]: runs preforkcat with standard input empty; sets $status, $output (what
# it printed), $lines of it, and $errors (what it complained about).
cat_run() {
    cat_run_with /dev/null "$@"
}

# cat_run_with FILE [ARGUMENT ...]: the same with standard input from FILE.
cat_run_with() {
    local input=$1
    shift

    status=0
    timeout 30 "$PREFORKCAT" "$@" <"$input" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/errors" || status=$?
    output=$(tr '\0' '?' <"$BATS_TEST_TMPDIR/out")
    errors=$(<"$BATS_TEST_TMPDIR/errors")
    mapfile -t lines <"$BATS_TEST_TMPDIR/out"
}

# expect_status N: fails, and shows all, unless the tool ended with N.
expect_status() {
    [[ $status == "$1" ]] && return
    echo "exit status $status, expected $1"
    echo "output: $output"
    echo "errors: $errors"
    return 1
}

# expect_same ACTUAL EXPECTED
expect_same() {
    [[ $1 == "$2" ]] && return
    echo "got:      $1"
    echo "expected: $2"
    return 1
}

# expect_errors TEXT: fails unless TEXT, and nothing else, was said after the program's name.
expect_errors() {
    expect_same "$errors" "preforkcat: $1"
}

# expect_hex FILE HEX: fails unless FILE has exactly these bytes.
expect_hex() {
    expect_same "$(od -An -v -tx1 "$1" | tr -d ' \n')" "$2"
}

# largest_size [ARGUMENT ...]: prints the largest resident set of a preforkcat run, in KB.
largest_size() {
    /usr/bin/python3 - "$PREFORKCAT" "$@" <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL, timeout=50)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
}
