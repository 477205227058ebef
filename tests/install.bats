#!/usr/bin/env bats
# `make install`, and that what it puts in place runs from there.
# shellcheck disable=SC2030,SC2031 # each test is a subshell

setup() {
    load lib/server
    load lib/modules
    bats_load_library bats-support
    bats_load_library bats-assert
    TREE=$BATS_TEST_TMPDIR/tree
    install_tree "$TREE"
}

teardown() {
    server_teardown
}

# What must be there, each once; where the folders are, configure's options say.
FILES=(
    '/etc/preforkd/preforkd\.conf'
    '/etc/logrotate\.d/preforkd'
    '/lib/systemd/system/preforkd\.service'
    '/lib/systemd/system/preforkd\.socket'
    '/lib/sysusers\.d/preforkd\.conf'
    '/lib/tmpfiles\.d/preforkd\.conf'
    '/bin/preforkbench'
    '/bin/preforkcat'
    '/sbin/preforkd'
    '/sbin/preforkctl'
    '/bash-completion/completions/preforkctl'
    '/zsh/site-functions/_preforkctl'
    '/include/prefork/module\.h'
    '/preforkd/echo\.so'
    '/pkgconfig/preforkd\.pc'
    '/preforkd/examples/session\.c'
    '/preforkd/preforkd\.rules\.yml'
    '/preforkd/preforkd\.json'
    '/man/man1/preforkbench\.1'
    '/man/man1/preforkcat\.1'
    '/man/man3/prefork-module\.3'
    '/man/man5/preforkd\.conf\.5'
    '/man/man7/preforkd-metrics\.7'
    '/man/man8/preforkd\.8'
    '/man/man8/preforkctl\.8'
)

installed() {
    find "$TREE" ! -type d
}

# installed_file PATTERN
installed_file() {
    installed | grep -E "$1\$"
}

@test "exactly programs, module, header, pkg-config file, manuals, examples, alerts and dashboard are installed" {
    local pattern
    for pattern in "${FILES[@]}"; do
        run installed_file "$pattern"
        assert_success
        assert_equal "${#lines[@]}" 1
    done
    run installed
    assert_equal "${#lines[@]}" "${#FILES[@]}"
}

@test "the installed server runs without any environment, from another folder" {
    local server cat
    server=$(installed_file /sbin/preforkd)
    cat=$(installed_file /bin/preforkcat)
    SERVER_LOG=$BATS_TEST_TMPDIR/server-0.log
    cd /
    env -i "$server" --listen 127.0.0.1:0 --module echo --set workers=2 --option tag=true \
        </dev/null >"$SERVER_LOG" 2>&1 3>&- &
    SERVER_PID=$!
    SERVER_PIDS+=("$SERVER_PID")
    wait_until server_is_ready_or_gone
    run env -i "$cat" "$(server_address)" hello
    assert_success
    assert_output --regexp '^worker-[12]:hello$'
    server_stop
    assert_equal "$SERVER_STATUS" 0
}

@test "the installed server does not depend on the build tree" {
    local server
    server=$(installed_file /sbin/preforkd)
    run ldd "$server"
    refute_output --partial "not found"
    refute_output --partial "$(realpath "$PREFORK_BUILD")"
    run readelf -d "$server" "$(installed_file /preforkd/echo.so)"
    refute_output --regexp '(RPATH|RUNPATH)'
}

@test "the tree can be moved as a whole" {
    local server
    mv "$TREE" "$BATS_TEST_TMPDIR/moved"
    TREE=$BATS_TEST_TMPDIR/moved
    server=$(installed_file /sbin/preforkd)
    run "$server" -t --listen 127.0.0.1:0 --module echo
    assert_success
}

@test "the installed example is valid for the installed server" {
    load lib/account
    run with_account "$(installed_file /sbin/preforkd)" -t -c "$(installed_file /etc/preforkd/preforkd.conf)"
    assert_success
}

@test "the installed manuals are in order, and name no variable of the build" {
    local page
    for page in $(installed_file '/man[158]/[^/]*'); do
        run cat "$page"
        refute_output --regexp '@[a-z]+@'
        command -v mandoc >/dev/null || continue
        run mandoc -T lint -W warning "$page"
        assert_success
    done
}

@test "a configuration that was edited survives another install, and uninstall" {
    local config
    config=$(installed_file /etc/preforkd/preforkd.conf)
    echo '# mine' >>"$config"
    install_tree "$TREE"
    assert_equal "$(tail -n 1 "$config")" "# mine"
    tree_make uninstall "$TREE"
    run installed
    assert_output "$config"
}

@test "uninstall removes all that install put in place" {
    tree_make uninstall "$TREE"
    run installed
    assert_output ""
}

@test "configure names the Debian package of a library that is missing" {
    [ ! -e "$PREFORK_SOURCE/config.status" ] || skip "built in the source folder"
    mkdir "$BATS_TEST_TMPDIR/configured"
    cd "$BATS_TEST_TMPDIR/configured"
    PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH='' run "$PREFORK_SOURCE/configure" -q
    assert_failure
    assert_output --partial 'apt-get install libevent-dev'
}
