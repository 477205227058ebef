#!/usr/bin/env bats
# preforkcat: a client for framed protocols.
# shellcheck disable=SC2154 # address, lines: set by lib/peer.bash

load lib/peer.bash

teardown() {
    peer_stop_all
}

# What is sent and what is printed

@test "each message is a frame and each reply is printed on a line of its own" {
    peer_start echo
    cat_run "$address" hello "two words"
    expect_status 0
    expect_same "$output" $'hello\ntwo words'
    expect_same "$errors" ""
}

@test "a message goes out as its length in four bytes, big-endian, and its bytes" {
    peer_start record --record "$BATS_TEST_TMPDIR/got"
    cat_run --no-reply "$address" hi x
    expect_status 0
    expect_hex "$BATS_TEST_TMPDIR/got" 0000000268690000000178
}

@test "an empty message is sent as an empty frame" {
    peer_start record --record "$BATS_TEST_TMPDIR/got"
    cat_run --no-reply "$address" "" a
    expect_status 0
    expect_hex "$BATS_TEST_TMPDIR/got" 000000000000000161
}

@test "lengths of 1, 2, 4 and 8 bytes in both orders are sent and understood" {
    local bytes order

    for bytes in 1 2 4 8; do
        for order in big little; do
            peer_start echo --length-bytes $bytes --byte-order $order
            cat_run --length-bytes $bytes --byte-order $order "$address" one two
            expect_status 0
            expect_same "$output" $'one\ntwo'
        done
    done
}

@test "a unix socket can be talked to" {
    peer_start echo --unix "$BATS_TEST_TMPDIR/s"
    cat_run "$address" hello
    expect_status 0
    expect_same "$output" hello
}

@test "an IPv6 address can be talked to" {
    /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' ||
        skip "no IPv6 here"
    peer_start echo --ipv6
    cat_run "$address" hello
    expect_status 0
    expect_same "$output" hello
}

@test "each line of standard input is a frame, the last one with or without its newline" {
    peer_start echo
    printf 'one\ntwo' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" "$address"
    expect_status 0
    expect_same "$output" $'one\ntwo'
    printf 'one\ntwo\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" "$address"
    expect_status 0
    expect_same "$output" $'one\ntwo'
}

@test "an empty line is an empty frame" {
    peer_start record --record "$BATS_TEST_TMPDIR/got"
    printf '\na\n\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" --no-reply "$address"
    expect_status 0
    expect_hex "$BATS_TEST_TMPDIR/got" 00000000000000016100000000
}

@test "standard input without a line sends nothing and succeeds" {
    peer_start echo
    cat_run "$address"
    expect_status 0
    expect_same "$output" ""
}

@test "a line is sent at once and its reply shown at once while standard input stays open" {
    local reply

    peer_start echo
    coproc CAT { exec "$PREFORKCAT" "$address" 3>&-; }
    local pid=$CAT_PID to=${CAT[1]} from=${CAT[0]}

    for line in first second third; do
        echo $line >&"$to"
        read -r -t 10 reply <&"$from"
        expect_same "$reply" $line
    done
    eval "exec $to>&-"
    wait "$pid"
}

@test "a file is one frame, whatever is in it, and files go before messages" {
    peer_start echo
    printf 'a\nb\0c' >"$BATS_TEST_TMPDIR/one"
    printf 'second' >"$BATS_TEST_TMPDIR/two"
    cat_run -f "$BATS_TEST_TMPDIR/one" --file "$BATS_TEST_TMPDIR/two" "$address" third
    expect_status 0
    expect_same "$output" $'a\nb?c\nsecond\nthird'
}

@test "--count sends the messages so many times over, in their order" {
    peer_start echo
    cat_run --count 3 "$address" a b
    expect_status 0
    expect_same "$output" $'a\nb\na\nb\na\nb'
}

@test "--count sends each line of standard input so many times" {
    peer_start echo
    printf 'a\nb\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" --count 2 "$address"
    expect_status 0
    expect_same "$output" $'a\na\nb\nb'
}

@test "--hex prints offset, bytes and ASCII" {
    peer_start reply --payload 00010241424344454647487f80ff20217e7a
    cat_run --hex "$address" x
    expect_status 0
    expect_same "${#lines[@]}" 2
    expect_same "${lines[0]}" \
        "00000000  00 01 02 41 42 43 44 45  46 47 48 7f 80 ff 20 21  |...ABCDEFGH... !|"
    expect_same "${lines[1]}" \
        "00000010  7e 7a                                             |~z|"
}

@test "--raw prints the bytes as they are and adds nothing" {
    peer_start reply --payload 00ff0a
    cat_run --raw "$address" x y
    expect_status 0
    expect_hex "$BATS_TEST_TMPDIR/out" 00ff0a00ff0a
}

@test "--quiet prints no reply but still waits for each" {
    peer_start silent-after --count 1
    cat_run --quiet "$address" x
    expect_status 0
    expect_same "$output" ""
    cat_run --quiet --timeout 100ms "$address" x y
    expect_status 75
}

@test "--verbose says on standard error what happens" {
    peer_start echo
    cat_run --verbose --half-close "$address" hello
    expect_status 0
    expect_same "$output" hello
    expect_same "$errors" "preforkcat: connected to $address
preforkcat: sent 9 bytes
preforkcat: closed the sending side
preforkcat: reply 1: 5 bytes
preforkcat: done: 1 messages, 1 replies"
}

@test "a reply beyond one a message is not printed" {
    peer_start chatty
    cat_run "$address" x
    expect_status 0
    expect_same "$output" x
}

@test "--half-close shuts down the sending side and still gets the replies" {
    peer_start collect
    cat_run --half-close "$address" one two
    expect_status 0
    expect_same "$output" $'one\ntwo'
}

@test "without --half-close the sending side stays open" {
    peer_start collect
    cat_run --timeout 200ms "$address" one
    expect_status 75
}

@test "--no-reply delivers everything to a server that replies nevertheless" {
    peer_start echo
    cat_run --no-reply --count 20000 "$address" 0123456789012345678901234567890123456789
    expect_status 0
    expect_same "$output" ""
    expect_same "$errors" ""
}

@test "replies that come byte by byte are put together" {
    peer_start slow
    cat_run --timeout 5s "$address" abc def
    expect_status 0
    expect_same "$output" $'abc\ndef'
}

# Large amounts

@test "a pipelined stream larger than all socket buffers comes to no deadlock" {
    peer_start echo
    head -c 100000 /dev/zero >"$BATS_TEST_TMPDIR/big"
    cat_run --raw --count 300 -f "$BATS_TEST_TMPDIR/big" "$address"
    expect_status 0
    expect_same "$(stat -c %s "$BATS_TEST_TMPDIR/out")" 30000000
}

@test "a message of many megabytes comes back unchanged" {
    peer_start mirror
    head -c 12345678 /dev/urandom >"$BATS_TEST_TMPDIR/big"
    cat_run --raw -f "$BATS_TEST_TMPDIR/big" "$address"
    expect_status 0
    cmp "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/out"
}

@test "a long line of standard input comes back unchanged" {
    peer_start mirror
    head -c 3000000 /dev/zero | tr '\0' 'x' >"$BATS_TEST_TMPDIR/in"
    echo >>"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" "$address"
    expect_status 0
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "a million messages take no more memory than one" {
    peer_start mirror
    local one many

    one=$(largest_size "$address" hello)
    many=$(largest_size --count 1000000 "$address" hello)
    echo "one message: $one KB, a million: $many KB"
    ((many < one + 2048))
}

@test "a server that does not read makes no memory grow" {
    peer_start deaf
    local one many

    one=$(largest_size --timeout 100ms "$address" hello)
    many=$(largest_size --timeout 300ms --count 1000000000 "$address" hello)
    echo "one message: $one KB, a thousand million: $many KB"
    ((many < one + 2048))
}

# What the server did

@test "a refused connection ends with 69 and says so" {
    peer_start refuse
    cat_run "$address" x
    expect_status 69
    expect_errors "cannot connect to $address: Connection refused"
}

@test "a unix socket that is not there ends with 69 and says so" {
    cat_run "unix:$BATS_TEST_TMPDIR/none" x
    expect_status 69
    expect_errors "cannot connect to unix:$BATS_TEST_TMPDIR/none: No such file or directory"
}

@test "a name that cannot be looked up ends with 69" {
    cat_run no-such-host.invalid:9000 x
    expect_status 69
    [[ $errors == 'preforkcat: cannot look up "no-such-host.invalid": '* ]]
}

@test "a server that does not accept ends with 69 after --connect-timeout" {
    peer_start full
    cat_run --connect-timeout 200ms "$address" x
    expect_status 69
    expect_errors "cannot connect to $address: timed out after 0.2s"
}

@test "a unix socket that does not accept ends with 69 after --connect-timeout" {
    peer_start full --unix "$BATS_TEST_TMPDIR/s"
    cat_run --connect-timeout 200ms "$address" x
    expect_status 69
    expect_errors "cannot connect to $address: timed out after 0.2s"
}

@test "a server that closes early ends with 1 and says how many replies came" {
    peer_start close-after --count 3
    cat_run "$address" a b c d e
    expect_status 1
    expect_same "$output" $'a\nb\nc'
    expect_errors "the server closed the connection after 3 of 5 replies"
}

@test "a server that closes in the middle of a reply ends with 1 and says so" {
    peer_start cut-after --count 1
    cat_run "$address" a b
    expect_status 1
    expect_same "$output" a
    expect_errors "the server closed the connection in the middle of a reply after 1 of 2 replies"
}

@test "a server that resets the connection ends with 1 and says so" {
    peer_start reset-after
    cat_run "$address" a
    expect_status 1
    expect_errors "the server reset the connection after 0 of 1 reply"
}

@test "replies that came before a reset are printed" {
    peer_start reset-after --count 1
    printf a >"$BATS_TEST_TMPDIR/small"
    head -c 10000000 /dev/zero >"$BATS_TEST_TMPDIR/big"
    cat_run -f "$BATS_TEST_TMPDIR/small" -f "$BATS_TEST_TMPDIR/big" "$address"
    expect_status 1
    expect_same "$output" a
    expect_errors "the server reset the connection after 1 of 2 replies"
}

@test "a server that resets at once ends with 1, whether or not the connection is seen before" {
    peer_start reset-at-once
    for _ in {1..20}; do
        cat_run "$address" a
        expect_status 1
        [[ $errors == "preforkcat: the server reset the connection "* ]]
    done
}

@test "a server that closes while standard input is open ends with 1" {
    peer_start close-after --count 1
    mkfifo "$BATS_TEST_TMPDIR/in"
    exec 9<>"$BATS_TEST_TMPDIR/in"
    echo a >&9
    cat_run_with "$BATS_TEST_TMPDIR/in" "$address"
    exec 9>&-
    expect_status 1
    expect_same "$output" a
    expect_errors \
        "the server closed the connection after 1 of 1 reply, and standard input had not ended"
}

@test "a server that closes behind the last reply is no failure" {
    peer_start close-at-once-after --count 2
    printf 'a\nb\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" "$address"
    expect_status 0
    expect_same "$output" $'a\nb'
}

@test "a silent server ends with 75 after --timeout and says how many replies came" {
    peer_start silent-after --count 2
    cat_run --timeout 200ms "$address" a b c d e
    expect_status 75
    expect_same "$output" $'a\nb'
    expect_errors "timed out after 0.2s with 2 of 5 replies"
}

@test "a server that does not read ends with 75 and is said not to read" {
    peer_start deaf
    cat_run --timeout 200ms --count 10000000 "$address" hello
    expect_status 75
    expect_errors "timed out after 0.2s with 0 of 10000000 replies: the server does not read"
}

@test "waiting for standard input is no timeout" {
    local reply

    peer_start echo
    coproc CAT { exec "$PREFORKCAT" --timeout 50ms --verbose "$address" 2>&1 3>&-; }
    local pid=$CAT_PID to=${CAT[1]} from=${CAT[0]}

    read -r -t 10 reply <&"$from"
    expect_same "$reply" "preforkcat: connected to $address"
    # Ten timeouts pass here; nothing can be waited for, since nothing is to happen.
    if read -r -t 0.5 reply <&"$from"; then
        echo "it said: $reply"
        false
    fi
    eval "exec $to>&-"
    wait "$pid"
}

@test "a server that speaks another protocol ends with 76 and says what came" {
    peer_start junk-after --count 1
    cat_run "$address" a b
    expect_status 76
    expect_same "$output" a
    expect_errors "the server sent no frame (its length would be 1213486160, over --max-size\
 16777216) after 1 of 2 replies"
}

@test "a reply over --max-size ends with 76, one of that size does not" {
    peer_start echo
    cat_run --max-size 5 "$address" 12345
    expect_status 0
    cat_run --max-size 5 "$address" 123456
    expect_status 76
}

# What is wrong on this side

@test "a reader of standard output that is gone ends with 74" {
    peer_start echo
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    # shellcheck disable=SC2094 # a writer that opens while there is a reader, which then goes
    exec 9<>"$BATS_TEST_TMPDIR/pipe" 8>"$BATS_TEST_TMPDIR/pipe" 9>&-
    status=0
    errors=$("$PREFORKCAT" "$address" x 2>&1 >&8) || status=$?
    exec 8>&-
    expect_status 74
    expect_errors "cannot write standard output: Broken pipe"
}

@test "a full disk under standard output ends with 74" {
    peer_start echo
    status=0
    errors=$("$PREFORKCAT" "$address" x 2>&1 >/dev/full) || status=$?
    expect_status 74
    expect_errors "cannot write standard output: No space left on device"
}

@test "a closed standard output ends with 74, and with --quiet does not matter" {
    peer_start echo
    status=0
    errors=$("$PREFORKCAT" "$address" x 2>&1 >&-) || status=$?
    expect_status 74
    expect_errors "cannot write standard output: Bad file descriptor"
    "$PREFORKCAT" --quiet "$address" x >&-
}

@test "a closed standard input ends with 74, and with a message does not matter" {
    peer_start echo
    status=0
    errors=$("$PREFORKCAT" "$address" 2>&1 <&-) || status=$?
    expect_status 74
    expect_errors "cannot read standard input: Bad file descriptor"
    expect_same "$("$PREFORKCAT" "$address" x <&-)" x
}

@test "a file that is not there ends with 74 before anything is sent" {
    peer_start refuse
    cat_run -f "$BATS_TEST_TMPDIR/none" "$address"
    expect_status 74
    expect_errors "cannot open \"$BATS_TEST_TMPDIR/none\": No such file or directory"
}

@test "a line over --max-size ends with 74, one of that size does not" {
    peer_start echo
    printf '12345\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" --max-size 5 "$address"
    expect_status 0
    printf '123456\n' >"$BATS_TEST_TMPDIR/in"
    cat_run_with "$BATS_TEST_TMPDIR/in" --max-size 5 "$address"
    expect_status 74
    expect_errors "a line of standard input is longer than 5 bytes"
}

@test "input without end of line stops at --max-size" {
    peer_start echo
    cat_run_with /dev/zero --max-size 1M "$address"
    expect_status 74
    expect_errors "a line of standard input is longer than 1048576 bytes"
}

@test "a message that its length field cannot carry is refused before anything is sent" {
    peer_start refuse
    cat_run --length-bytes 1 "$address" "$(printf '%0256d' 0)"
    expect_status 64
    expect_errors "a message has 256 bytes, too many for a length of 1 byte"
    cat_run --length-bytes 1 "$address" "$(printf '%0255d' 0)"
    expect_status 69
}

# mistake TEXT [ARGUMENT ...]: fails unless that command line is refused with TEXT.
mistake() {
    cat_run "${@:2}"
    expect_status 64
    expect_errors "$1"$'\n'"Try 'preforkcat --help'."
}

@test "each mistake on the command line ends with 64 and names what would be right" {
    local duration="expected a duration such as 500ms, 10s or 5m"

    mistake "an ADDRESS is missing"
    mistake '"localhost" is no address: expected "ADDRESS:PORT", "[IPV6-ADDRESS]:PORT" or "unix:/PATH"' localhost
    mistake '--length-bytes "3": expected 1, 2, 4, 8 or varint' --length-bytes 3 a:1
    mistake '--byte-order "middle": expected big or little' --byte-order middle a:1
    mistake '--max-size "1X": expected a size such as 64K or 16M' --max-size 1X a:1
    mistake '--max-size "0": expected a size such as 64K or 16M' --max-size 0 a:1
    mistake '--count "0": expected a number from 1' --count 0 a:1
    mistake '--count "1K": expected a number from 1' --count 1K a:1
    mistake "--timeout \"10\": $duration" --timeout 10 a:1
    mistake "--timeout \"-1s\": $duration" --timeout -1s a:1
    mistake "--connect-timeout \"s\": $duration" --connect-timeout s a:1
    cat_run --no-such-option a:1
    expect_status 64
}

@test "--help and --version print on standard output and succeed" {
    cat_run --help
    expect_status 0
    [[ $output == "usage: preforkcat "* ]]
    cat_run --version
    expect_status 0
    [[ $output =~ ^preforkcat\ [0-9] ]]
}
