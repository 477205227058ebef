# Helpers of bench.bats: how preforkbench is run, and what its results say. Beside lib/peer.bash.
# shellcheck shell=bash disable=SC2034 # output: for the tests

PREFORKBENCH=${PREFORKBENCH:-$PREFORK_BUILD/src/preforkbench}

# bench_run ARGUMENT...: runs preforkbench with --json; sets $status, $output (what it printed,
# which is kept for json as well) and $errors (what it complained about).
bench_run() {
    status=0
    timeout 120 "$PREFORKBENCH" --json "$@" </dev/null >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/errors" || status=$?
    output=$(<"$BATS_TEST_TMPDIR/out")
    errors=$(<"$BATS_TEST_TMPDIR/errors")
}

# json EXPRESSION: fails, and shows the results, unless it is true of them: r is the object, e are
# its errors, in Python.
json() {
    "$PYTHON" - "$BATS_TEST_TMPDIR/out" "$1" <<'END'
import json, sys
r = json.load(open(sys.argv[1]))
e = r["errors"]
if not eval(sys.argv[2]):
    sys.exit("not true: %s\nresults: %s" % (sys.argv[2], json.dumps(r, indent=1)))
END
}

# bench_on_terminal ARGUMENT...: runs preforkbench with a terminal as standard error; sets $status,
# $output and $errors (what the terminal got).
bench_on_terminal() {
    status=0
    "$PYTHON" - "$BATS_TEST_TMPDIR/errors" "$PREFORKBENCH" "$@" \
        >"$BATS_TEST_TMPDIR/out" <<'END' || status=$?
import os, pty, subprocess, sys
terminal, end = pty.openpty()
run = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stderr=end)
os.close(end)
with open(sys.argv[1], "wb") as errors:
    try:
        while data := os.read(terminal, 4096):
            errors.write(data)
    except OSError:  # EIO: nobody has the other end
        pass
sys.exit(run.wait())
END
    output=$(<"$BATS_TEST_TMPDIR/out")
    errors=$(<"$BATS_TEST_TMPDIR/errors")
}
