# The module examples/session.c for the bats files, after lib/server and lib/modules.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # ADDRESS, PREFORK_SOURCE, PREFORKCAT, PATIENCE: of lib/server.bash

# Sets MODULE.
session_build() {
    MODULE=$BATS_TEST_TMPDIR/session.so
    # shellcheck disable=SC2086 # flags, word by word
    ${PREFORK_CC:-cc} ${PREFORK_SANITIZERS:-} -Wall -Wextra -Werror -g -fPIC -shared \
        "-I$PREFORK_SOURCE/include" -o "$MODULE" "$PREFORK_SOURCE/examples/session.c"
    open_tmpdir
}

# A client, as the coprocess CAT.
session_open() {
    coproc CAT { "$PREFORKCAT" "$ADDRESS" 2>&1; }
}

# says MESSAGE REPLY: that is what the server answers it.
says() {
    echo "$1" >&"${CAT[1]}"
    read -rt "$PATIENCE" REPLY <&"${CAT[0]}"
    [ "$REPLY" = "$2" ] && return
    echo "$1: answered with \"$REPLY\", expected \"$2\""
    return 1
}
