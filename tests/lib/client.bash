# Helpers of the bats files about the path of a message: the client in client.py, and servers with
# more than one service. Loaded behind lib/server.

# client SUBCOMMAND ARGUMENT...: see client.py --help.
client() {
    "$PYTHON" "$LIB/client.py" "$@"
}

# server_start_file: a server with the configuration on standard input.
server_start_file() {
    cat >"$BATS_TEST_TMPDIR/preforkd.conf"
    server_start -c "$BATS_TEST_TMPDIR/preforkd.conf"
}

# server_addresses SERVICE: all addresses where it listens, one a line.
server_addresses() {
    sed -n "s/.*msg=listening service=$1 address=//p" "$SERVER_LOG"
}

# server_closed REASON: whether a connection has ended for that reason (log.level=debug).
server_closed() {
    server_has_logged "msg=\"connection closed\" reason=$1 "
}
