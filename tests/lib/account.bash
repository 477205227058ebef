# The account of the service for the bats files, after lib/server.
# shellcheck shell=bash
# shellcheck disable=SC2154 # PREFORK_SOURCE: set by lib/server.bash

# with_account COMMAND...: where there is the account that systemd-sysusers makes. Nobody but root
# looks it up.
with_account() {
    local name etc=$BATS_TEST_TMPDIR/etc
    name=$(awk '$1 == "u" { print $2 }' "$PREFORK_SOURCE/etc/sysusers.d/preforkd.conf")
    if [ "$(id -u)" != 0 ] || getent passwd "$name" >/dev/null; then
        "$@"
        return
    fi
    mkdir -p "$etc"
    { cat /etc/passwd && echo "$name:x:64999:64999::/:/bin/false"; } >"$etc/passwd"
    { cat /etc/group && echo "$name:x:64999:"; } >"$etc/group"
    # shellcheck disable=SC2016 # for that shell
    unshare --mount sh -c 'mount --bind "$1/passwd" /etc/passwd &&
        mount --bind "$1/group" /etc/group && shift && exec "$@"' sh "$etc" "$@"
}
