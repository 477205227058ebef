#!/usr/bin/env bats
# What the build switches on by default stands in the files that it makes.

setup() {
    load lib/server
    bats_load_library bats-support
    bats_load_library bats-assert
    if grep -q '^SANITIZER_FLAGS = .' "$PREFORK_BUILD/Makefile"; then
        skip "a sanitizer's build is hardened by other means"
    fi
    MODULE=$PREFORK_BUILD/src/modules/.libs/echo.so
}

@test "programs are position-independent, and their relocations read-only from the start" {
    for program in "$PREFORKD" "$PREFORKCAT"; do
        run readelf -Wldh "$program"
        assert_line --regexp 'Type: +DYN'
        assert_line --partial GNU_RELRO
        assert_line --regexp 'FLAGS.*(BIND_NOW|NOW)'
        assert_line --regexp 'GNU_STACK.* RW '
    done
}

@test "modules are hardened too, and export their entry alone" {
    run readelf -Wld "$MODULE"
    assert_line --partial GNU_RELRO
    assert_line --regexp 'FLAGS.*(BIND_NOW|NOW)'
    run nm -D --defined-only "$MODULE"
    assert_output --regexp '^[0-9a-f]+ [A-Z] pf_module$'
}

@test "the server exports no symbol to its modules" {
    run nm -D --defined-only "$PREFORKD"
    assert_success
    refute_output --regexp ' T (dispatch|connection|log|api)_'
}

@test "stacks are guarded and library calls fortified" {
    run nm -D "$PREFORKD"
    assert_output --partial __stack_chk_fail
    assert_output --regexp '__(snprintf|vsnprintf|memcpy|strlcpy|read|poll)_chk'
}
