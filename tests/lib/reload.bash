# Reloads for the bats files, after lib/server and lib/modules.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # OUTCOME: for the tests; set by lib/server.bash

CONFIG=$BATS_TEST_TMPDIR/preforkd.conf

# configure: from the next reload on the configuration is what stands on standard input.
configure() {
    cat >"$CONFIG.new"
    mv -f "$CONFIG.new" "$CONFIG"
}

# versioned_build VERSION: a module that says so (lib/modules/versioned.c). Sets MODULE.
versioned_build() {
    module_build versioned "-DVERSION=\"$1\""
    open_tmpdir
}

# hold_connections: none can move at the next reload, for main's framing is another one then.
hold_connections() {
    if grep -q 'allow_empty = true ' "$CONFIG"; then
        sed -i 's/allow_empty = true //' "$CONFIG"
    else
        sed -i 's/main = { */&allow_empty = true /' "$CONFIG"
    fi
}

# Starts a server of that configuration; sets ADDRESS.
configured_start() {
    server_start -c "$CONFIG"
    ADDRESS=$(server_address)
}

# hup: asks for a reload and does not wait for it.
hup() {
    kill -HUP "$SERVER_PID"
}

# The lines that say how reloads went.
outcomes() {
    grep -E 'msg=reloaded|msg="reload failed"' "$SERVER_LOG" || :
}

outcome_count_is() {
    [ "$(outcomes | wc -l)" -eq "$1" ]
}

# reload: asks for one and waits until the log says how it went, in the one line OUTCOME.
reload() {
    local before
    before=$(outcomes | wc -l)
    hup
    wait_until outcome_count_is "$((before + 1))"
    OUTCOME=$(outcomes | tail -n 1)
}

reload_works() {
    reload
    [[ $OUTCOME == *msg=reloaded* ]] && return
    echo "$OUTCOME"
    return 1
}

# reload_fails EXTENDED-REGULAR-EXPRESSION: what it gives as the reason, quotes escaped as in the log.
reload_fails() {
    reload
    grep -Eq "level=error .*msg=\"reload failed\" serving=[0-9]+ reason=\"?$1" <<<"$OUTCOME" && return
    echo "$OUTCOME"
    return 1
}

# generation_is NUMBER COUNT: whether the titles show so many workers of it, and they do not drain.
generation_is() {
    [ "$(pgrep -c -P "$SERVER_PID" -f "preforkd: worker [0-9]+ \(generation $1\) *\$")" -eq "$2" ]
}

# draining_count_is COUNT
draining_count_is() {
    [ "$(pgrep -c -P "$SERVER_PID" -f "preforkd: worker [0-9]+ \(generation [0-9]+, draining\) *\$")" -eq "$1" ]
}

# Which processes there are, and what each of them has open.
processes() {
    local pid
    for pid in "$SERVER_PID" $(worker_pids); do
        echo "$pid"
        descriptors "$pid"
    done
}

# What the master and workers 1 to $1 have open, whichever processes they are.
all_descriptors() {
    local number
    descriptors "$SERVER_PID"
    for ((number = 1; number <= $1; number++)); do
        echo "worker $number"
        descriptors "$(worker_pid "$number")"
    done
}

# same_as EXPECTED COMMAND...: whether that is what it prints.
same_as() {
    [ "$("${@:2}")" = "$1" ]
}

# asks ADDRESS [PAYLOAD]: what a new connection gets for an answer.
asks() {
    "$PREFORKCAT" "$1" "${2:-who}" 2>&1
}
