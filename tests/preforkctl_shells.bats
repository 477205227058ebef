#!/usr/bin/env bats
# Completion of preforkctl(8) in bash and zsh.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/load
    load lib/reload
    load lib/control
    bats_load_library bats-support
    bats_load_library bats-assert
    # What the completion runs is what was built.
    mkdir "$BATS_TEST_TMPDIR/bin"
    ln -s "$PREFORKCTL" "$BATS_TEST_TMPDIR/bin/preforkctl"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

teardown() {
    load_teardown
    server_teardown
}

# bash_completes WORD...: what there is for the last one, in one line.
bash_completes() {
    # shellcheck disable=SC2016
    bash --norc -c '
        . "$1/etc/completions/bash/preforkctl"
        shift
        COMP_WORDS=(preforkctl "$@") COMP_CWORD=$#
        _preforkctl 2>/dev/null
        echo "${COMPREPLY[*]}"' bash "$PREFORK_SOURCE" "$@"
}

# zsh_completes TEXT: what stands on the command line after the tabulator key.
zsh_completes() {
    "$PYTHON" "$LIB/zsh_completion.py" "$PREFORK_SOURCE/etc/completions/zsh" "$1"
}

# commands_of FILE: what a table or a case of preforkctl's own commands has, sorted.
commands_of() {
    case $1 in
    src/tools/ctl/main.c) sed -n 's/^\t{ "\([a-z-]*\)", [a-z_]*_run },/\1/p' ;;
    src/tools/ctl/options.c) sed -n 's/^\t"  \([a-z][a-z-]*\) .*/\1/p' ;;
    man/preforkctl.8) sed -n 's/^\.It Ic \([a-z-]*\)\( .*\|$\)/\1/p' ;;
    etc/completions/bash/preforkctl) bash_completes '' | tr ' ' '\n' | grep -v '^--' ;;
    etc/completions/zsh/_preforkctl) sed -n "s/^        '\([a-z][a-z-]*\):.*/\1/p" ;;
    esac <"$PREFORK_SOURCE/$1" | sort
}

@test "help, manual and completions know every command, and no other" {
    local file commands
    commands=$(commands_of src/tools/ctl/main.c)
    [ "$(wc -l <<<"$commands")" -gt 5 ]
    for file in src/tools/ctl/options.c man/preforkctl.8 etc/completions/{bash/preforkctl,zsh/_preforkctl}; do
        assert_equal "$file: $(commands_of "$file" | paste -sd ' ')" "$file: $(paste -sd ' ' <<<"$commands")"
    done
}

@test "bash completes commands, options and words" {
    assert_equal "$(bash_completes re)" 'reload rebalance'
    assert_equal "$(bash_completes log-level w)" warn
    assert_equal "$(bash_completes connections s)" 'service= state='
    assert_equal "$(bash_completes -s x mo)" move
    assert_equal "$(bash_completes move --f)" --from
    assert_equal "$(bash_completes dance '')" ''
}

@test "bash completes workers and connections of the server that runs" {
    controlled_start
    talk_start "$ADDRESS"
    talk open 2
    assert_equal "$(bash_completes -s "$CONTROL" move --from '')" '1 2'
    assert_equal "$(bash_completes -s "$CONTROL" kill '')" \
        "$(ctl_json '" ".join(row["id"] for row in it)' connections)"
}

@test "zsh completes commands, words, workers and connections" {
    command -v zsh || skip "zsh is missing"
    controlled_start
    talk_start "$ADDRESS"
    talk open 1
    assert_equal "$(zsh_completes 'preforkctl upg')" 'preforkctl upgrade'
    assert_equal "$(zsh_completes 'preforkctl log-level w')" 'preforkctl log-level warn'
    id=$(ctl_json 'it[0]["id"]' connections)
    assert_equal "$(zsh_completes "preforkctl -s $CONTROL kill ${id:0:3}")" "preforkctl -s $CONTROL kill $id"
}
