#!/usr/bin/env bats
# Each framing of preforkd.conf(5): between the server, its clients and preforkcat.
# In what is sent and expected, H stands for bytes before the length.

setup() {
    load lib/server
    load lib/client
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
}

teardown() {
    server_teardown
}

# Settings of the server; those of client.py and preforkcat have the same names and values.
FRAMINGS=(
    "length_bytes=1"
    "length_bytes=1 length_offset=1"
    "length_bytes=2"
    "length_bytes=2 byte_order=little"
    "length_bytes=4"
    "length_bytes=4 byte_order=little length_offset=7"
    "length_bytes=8"
    "length_bytes=8 byte_order=little length_adjust=-8"
    "length_bytes=varint"
    "length_bytes=varint length_offset=2 length_adjust=-2"
    "length_bytes=varint length_adjust=3"
    "length_bytes=2 length_adjust=-2"
    "length_bytes=4 length_adjust=2"
    "length_bytes=2 length_offset=1 length_adjust=1"
    "length_bytes=2 length_offset=1 length_adjust=-3"
    "framing=line"
)

# framing_start "SETTINGS" [ARGUMENT...]: one worker, which says why each connection ends.
# Sets FRAMING to the options of clients.
framing_start() {
    local setting settings=()
    FRAMING=()
    for setting in $1; do
        settings+=(--set "$setting")
        FRAMING+=("--$(tr _ - <<<"${setting%%=*}")" "${setting#*=}")
    done
    echo_start --set workers=1 --set log.level=debug "${settings[@]}" "${@:2}"
}

# in_each_framing COMMAND ARGUMENT...: `client COMMAND ...` against a server of each framing.
in_each_framing() {
    local settings
    for settings in "${FRAMINGS[@]}"; do
        framing_start "$settings"
        echo "$settings"
        client "$1" "${FRAMING[@]}" "${@:2}" "$ADDRESS"
        server_stop
    done
}

# raw BYTES REPLIES [OPTION...]: sends the bytes and shuts its side down: exactly these come back.
raw() {
    client raw --bytes "$1" --expect "$2" "${@:3}" "$ADDRESS"
}

# Where the bytes are cut

@test "C1: in each framing a stream cut in two at every point gets the same replies" {
    in_each_framing splits
}

@test "C1: in each framing a stream in 1-byte segments gets the same replies" {
    in_each_framing stream --piece 1
}

@test "C1: in each framing pieces that fit neither frames nor buffers get the same replies" {
    in_each_framing stream --piece 4093 --times 100
    in_each_framing stream --piece 70001 --times 300
}

@test "C1: varints and lines that the server reads byte by byte get the same replies" {
    local settings
    for settings in "length_bytes=varint length_offset=2" framing=line; do
        framing_start "$settings" --listen "unix:$BATS_TEST_TMPDIR/s"
        client stream "${FRAMING[@]}" --piece 1 --one-by-one "unix:$BATS_TEST_TMPDIR/s"
        server_stop
    done
}

@test "large messages of each framing that can carry them come back unchanged" {
    local settings
    for settings in "length_bytes=varint" "length_bytes=4 length_offset=1024" \
        "length_bytes=8 length_offset=3 length_adjust=-11" framing=line; do
        framing_start "$settings"
        client large "${FRAMING[@]}" --clients 2 --sizes 64K,1M,65535,1,300001,64K "$ADDRESS"
        server_stop
    done
}

@test "large messages come back unchanged while max_output stops the reading all the time" {
    local settings
    for settings in "length_bytes=varint length_offset=9" framing=line; do
        framing_start "$settings" --set max_output=1K
        client large "${FRAMING[@]}" --clients 2 --sizes 64K,1M,65535,1,300001 "$ADDRESS"
        client half-close "${FRAMING[@]}" --frames 500 --size 1000 "$ADDRESS"
        server_stop
    done
}

# Netty

# netty "SETTINGS" FRAME MESSAGE: FRAME comes back, and preforkcat sends MESSAGE, bytes in both
# with escapes, as that frame.
netty() {
    framing_start "$1"
    raw "$2" "$2"
    printf '%b' "$3" >"$BATS_TEST_TMPDIR/message"
    "$PREFORKCAT" "${FRAMING[@]}" --raw -f "$BATS_TEST_TMPDIR/message" "$ADDRESS" |
        cmp - "$BATS_TEST_TMPDIR/message"
    server_stop
}

@test "the cases of Netty's documentation are frames with the settings of the manual" {
    netty "length_bytes=2" '\x00\x0cHELLO, WORLD' 'HELLO, WORLD'
    netty "length_bytes=2 length_adjust=-2" '\x00\x0eHELLO, WORLD' 'HELLO, WORLD'
    netty "length_bytes=4 length_offset=2" '\xca\xfe\x00\x00\x00\x0cHELLO, WORLD' \
        '\xca\xfeHELLO, WORLD'
    netty "length_bytes=4 length_adjust=2" '\x00\x00\x00\x0c\xca\xfeHELLO, WORLD' \
        '\xca\xfeHELLO, WORLD'
    netty "length_bytes=2 length_offset=1 length_adjust=1" '\xca\x00\x0c\xfeHELLO, WORLD' \
        '\xca\xfeHELLO, WORLD'
    netty "length_bytes=2 length_offset=1 length_adjust=-3" '\xca\x00\x10\xfeHELLO, WORLD' \
        '\xca\xfeHELLO, WORLD'
}

# Bytes before the length

@test "the length of a reply goes behind its first bytes, whatever parts it is made of" {
    module_build commands
    open_tmpdir
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 \
        --set length_bytes=1 --set length_offset=5
    ADDRESS=$(server_address)
    raw 'parts\x00'  ''
    raw 'parts\x01!' 'one t\x02wo'
}

@test "a reply shorter than the bytes before the length cannot be sent" {
    module_build commands
    open_tmpdir
    server_start --listen 127.0.0.1:0 --module "$MODULE" --set workers=1 --set log.level=debug \
        --set length_bytes=1 --set length_offset=8
    ADDRESS=$(server_address)
    raw 'parts!!!\x01!' '' --stay
    wait_until server_closed module
}

# What is no frame

# refused "SETTINGS" BYTES REASON ANNOUNCED: a frame that ends the connection in order, with the
# reason in the log.
refused() {
    framing_start "$1" --set max_message_size=100
    raw "$2" '' --stay
    wait_until server_closed protocol
    server_has_logged "msg=\"protocol error\" reason=\"$3\" announced=$4 "
    server_stop
}

@test "C2: an over-long varint and one of more than 64 bits end the connection in order" {
    local nines='\xff\xff\xff\xff\xff\xff\xff\xff\xff'
    refused length_bytes=varint '\x81\x00x' "over-long varint" 1
    refused length_bytes=varint '\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00' "over-long varint" 0
    refused length_bytes=varint "$nines"'\x02' "varint of more than 64 bits" 18446744073709551615
    refused length_bytes=varint "$nines"'\x81' "varint of more than 64 bits" 18446744073709551615
    refused length_bytes=varint "$nines"'\x01' "frame longer than max_message_size" \
        18446744073709551615
    refused length_bytes=varint '\x65' "frame longer than max_message_size" 101
}

@test "C2: limits count what follows the length, as it is adjusted" {
    refused "length_bytes=2 length_adjust=-2" '\x00\x01' "length less than length_adjust takes off" 1
    refused "length_bytes=2 length_adjust=-2" '\x00\x02' "empty frame" 2
    refused "length_bytes=2 length_adjust=-2" '\x00\x67' "frame longer than max_message_size" 103
    refused "length_bytes=2 length_offset=9" 'HHHHHHHHH\x00\x00' "empty frame" 0
    refused "length_bytes=2 length_offset=9" 'HHHHHHHHH\x00\x65' \
        "frame longer than max_message_size" 101
    framing_start "length_bytes=2 length_offset=9 length_adjust=-2" --set max_message_size=100
    client ask "${FRAMING[@]}" --size 100 "$ADDRESS"
}

@test "an empty frame is a message with allow_empty, and an error without" {
    local settings
    refused length_bytes=varint '\x00' "empty frame" 0
    refused framing=line '\n' "empty frame" 0
    refused framing=line '\r\n' "empty frame" 0
    framing_start length_bytes=varint --set allow_empty=true
    raw '\x00\x00\x01x\x00' '\x00\x00\x01x\x00'
    server_stop
    framing_start "length_bytes=1 length_offset=3 length_adjust=-4" --set allow_empty=true
    raw 'HHH\x04JJJ\x05jKKK\x04' 'HHH\x04JJJ\x05jKKK\x04'
    server_stop
    framing_start framing=line --set allow_empty=true
    raw '\n\r\nx\n\n' '\n\r\nx\n\n'
}

# Lines

@test "a reply ends as its line did" {
    framing_start framing=line
    raw 'one\ntwo\r\nthree\nfour\r\n' 'one\ntwo\r\nthree\nfour\r\n'
    client splits --framing line --end crlf "$ADDRESS"
    client splits --framing line --end mixed "$ADDRESS"
    client stream --framing line --end mixed --piece 1 "$ADDRESS"
    wait_until server_closed client
}

@test "a carriage return that no line feed follows is data" {
    framing_start framing=line
    raw 'a\rb\r\r\nc\r\rd\n' 'a\rb\r\r\nc\r\rd\n'
    raw 'a\rb\r\r\nc\r\rd\n' 'a\rb\r\r\nc\r\rd\n' --piece 1
}

@test "C4: when the client shuts its side, a last line without end is a message" {
    framing_start framing=line
    raw 'last' 'last\n'
    raw 'one\r\nlast' 'one\r\nlast\r\n'
    raw 'one\nlast\r' 'one\nlast\r\n'
    raw 'one\r\nlast' 'one\r\nlast\r\n' --piece 1
    wait_until server_closed client
    raw '' ''
    run server_closed truncated
    assert_failure
}

@test "C4: when the client shuts its side, what is left of a frame is none" {
    framing_start length_bytes=1
    raw '\x01x\x05last' '\x01x'
    wait_until server_closed truncated
}

@test "C2: a line over max_message_size ends the connection in order, however it comes" {
    local reason="frame longer than max_message_size" line
    line=$(printf '%0101d' 0)
    refused framing=line "$line"'\n' "$reason" 101
    refused framing=line "$line"'\r\n' "$reason" 101
    refused framing=line "$line" "$reason" 101
    refused framing=line "${line}000" "$reason" 101
    framing_start framing=line --set max_message_size=100
    raw "${line:1}"'\r\n' "${line:1}"'\r\n' --piece 1
    raw "ok\r\n$line"'\n' 'ok\r\n' --piece 1
    raw "ok\n${line:1}"'\r' 'ok\n'
}

@test "short lines in large pieces get their replies though max_message_size is small" {
    framing_start framing=line --set max_message_size=300
    client stream --framing line --piece 4093 --times 300 "$ADDRESS"
    client stream --framing line --piece 70001 --times 1000 "$ADDRESS"
    client stream --framing line --piece 0 --times 1000 "$ADDRESS"
}

@test "a line that has begun when the server is told to stop is still answered" {
    local connection line
    framing_start framing=line
    exec {connection}<>"/dev/tcp/${ADDRESS%:*}/${ADDRESS##*:}"
    printf 'one\r\nbeg' >&"$connection"
    read -rt "$PATIENCE" line <&"$connection"
    assert_equal "$line" $'one\r'
    kill -s TERM "$SERVER_PID"
    wait_until server_has_logged 'drain'
    printf 'un\n' >&"$connection"
    read -rt "$PATIENCE" line <&"$connection"
    assert_equal "$line" begun
    run read -rt "$PATIENCE" line <&"$connection"
    assert_failure
    exec {connection}>&-
    server_wait
    assert_equal "$SERVER_STATUS" 0
}

# preforkcat

@test "preforkcat and the server speak each framing" {
    local settings first second
    first=first-$(printf '%0100d' 0) second="the second"
    for settings in "${FRAMINGS[@]}"; do
        framing_start "$settings"
        run "$PREFORKCAT" "${FRAMING[@]}" "$ADDRESS" "$first" "$second"
        assert_success
        assert_output "$first"$'\n'"$second"
        run "$PREFORKCAT" "${FRAMING[@]}" --half-close --count 3000 -q "$ADDRESS" "$first" "$second"
        assert_success
        server_stop
    done
}

@test "preforkcat sends and takes large messages with bytes before the length, and lines" {
    local settings
    tr -dc a-z </dev/urandom | head -c 900000 >"$BATS_TEST_TMPDIR/large"
    for settings in "length_bytes=8 length_offset=1024" framing=line; do
        framing_start "$settings"
        "$PREFORKCAT" "${FRAMING[@]}" --raw -f "$BATS_TEST_TMPDIR/large" "$ADDRESS" |
            cmp - "$BATS_TEST_TMPDIR/large"
        server_stop
    done
}

@test "preforkcat ends lines with CR LF if it is told to" {
    framing_start framing=line
    run "$PREFORKCAT" -v --framing line --crlf "$ADDRESS" hi
    assert_success
    assert_line "preforkcat: sent 4 bytes"
    assert_line hi
}

@test "preforkcat takes empty replies if it is told to" {
    local settings
    for settings in length_bytes=varint framing=line; do
        framing_start "$settings" --set allow_empty=true
        run "$PREFORKCAT" "${FRAMING[@]}" --allow-empty "$ADDRESS" a "" b
        assert_success
        assert_output $'a\n\nb'
        run "$PREFORKCAT" "${FRAMING[@]}" "$ADDRESS" a "" b
        assert_failure 76
        assert_line "preforkcat: the server sent no frame (empty frame) after 1 of 3 replies"
        server_stop
    done
}

# no_message STATUS ERROR ARGUMENT...: preforkcat refuses before it connects.
no_message() {
    run "$PREFORKCAT" "${@:3}"
    assert_failure "$1"
    assert_line --index 0 "preforkcat: $2"
}

@test "preforkcat refuses what its framing cannot carry" {
    no_message 64 "a message has 1 byte, too few for --length-offset 2" --length-offset 2 a:1 x
    no_message 64 "a message has 3 bytes, too few for --length-adjust 2" \
        --length-offset 2 --length-adjust 2 a:1 HHx
    no_message 64 "a message has 254 bytes, too many for a length of 1 byte" \
        --length-bytes 1 --length-adjust -2 a:1 "$(printf '%0254d' 0)"
    no_message 64 "a message holds a newline, which would end its line" \
        --framing line a:1 $'two\nlines'
}

@test "preforkcat refuses options that its framing makes no use of" {
    local unused="a line has no length: --length-bytes, --length-offset, --length-adjust and"
    unused+=" --byte-order have no meaning with it"
    no_message 64 '--framing "lines": expected length or line' --framing lines a:1
    no_message 64 "--crlf has a meaning with --framing line alone" --crlf a:1
    no_message 64 "$unused" --framing line --length-bytes 2 a:1
    no_message 64 "$unused" --framing line --length-offset 1 a:1
    no_message 64 '--length-offset "1025": expected a number from 0 to 1024' \
        --length-offset 1025 a:1
    no_message 64 '--length-adjust "x": expected a number from -1034 to 1073741824' \
        --length-adjust x a:1
}

# Each block ends one byte into the next line, so that there is no read after which nothing has begun.
@test "D1: a client that sends lines without end does not hold up a drain" {
    lines_end_with_drain
}

@test "D1: nor if its lines are handled in the pool, and fill the pipeline" {
    lines_end_with_drain --option sleep_us=50 --set max_pipeline=1
}

# lines_end_with_drain ARGUMENT...: such a client of this server sees the end soon after TERM.
lines_end_with_drain() {
    echo_start --set framing=line --set workers=1 --set drain_timeout=600s "$@"
    "$PYTHON" - "$ADDRESS" "$BATS_TEST_TMPDIR/begun" 3>&- <<'END' &
import pathlib, socket, sys
host, port = sys.argv[1].rsplit(":", 1)
begun = pathlib.Path(sys.argv[2])
line = b"x" * 996 + b"\n"
block = line[1:] + line * 2 + line[:1]
client = socket.create_connection((host, int(port)))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
client.settimeout(60)
got = 0
try:
    client.sendall(line[:1])
    while True:
        client.sendall(block)
        data = client.recv(65536)
        if not data:
            break
        got += len(data)
        begun.touch()
except BrokenPipeError:
    pass
sys.exit(got % len(line) != 0)
END
    local client=$!
    wait_until test -e "$BATS_TEST_TMPDIR/begun"
    kill -TERM "$SERVER_PID"
    server_wait
    assert_equal "$SERVER_STATUS" 0
    server_has_logged 'msg=stopped closed=1 cut=0'
    wait "$client"
}
