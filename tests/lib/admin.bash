# The admin process for the bats files, after lib/server.
# shellcheck shell=bash
# shellcheck disable=SC2154 # SERVER_LOG, SERVER_PID: of lib/server.bash

admin_address() {
    sed -n 's/.*msg=listening service=(admin) address=//p' "$SERVER_LOG" | tail -n 1
}

# get PATH [OPTION-OF-CURL...]: what the admin process answers.
get() {
    local address
    address=$(admin_address)
    if [[ $address == unix:* ]]; then
        curl -sS -m "$PATIENCE" --unix-socket "${address#unix:}" "${@:2}" "http://admin$1"
    else
        curl -sS -m "$PATIENCE" "${@:2}" "http://$address$1"
    fi
}

# metric NAME [LABELS]: its value, as {LABELS} stand in the answer.
metric() {
    local line
    line=$(get /metrics | grep -F "$1${2:+{$2\}} ") || return 1
    echo "${line##* }"
}

# metric_is VALUE NAME [LABELS]
metric_is() {
    local value
    value=$(metric "${@:2}") && [ "$value" = "$1" ] && return
    echo "${*:2}: expected $1, got ${value:-nothing}"
    return 1
}

admin_pid() {
    pgrep -P "$SERVER_PID" -f 'preforkd: admin *$'
}

# admin_is_other PID: than that one.
admin_is_other() {
    local pid
    pid=$(admin_pid) && [ "$pid" != "$1" ]
}
