#!/usr/bin/env bats
# What <prefork/module.h> says of kept requests, unasked messages, and the functions by id.

setup() {
    load lib/pipeline
    pipeline_setup
    module_build work
}

teardown() {
    pipeline_teardown
    server_teardown
}

# log_lines MESSAGE: how many lines have it.
log_lines() {
    grep -Fc "$1" "$SERVER_LOG" || :
}

# Kept requests

@test "a kept request is answered by a thread of the module's own, in its place" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start
        pipeline keep "$ADDRESS"
        pipeline keep-many --connections 5 --count 200 --places hnlip "$ADDRESS"
        server_ends_well
    done
}

@test "a module that is not for the pool may keep requests too" {
    module_build work -DFLAGS=0 -DROUTE=NULL
    work_start
    pipeline keep "$ADDRESS"
    pipeline keep-many --connections 5 --count 200 --places i "$ADDRESS"
    server_ends_well
}

@test "a kept request that is answered when its client has left does no harm" {
    work_start
    pipeline leave --server "$SERVER_PID" --count 3 "$ADDRESS"
    [ "$(log_lines 'gave -3')" -eq 6 ] # PF_E_CLOSED, of those that were reset
    server_ends_well
}

@test "a handler whose client has left is told so when it answers" {
    work_start --set threads=4
    pipeline leave-running --threads 3 "$ADDRESS"
    [ "$(log_lines 'reply to p1 gave -3')" -eq 3 ] # PF_E_CLOSED
    server_ends_well
}

@test "a drain waits for a handler whose client has left, and then for closed and exit" {
    work_start --set threads=2
    pipeline leave-one-running --sleep 2500000 "$ADDRESS"
    server_ends_well
    server_has_logged 'msg="work: exit"'
    ! server_has_logged 'handlers still run'
}

@test "a request that is still kept at the end is answered in vain, or dropped, by exit" {
    work_start --set drain_timeout=1s
    pipeline_start park --ask "i park" "$ADDRESS"
    server_stop
    assert_equal "$SERVER_STATUS" 0
    pipeline_wait
    server_has_logged 'kept reply to i1 gave -3'
    run grep -c 'never answered' "$SERVER_LOG"
    assert_output 0
}

@test "a kept request may be dropped, and those behind it are answered" {
    local flag
    for flag in -DFLAGS=PF_MODULE_THREADS "$CONCURRENT"; do
        module_build work "$flag"
        work_start
        pipeline keep-dropped "$ADDRESS"
        server_ends_well
    done
}

@test "a kept request of a handler that closes is answered before the end" {
    work_start
    pipeline keep-bye "$ADDRESS"
    server_ends_well
}

@test "a request that is never answered is found in the log in the end" {
    local connection place
    for place in i p; do
        work_start --set drain_timeout=2s
        connection=$(pipeline forget --ask "$place forget" "$ADDRESS")
        server_stop
        assert_equal "$SERVER_STATUS" 0
        server_has_logged "never answered.* service=main .*connection=$connection .*request=2"
    done
}

@test "each request that is never answered is in the log in the end, however many there are" {
    work_start --set drain_timeout=1s
    for _ in {1..12}; do
        pipeline forget --ask "i forget" "$ADDRESS"
    done
    server_stop
    [ "$(log_lines 'never answered')" -eq 12 ]
}

@test "a request that is never answered holds up no drain beyond drain_timeout" {
    work_start --set drain_timeout=1s
    pipeline_start forget --ask "p forget" --stay "$ADDRESS"
    server_stop
    assert_equal "$SERVER_STATUS" 0
    pipeline_wait
    server_has_logged 'msg=stopped closed=0 cut=1'
}

# Replies

@test "a second reply, and a keep behind a reply, are refused with PF_E_ANSWERED" {
    local place
    work_start
    for place in i p; do
        pipeline values --values "$place twice=first" --values "$place last=-1" \
            --values "$place answered=first" --values "$place last=-1" "$ADDRESS"
    done
    server_ends_well
}

@test "messages are numbered in their connection from 1" {
    work_start
    pipeline values --values "p number=1" --values "i number=2" --values "p number=3" "$ADDRESS"
}

@test "replies built in reserved memory are right, whatever their size" {
    work_start
    pipeline build --sizes 1,10,1000,4096,65536,200000 "$ADDRESS"
    server_ends_well
}

# Unasked messages

@test "a thread of a module sends without being asked, in order" {
    work_start
    pipeline push --count 300 "$ADDRESS"
    server_ends_well
}

@test "a module greets from its callback opened" {
    work_start --option greet=true
    pipeline greet "$ADDRESS"
    server_ends_well
}

@test "a handler sends to another connection, and to one that is gone in vain" {
    work_start
    pipeline send "$ADDRESS"
    pipeline send-self "$ADDRESS"
    server_ends_well
}

@test "send, close and set_idle_timeout know the connections of their own service only" {
    server_start_file <<END
workers = 1
services = {
    one = { listen = "127.0.0.1:0"  module = "$MODULE" }
    other = { listen = "127.0.0.2:0"  module = "$MODULE" }
}
END
    pipeline foreign "$(server_address one)" "$(server_address other)"
    server_ends_well
}

@test "a client that does not read what is sent unasked is closed at max_output" {
    work_start --set max_output=256K
    pipeline flood --count 1000 "$ADDRESS"
    wait_until server_has_logged 'msg="connection closed" reason=slow'
    server_ends_well
}

@test "a handler on the loop that sends without end is told that too much waits" {
    work_start --set max_output=256K
    pipeline flood-inline --count 100000 "$ADDRESS"
    server_ends_well
}

@test "unasked messages are lines where the framing is line" {
    work_start --set framing=line --option greet=true
    client raw --bytes 'p1 a\np2 b\n' --expect 'welcome\np1 a\np2 b\n' "$ADDRESS"
    client raw --bytes 'p1 a\r\n' --expect 'welcome\np1 a\r\n' "$ADDRESS"
}

# By id

@test "a module closes a connection by its id, behind the replies to what is under way" {
    work_start
    pipeline close "$ADDRESS"
    wait_until server_closed module
    server_ends_well
}

@test "a module has one connection wait longer, or for ever, than idle_timeout says" {
    work_start --set idle_timeout=500ms
    pipeline idle --ask "i idle 60000" --after "$ADDRESS"
    pipeline idle --ask "p idle 0" --after "$ADDRESS"
}

@test "a module has one connection wait shorter than idle_timeout says, and no longer so" {
    work_start
    pipeline idle --ask "p idle 300" "$ADDRESS"
    wait_until server_closed idle_timeout
    server_stop
    work_start --set idle_timeout=1500ms
    pipeline idle --ask "p idle 60000,i idle 500" "$ADDRESS"
}

# The log

@test "what a module logs carries service, connection and request" {
    local connection
    work_start
    connection=$(pipeline identified --ask "p log one two,i lognote three,p sleep 0" "$ADDRESS")
    server_has_logged "level=info .*msg=\"one two\" .*service=main connection=$connection request=2"
    server_has_logged "level=warn .*msg=three .*service=main connection=$connection\$"
    server_stop
    "$PYTHON" "$LIB/loglines.py" logfmt "$SERVER_LOG"
}

# Notices

@test "on TERM each client gets the module's good-bye, then the end" {
    work_start
    pipeline_start good-bye --connections 10 "$ADDRESS"
    kill -TERM "$SERVER_PID"
    pipeline_wait
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=10 cut=0'
}

@test "a client that has more than max_output to read at TERM gets all, then the good-bye" {
    work_start --set max_output=64K
    pipeline_start unread --size 8000000 --hold 1 --stay "$ADDRESS"
    kill -TERM "$SERVER_PID"
    pipeline_wait
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=1 cut=0'
}

@test "what a module sends to a connection before it closes it arrives" {
    work_start
    pipeline send-and-close --count 20 "$ADDRESS"
}

@test "a worker that waits for a handler at TERM does not spin, whatever the client sends" {
    local worker before
    work_start
    worker=$(worker_pid 1)
    pipeline_start ask-on --sleep 2500000 "$ADDRESS"
    kill -TERM "$SERVER_PID"
    wait_until server_has_logged 'msg=draining'
    wait_until process_drains "$worker"
    pipeline_say go
    wait_until grep -q sent "$PIPELINE_OUTPUT"
    before=$(cpu_ticks "$worker")
    sleep 1 # the spin would be seen by its time alone
    assert [ $(($(cpu_ticks "$worker") - before)) -lt 50 ]
    pipeline_wait
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

process_drains() {
    tr '\0' ' ' <"/proc/$1/cmdline" | grep -q draining
}

# Hundredths of a second of processor time.
cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

@test "a reply beyond max_output that comes after TERM is sent whole before the good-bye" {
    work_start --set max_output=64K
    pipeline_start unread-at-term --size 8000000 --sleep 1500000 --hold 3 "$ADDRESS"
    kill -TERM "$SERVER_PID"
    pipeline_wait
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'connection closed" reason=drain'
    server_has_logged 'msg=stopped closed=1 cut=0'
}

# What is refused

# is_refused TEXT [ARGUMENT...]: $MODULE, by -t and at start, with 78.
is_refused() {
    local check
    for check in -t ""; do
        run timeout 30 "$PREFORKD" $check --listen 127.0.0.1:0 --module "$MODULE" "${@:2}"
        assert_failure 78
        assert_output --partial "$1"
        refute_output --partial msg=ready
    done
}

@test "a module that routes but is not for threads is refused" {
    module_build work -DFLAGS=0
    is_refused route
}

@test "a module that is not for threads is refused where dispatch is pool" {
    module_build work -DFLAGS=0 -DROUTE=NULL
    is_refused dispatch --set dispatch=pool
}

@test "a module whose started fails is refused, with its reason, and its exit is called" {
    module_build work -DSTARTED_FAILS
    run timeout 30 "$PREFORKD" --listen 127.0.0.1:0 --module "$MODULE" --set workers=1
    assert_failure 78
    assert_output --partial "no thread today"
    assert_output --partial "work: exit"
}

@test "a module may start threads in started, also when the configuration is checked" {
    run timeout 30 "$PREFORKD" -t --listen 127.0.0.1:0 --module "$MODULE"
    assert_success
}
