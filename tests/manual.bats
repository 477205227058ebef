#!/usr/bin/env bats
# prefork-module(3) is true: its modules compile, what it shows is what comes out when it is typed,
# and it leaves out nothing that the header has.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    PAGE=$PREFORK_SOURCE/man/prefork-module.3
    HEADER=$PREFORK_SOURCE/include/prefork/module.h
    cd "$BATS_TEST_TMPDIR"
}

teardown() {
    server_teardown
}

# What is typed finds these in place of the installed ones.

cc() {
    # shellcheck disable=SC2086 # flags, word by word
    command ${PREFORK_CC:-cc} ${PREFORK_SANITIZERS:-} -Wall -Wextra -Werror "$@"
}

pkg-config() {
    assert_equal "$*" "--cflags preforkd"
    echo "-I$PREFORK_SOURCE/include"
}

preforkd() {
    "$PREFORKD" "$@"
}

preforkcat() {
    "$PREFORKCAT" "$@"
}

# literal NUMBER: that literal block of the page, as it is printed.
literal() {
    awk -v wanted="$1" '/^\.Ed/ { inside = 0 } inside && n == wanted { print }
        /^\.Bd -literal/ { inside = 1; n++ }' "$PAGE" | sed 's/\\e/\\/g'
}

# type_in COMMAND: does it at the address that the server has.
type_in() {
    local command=${1//127.0.0.1:9000/${ADDRESS:-127.0.0.1:0}}
    case $command in
        "preforkd "*" &")
            command=${command% &}
            eval "server_start ${command#preforkd }"
            ADDRESS=$(server_address)
            ;;
        "kill \$!")
            server_stop
            assert_equal "$SERVER_STATUS" 0
            ADDRESS=""
            ;;
        *) eval "$command" ;;
    esac
}

# follow NUMBER: types in the lines of that literal block that begin with a dollar, and fails
# unless what comes out makes up the whole block again.
follow() {
    local line shown=$BATS_TEST_TMPDIR/shown came=$BATS_TEST_TMPDIR/came
    literal "$1" | sed -e ':join' -e '/\\$/N' -e 's/\\\n *//' -e 't join' >"$shown"
    assert [ -s "$shown" ]
    while IFS= read -r line <&4; do
        [[ $line == "\$ "* ]] || continue
        echo "$line" >>"$came"
        type_in "${line#"$ "}" >>"$came" 2>&1 4<&-
    done 4<"$shown"
    diff "$shown" "$came"
}

@test "the module that greets is as the manual shows it" {
    literal 1 >hello.c
    follow 2
}

@test "the module that answers later is as the manual shows it" {
    literal 3 >later.c
    follow 4
}

@test "the module that answers later loses no request when its server ends" {
    local log
    literal 3 >later.c
    cc -shared -fPIC "$(pkg-config --cflags preforkd)" -o later.so later.c -pthread
    server_start --listen 127.0.0.1:0 --module ./later.so --set workers=1
    ADDRESS=$(server_address)
    "$PREFORKCAT" --quiet --count 1000 "$ADDRESS" one two three
    server_stop
    assert_equal "$SERVER_STATUS" 0
    log=$(<"$SERVER_LOG")
    [[ $log != *kept* ]]
}

@test "the module that sends long messages to the pool is as the manual shows it" {
    literal 5 >split.c
    follow 6
}

@test "the module that takes part in traces is as the manual shows it" {
    literal 7 >traced.c
    follow 8
}

@test "the manual of the module interface names all that the header has" {
    local name missing=""
    for name in $(grep -oE '\bPF_[A-Z][A-Z_]+\b' "$HEADER" | sort -u |
        grep -vE '^PF_(EXPORT|OK|ABI_.*|MODULE_)$') \
        $(sed -nE 's/^\t(int|void|void \*|enum pf_verdict|struct pf_route|struct pf_span|size_t|ptrdiff_t) ?\(\*([a-z_]+)\).*/\2/p' "$HEADER"); do
        grep -qw -- "$name" "$PAGE" || missing+=" $name"
    done
    assert_equal "$missing" ""
}
