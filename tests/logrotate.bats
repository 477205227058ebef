#!/usr/bin/env bats
# USR1: the log is opened anew by all processes, as logrotate(8) wants it, and no line is lost.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/churn
    load lib/reload
    bats_load_library bats-support
    bats_load_library bats-assert
    FOLDER=$BATS_TEST_TMPDIR/logs
    LOG=$FOLDER/preforkd.log
    PID_FILE=$BATS_TEST_TMPDIR/pid
    mkdir "$FOLDER"
}

teardown() {
    load_teardown
    server_teardown
}

# log_start [ARGUMENT...]: two workers and a log file.
log_start() {
    server_start_logging "$LOG" --listen 127.0.0.1:0 --module "${MODULE:-echo}" --set workers=2 \
        --set "pid_file=$PID_FILE" "$@"
    ADDRESS=$(server_address)
}

# rotate: with the real one, now.
rotate() {
    cat >"$BATS_TEST_TMPDIR/rotate.conf" <<END
"$LOG" {
    rotate 20
    create
    ${SWITCH_USER:-}
    postrotate
        kill -USR1 \$(cat "$PID_FILE")
    endscript
}
END
    chmod 644 "$BATS_TEST_TMPDIR/rotate.conf"
    PATH=$PATH:/usr/sbin logrotate --force --state "$BATS_TEST_TMPDIR/rotate.state" \
        "$BATS_TEST_TMPDIR/rotate.conf"
}

needs_logrotate() {
    PATH=$PATH:/usr/sbin command -v logrotate || skip "no logrotate"
    # Whoever runs it for a folder that is not root's has to say so.
    [ "$(id -u)" != 0 ] || SWITCH_USER="su root root"
}

# everybody_writes_to FILE: the master, workers, and those of an old generation; to no other log.
everybody_writes_to() {
    local pid links
    for pid in "$SERVER_PID" $(worker_pids); do
        links=$(readlink "/proc/$pid/fd"/* | grep -F "$FOLDER/")
        [ "$links" = "$1" ] || return 1
    done
}

# request_lines: how many requests all log files together have, each of which must parse.
request_lines() {
    local file count=0
    for file in "$FOLDER"/*; do
        ((count += $("$PYTHON" "$LIB/loglines.py" logfmt "$file" msg=request result=ok | wc -l)))
    done
    echo "$count"
}

# A worker of an old generation, which drains until `talk finish`.
leave_draining_worker() {
    talk_start "$ADDRESS"
    talk open 1
    talk begin 100
    reload_works
    wait_until worker_count_is 3
}

@test "L3: logrotate under load: all processes write to the new file, and no line is lost" {
    local rotated answered
    needs_logrotate
    module_build stays
    open_tmpdir
    log_start --set log.requests=on
    leave_draining_worker
    load_start "$ADDRESS" --connections 20
    answered=2
    for rotated in 1 2 3 4 5; do
        rotate
        assert [ -e "$LOG.$rotated" ]
        wait_until everybody_writes_to "$LOG"
        wait_until server_has_logged 'process=worker .* msg=request '
    done
    talk finish
    talk_gives "answered=2 missing=0" replies
    load_finish
    load_says wrong=0 reset=0 eof=0 unanswered=0 done=20
    ((answered += $(load_count answered)))
    server_stop
    assert_equal "$(request_lines)" "$answered"
    server_has_logged 'generation=1 msg=request .*result=ok'
}

@test "L3: a log that was moved is written on by all processes until USR1 comes" {
    log_start
    mv "$LOG" "$LOG.1"
    kill -TTIN "$SERVER_PID"
    wait_until grep -q 'msg="number of workers changed"' "$LOG.1"
    wait_until everybody_writes_to "$LOG.1"
    [ ! -e "$LOG" ]
    kill -USR1 "$SERVER_PID"
    wait_until everybody_writes_to "$LOG"
    server_has_logged 'msg="log opened anew"'
    [ "$(stat -c %a "$LOG")" = 640 ]
}

@test "a worker that takes a dead one's place after USR1 writes to the new file" {
    log_start
    mv "$LOG" "$LOG.1"
    kill -USR1 "$SERVER_PID"
    wait_until everybody_writes_to "$LOG"
    kill -KILL "$(worker_pid 1)"
    wait_until server_has_logged 'msg="worker died"'
    wait_until workers_serve 2
    wait_until everybody_writes_to "$LOG"
}

@test "L3: when the log cannot be opened anew this is said, and the old one goes on" {
    log_start --set log.requests=on
    mv "$FOLDER" "$FOLDER.moved"
    SERVER_LOG=$FOLDER.moved/preforkd.log
    kill -USR1 "$SERVER_PID"
    wait_until server_has_logged \
        'level=error .*msg="cannot open the log anew" reason=.*No such file or directory'
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    wait_until server_has_logged 'process=worker .*msg=request .*result=ok'
    mkdir "$FOLDER"
    kill -USR1 "$SERVER_PID"
    wait_until everybody_writes_to "$LOG"
}

@test "A2: a log that has become a symbolic link where everybody can write is not followed on USR1" {
    chmod 1777 "$FOLDER"
    echo precious >"$BATS_TEST_TMPDIR/precious"
    log_start
    mv "$LOG" "$LOG.1"
    ln -s "$BATS_TEST_TMPDIR/precious" "$LOG"
    SERVER_LOG=$LOG.1
    kill -USR1 "$SERVER_PID"
    wait_until server_has_logged 'msg="cannot open the log anew" reason=.*is a symbolic link'
    assert_equal "$(<"$BATS_TEST_TMPDIR/precious")" precious
    wait_until everybody_writes_to "$LOG.1"
}

opened_anew() {
    [ "$(grep -c 'msg="log opened anew"' "$SERVER_LOG")" -ge "$1" ]
}

# send_usr1 NUMBER: and waits until it was heard.
send_usr1() {
    kill -USR1 "$SERVER_PID"
    wait_until opened_anew "$1"
}

# many_usr1: a hundred leave no descriptor more than the first.
many_usr1() {
    local before count
    send_usr1 1
    run "$PREFORKCAT" "$ADDRESS" hello
    before=$(all_descriptors 2)
    for count in {2..100}; do
        send_usr1 "$count"
    done
    run "$PREFORKCAT" "$ADDRESS" hello
    assert_output hello
    wait_until same_as "$before" all_descriptors 2
    wait_until workers_serve 2
}

@test "R7: 100 USR1 with a log file leave no descriptor more" {
    log_start
    many_usr1
}

@test "R7: 100 USR1 with standard error leave no descriptor more, and the log goes on there" {
    echo_start --set workers=2
    many_usr1
    server_stop
    server_has_logged msg=stopped
}

@test "R7: 100 USR1 with a pipe as standard error leave no descriptor more, and the log goes on there" {
    SERVER_LOG=$BATS_TEST_TMPDIR/server-pipe.log
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    cat "$BATS_TEST_TMPDIR/pipe" >"$SERVER_LOG" 3>&- &
    "$PREFORKD" --listen 127.0.0.1:0 --module echo --set workers=2 </dev/null >/dev/null \
        2>"$BATS_TEST_TMPDIR/pipe" 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until server_has_logged msg=ready
    ADDRESS=$(server_address)
    many_usr1
    server_stop
    wait_until server_has_logged msg=stopped
}

@test "USR1 during a reload: when that is over, the new log is that of all processes" {
    local wait=$BATS_TEST_TMPDIR/wait
    load lib/modules
    versioned_build one
    server_start_logging "$LOG" --listen 127.0.0.1:0 --module "$MODULE" --option "wait=$wait" \
        --set workers=2
    touch "$wait"
    hup
    wait_until worker_count_is 4
    mv "$LOG" "$LOG.1"
    kill -USR1 "$SERVER_PID"
    wait_until grep -qs 'msg="log opened anew"' "$LOG"
    rm "$wait"
    wait_until grep -q 'msg=reloaded generation=2 ' "$LOG"
    wait_until everybody_writes_to "$LOG"
}
