# Short connections by lib/churn.py, and what is done to a server meanwhile; after lib/server and
# lib/load, whose teardown ends them.
# shellcheck shell=bash
# shellcheck disable=SC2154 # LIB, PYTHON, SERVER_PID, SERVER_LOG: set by lib/server.bash

# churn_start ADDRESS [OPTION...]: under way when this returns. load_finish ends it, load_wait waits
# for its own end, load_says and load_count tell how it went.
churn_start() {
    churn_spawn "$@"
    wait_until churn_has_served 50
}

churn_spawn() {
    LOAD_RESULT=$BATS_TEST_TMPDIR/load-${#LOAD_PIDS[@]}
    : >"$LOAD_RESULT"
    "$PYTHON" "$LIB/churn.py" run "$1" "$LOAD_RESULT" "${@:2}" </dev/null \
        >"$LOAD_RESULT.errors" 2>&1 3>&- &
    LOAD_PID=$!
    LOAD_PIDS+=("$LOAD_PID")
}

churn_has_served() {
    [ "$(load_count served)" -ge "$1" ] 2>/dev/null
}

# churn_goes_on [COUNT]: waits until so many more connections have been served.
churn_goes_on() {
    local served
    served=$(load_count served)
    wait_until churn_has_served $((served + ${1:-100}))
}

# churn_ends_well: all were served, but for those that an orderly close had crossed.
churn_ends_well() {
    load_finish
    churn_went_well refused=0
}

churn_went_well() {
    load_says wrong=0 cut=0 reset=0 slow=0 "$@"
}

# workers_serve COUNT: whether so many workers of the server are there, and no other process.
workers_serve() {
    [ "$(pgrep -P "$SERVER_PID" -f '^preforkd: worker [0-9]+ \(generation [0-9]+\) *$' | wc -l)" -eq "$1" ] &&
        worker_count_is "$1"
}

