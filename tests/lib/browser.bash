# A headless Chromium (lib/browser.py) for the bats files, after lib/server and lib/admin.
#
#	setup() { load lib/server; load lib/admin; load lib/browser; browser_setup; }
#	teardown() { browser_teardown; server_teardown; }
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # PAGE_SAID: for the tests; LIB, PYTHON: of lib/server.bash

BROWSER_PID=

# Skips the test, and says why, where there is no Chromium.
browser_setup() {
    CHROMIUM=$(command -v chromium) || skip "chromium is missing"
}

browser_start() {
    local to=$BATS_TEST_TMPDIR/browser.in from=$BATS_TEST_TMPDIR/browser.out
    mkfifo "$to" "$from"
    PATIENCE=$PATIENCE "$PYTHON" "$LIB/browser.py" "$CHROMIUM" "$BATS_TEST_TMPDIR/browser" <"$to" >"$from" \
        2>"$BATS_TEST_TMPDIR/browser.log" 3>&- &
    BROWSER_PID=$!
    exec {BROWSER_TO}>"$to" {BROWSER_FROM}<"$from"
}

# page COMMAND...: has it done (see lib/browser.py). Sets PAGE_SAID to what came of it.
page() {
    local reply
    echo "$*" >&"$BROWSER_TO"
    if ! read -rt "$((PATIENCE + 5))" reply <&"$BROWSER_FROM"; then
        echo "page $*: no answer"
        return 1
    fi
    PAGE_SAID=${reply#ok}
    PAGE_SAID=${PAGE_SAID# }
    [[ $reply == ok* ]] && return
    echo "page $*: $reply"
    return 1
}

# page_is EXPRESSION: whether that is true in the page.
page_is() {
    page eval "$1" && [ "$PAGE_SAID" = true ]
}

# page_gives "EXPECTED" COMMAND...: fails unless that is what came of it.
page_gives() {
    page "${@:2}"
    assert_equal "$PAGE_SAID" "$1"
}

browser_is_gone() {
    process_is_gone "$BROWSER_PID"
}

browser_teardown() {
    [ -n "$BROWSER_PID" ] || return 0
    echo quit >&"$BROWSER_TO" || :
    PATIENCE=10 wait_until browser_is_gone || kill -KILL "$BROWSER_PID"
    wait "$BROWSER_PID" || :
    if [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
        tail -n 20 "$BATS_TEST_TMPDIR"/browser.log 2>/dev/null || :
    fi
}
