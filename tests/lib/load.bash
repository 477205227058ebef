# Clients of lib/load.py for the bats files, after lib/server.
#
#	setup() { load lib/server; load lib/load; }
#	teardown() { load_teardown; server_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2154 # LIB, PYTHON: set by lib/server.bash

LOAD_PIDS=()

# load_start ADDRESS [OPTION...]: a closed loop of requests, warm when this returns. Sets LOAD_PID.
load_start() {
    LOAD_RESULT=$BATS_TEST_TMPDIR/load-${#LOAD_PIDS[@]}
    "$PYTHON" "$LIB/load.py" run "$@" </dev/null >"$LOAD_RESULT" 2>&1 3>&- &
    LOAD_PID=$!
    LOAD_PIDS+=("$LOAD_PID")
    wait_until grep -q '^warm$' "$LOAD_RESULT"
}

# Waits until each of its connections has ended.
load_wait() {
    wait_until load_is_gone
    wait "$LOAD_PID"
}

load_is_gone() {
    ! kill -0 "$LOAD_PID" 2>/dev/null || [ "$(process_state "$LOAD_PID")" = Z ]
}

# Has it finish what is under way and close, and waits.
load_finish() {
    kill -s USR1 "$LOAD_PID"
    load_wait
}

# load_says KEY=VALUE...: fails, and shows all, unless it counted this.
load_says() {
    local pair
    for pair in "$@"; do
        grep -qx "$pair" "$LOAD_RESULT" && continue
        echo "expected $pair of the load:"
        cat "$LOAD_RESULT"
        return 1
    done
}

# load_lost_nothing CONNECTIONS: fails, and shows all, if one of so many has seen anything but right
# replies and ends in order, which it took for a reason to connect again (--reconnect).
load_lost_nothing() {
    load_says "connections=$1" "done=$1" wrong=0 doubled=0 unanswered=0 cut=0 eof=0 reset=0 refused=0
}

# load_count KEY
load_count() {
    sed -n "s/^$1=//p" "$LOAD_RESULT"
}

# talk_start ADDRESS [OPTION...]: clients that do what `talk` says.
talk_start() {
    local to=$BATS_TEST_TMPDIR/talk-${#LOAD_PIDS[@]}.in from=$BATS_TEST_TMPDIR/talk-${#LOAD_PIDS[@]}.out
    mkfifo "$to" "$from"
    "$PYTHON" "$LIB/load.py" talk "$@" <"$to" >"$from" 2>>"$BATS_TEST_TMPDIR/talk.log" 3>&- &
    LOAD_PIDS+=("$!")
    exec {TALK_TO}>"$to" {TALK_FROM}<"$from"
}

# talk COMMAND...: has it done (see class Talk in load.py). Sets TALK_SAID to what came of it.
talk() {
    local reply
    echo "$*" >&"$TALK_TO"
    if ! read -rt "$((PATIENCE + 5))" reply <&"$TALK_FROM"; then
        echo "talk $*: no answer"
        return 1
    fi
    TALK_SAID=${reply#ok }
    [[ $reply == ok* ]] && return
    echo "talk $*: $reply"
    return 1
}

# talk_gives "EXPECTED" COMMAND...: the same, and fails unless that is what came of it.
talk_gives() {
    talk "${@:2}"
    [ "$TALK_SAID" = "$1" ] && return
    echo "talk ${*:2}: got \"$TALK_SAID\", expected \"$1\""
    return 1
}

# bad_frames ADDRESS COUNT: that many connections that send what is no frame.
bad_frames() {
    "$PYTHON" - "$LIB" "$1" "$2" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from load import connect
for _ in range(int(sys.argv[3])):
    with connect(sys.argv[2]) as sock:
        sock.sendall(b"\xff\xff\xff\xff")
        while sock.recv(4096):
            pass
END
}

load_teardown() {
    local pid
    for pid in "${LOAD_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    if [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
        tail -n 20 "$BATS_TEST_TMPDIR"/load-* "$BATS_TEST_TMPDIR"/talk.log 2>/dev/null || :
    fi
}
