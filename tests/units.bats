#!/usr/bin/env bats
# The unit files and what comes along with them, as systemd-analyze and the others read them.

setup() {
    load lib/server
    load lib/modules
    load lib/systemd
    bats_load_library bats-support
    bats_load_library bats-assert
    UNITS=$BATS_TEST_TMPDIR/units
    mkdir "$UNITS"
    sed "s|^\\(Exec[A-Za-z]*=\\)[^ ]*|\\1/bin/true|" "$PREFORK_BUILD/etc/systemd/preforkd.service" \
        >"$UNITS/preforkd.service"
    cp "$PREFORK_SOURCE/etc/systemd/preforkd.socket" "$UNITS"
}

needs_systemd_analyze() {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
}

@test "systemd-analyze verify finds nothing in the units" {
    needs_systemd_analyze
    run systemd-analyze verify --man=no "$UNITS/preforkd.service" "$UNITS/preforkd.socket"
    assert_success
    assert_output ""
}

@test "systemd-analyze security finds an exposure of 2.0 or lower" {
    needs_systemd_analyze
    run systemd-analyze security --no-pager --offline=true --threshold=20 "$UNITS/preforkd.service"
    assert_success
}

@test "the unit names the programs and the configuration that are installed, and tells nobody else" {
    run grep -E '^(Exec|Type|NotifyAccess|KillMode)' "$PREFORK_BUILD/etc/systemd/preforkd.service"
    assert_line "ExecStart=$(make_variable sbindir)/preforkd -c $(make_variable sysconfdir)/preforkd/preforkd.conf"
    assert_line "ExecReload=$(make_variable sbindir)/preforkctl reload"
    assert_line Type=notify
    assert_line NotifyAccess=main
    assert_line KillMode=mixed
}

@test "unit, configuration and systemd-sysusers mean the same user" {
    local name
    name=$(awk '$1 == "u" { print $2 }' "$PREFORK_SOURCE/etc/sysusers.d/preforkd.conf")
    assert_equal "$name" preforkd
    grep -qx "User=$name" "$UNITS/preforkd.service"
    grep -qx "user = \"$name\"" "$PREFORK_SOURCE/etc/preforkd.conf"
}

@test "each address of preforkd.socket is one that the configuration names" {
    local address
    for address in $(sed -n 's/^ListenStream=//p' "$UNITS/preforkd.socket"); do
        grep -q "^ *listen = \\[ \"$address\" \\]" "$PREFORK_SOURCE/etc/preforkd.conf"
    done
}

@test "systemd-sysusers and systemd-tmpfiles take what is installed" {
    local root=$BATS_TEST_TMPDIR/root
    command -v systemd-sysusers >/dev/null || skip "no systemd-sysusers"
    [ "$(id -u)" = 0 ] || skip "not root"
    mkdir -p "$root/etc"
    systemd-sysusers --root="$root" "$PREFORK_SOURCE/etc/sysusers.d/preforkd.conf"
    grep -q '^preforkd:' "$root/etc/passwd"
    run systemd-tmpfiles --root="$root" --create "$PREFORK_SOURCE/etc/tmpfiles.d/preforkd.conf"
    assert_success
    assert_output ""
    [ -d "$root/run/preforkd" ] && [ -d "$root/var/log/preforkd" ] && [ -d "$root/var/lib/preforkd" ]
}

@test "nothing of systemd is installed where configure was told not to" {
    [ ! -e "$PREFORK_SOURCE/config.status" ] || skip "built in the source folder"
    mkdir "$BATS_TEST_TMPDIR/configured"
    cd "$BATS_TEST_TMPDIR/configured"
    "$PREFORK_SOURCE/configure" -q --without-systemdsystemunitdir --without-sysusersdir \
        --without-tmpfilesdir --with-logrotatedir=/else >/dev/null
    run grep -E '^(systemdsystemunitdir|sysusersdir|tmpfilesdir|logrotatedir) =' Makefile
    assert_line 'systemdsystemunitdir = '
    assert_line 'sysusersdir = '
    assert_line 'tmpfilesdir = '
    assert_line 'logrotatedir = /else'
}
