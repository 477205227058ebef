# Modules for the bats files, compiled in the test, after lib/server.
# shellcheck shell=bash
# shellcheck disable=SC2154 # LIB, PREFORK_SOURCE: set by lib/server.bash

# module_build NAME [FLAG...]: compiles lib/modules/NAME.c against the header of the source tree.
# Sets MODULE to its path. A second one of the same name replaces the first by rename.
module_build() {
    module_compile "$1" "-I$PREFORK_SOURCE/include" "${@:2}"
}

# module_compile NAME [FLAG...]: the same with these flags alone.
module_compile() {
    MODULE=$BATS_TEST_TMPDIR/$1.so
    # shellcheck disable=SC2086 # flags, word by word
    ${PREFORK_CC:-cc} ${PREFORK_SANITIZERS:-} -Wall -Wextra -Werror -g -fPIC -shared \
        -o "$MODULE.new" "$LIB/modules/$1.c" "${@:2}"
    mv -f "$MODULE.new" "$MODULE"
}

# Lets the user that workers run as reach files in $BATS_TEST_TMPDIR.
open_tmpdir() {
    chmod a+x "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
}

# A crash on purpose is to be a crash, whatever sanitizers make of it.
let_crash() {
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_abort=0
    export TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}handle_segv=0:handle_abort=0
}

# install_tree FOLDER: `make install` into it. One at a time, for installing relinks the modules.
install_tree() {
    tree_make install "$1"
}

# tree_make TARGET FOLDER
tree_make() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
        flock "$PREFORK_BUILD" make -s -C "$PREFORK_BUILD" "$1" DESTDIR="$2" >"$2.log" 2>&1 3>&- || {
        cat "$2.log"
        return 1
    }
}
