# Servers of lib/modules/work.c and clients of lib/pipeline.py for the bats files.
#
#	setup() { load lib/pipeline; pipeline_setup; }
#	teardown() { pipeline_teardown; server_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # set for the tests; set by lib/server.bash, lib/modules.bash

CONCURRENT=-DFLAGS=PF_MODULE_THREADS\|PF_MODULE_CONCURRENT
PIPELINE_PIDS=()

# Loads what goes with this.
pipeline_setup() {
    load lib/server
    load lib/client
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

# work_start ARGUMENT...: a server of $MODULE with one worker, which says why connections end; sets
# ADDRESS.
work_start() {
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set log.level=debug "$@"
    ADDRESS=$(server_address)
}

# pipeline SUBCOMMAND ARGUMENT...: see pipeline.py --help.
pipeline() {
    "$PYTHON" "$LIB/pipeline.py" "$@"
}

# pipeline_start SUBCOMMAND ARGUMENT...: in the background, where it hears `pipeline_say`. Returns
# when it has printed a line. Sets PIPELINE_PID.
pipeline_start() {
    local to=$BATS_TEST_TMPDIR/pipeline-${#PIPELINE_PIDS[@]}.in
    PIPELINE_OUTPUT=$BATS_TEST_TMPDIR/pipeline-${#PIPELINE_PIDS[@]}.out
    mkfifo "$to"
    pipeline "$@" <"$to" >"$PIPELINE_OUTPUT" 2>&1 3>&- &
    PIPELINE_PID=$!
    PIPELINE_PIDS+=("$PIPELINE_PID")
    exec {PIPELINE_TO}>"$to"
    wait_until test -s "$PIPELINE_OUTPUT"
}

pipeline_say() {
    echo "$*" >&"$PIPELINE_TO"
}

# Waits for its end; fails, and shows what it said, if it failed.
pipeline_wait() {
    wait "$PIPELINE_PID" || {
        cat "$PIPELINE_OUTPUT"
        return 1
    }
}

pipeline_teardown() {
    local pid
    for pid in "${PIPELINE_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
}

# server_ends_well: on TERM, with 0, and no worker has died on the way.
server_ends_well() {
    server_stop
    [ "$SERVER_STATUS" = 0 ] || return 1
    ! server_has_logged 'msg="worker (died|crashed)|level=error'
}
