#!/usr/bin/env bats
# The status page, in a headless Chromium. PREFORK_SHOTS=FOLDER keeps pictures of it there.

setup() {
    load lib/server
    load lib/load
    load lib/modules
    load lib/reload
    load lib/upgrade
    load lib/admin
    load lib/browser
    bats_load_library bats-support
    bats_load_library bats-assert
    browser_setup
}

teardown() {
    load_teardown
    browser_teardown
    server_teardown
}

# page_start [LOOK...]: a server of two workers, and its page in a browser.
page_start() {
    configure <<END_OF_FILE
workers = 2
admin = { listen = "127.0.0.1:0" }
services = {
    main = {
        listen = "127.0.0.1:0"
        module = "$(find "$PREFORK_BUILD/src/modules/.libs" -name echo.so)"
    }
}
END_OF_FILE
    configured_start
    browser_start
    [ $# -eq 0 ] || page look "$@"
    page open "http://$(admin_address)/"
    wait_until page_is 'document.querySelectorAll("#workers tbody tr").length === 2'
}

# The page complained of nothing, and asked nobody but its server.
nothing_is_wrong() {
    page_gives '[]' problems
    page_gives '[]' misses
}

# cell TABLE ROW LABEL: what stands there, as an expression.
cell() {
    echo "[...document.querySelectorAll('#$1 tbody tr')].find(row => row.cells[0].textContent === '$2')" \
        "?.querySelector('[data-label=\"$3\"]').textContent"
}

# cell_is TABLE ROW LABEL TEST: whether TEST, in which it is `it`, holds.
cell_is() {
    page_is "(it => $4)($(cell "$1" "$2" "$3"))"
}

@test "the page shows workers and services, and their numbers change under load" {
    page_start
    page_gives '"running"' eval 'document.getElementById("state").textContent'
    cell_is workers 1 State 'it === "ready"'
    cell_is workers 2 Generation 'it === "1"'
    wait_until cell_is workers 1 Memory '/^[0-9.]+ [KM]iB$/.test(it)'
    wait_until cell_is services main Requests/s 'it === "0"'
    load_start "$ADDRESS" --connections 8 --depth 4
    wait_until cell_is services main Connections 'it === "8"'
    wait_until cell_is services main Requests/s 'parseFloat(it) > 10'
    wait_until cell_is workers 1 Requests/s 'parseFloat(it) > 10'
    wait_until cell_is workers 2 p99 '/^<?[0-9.,]+ (µs|ms|s)$/.test(it)'
    page_is "$(cell workers 1 Connections) - -$(cell workers 2 Connections) === 8"
    page_is '[...document.querySelectorAll("figure .now")].slice(0, 2).every(each => parseFloat(each.textContent) > 0)'
    wait_until page_is '[...document.querySelectorAll(".plot .a")].every(each => /^M.*L/.test(each.getAttribute("d")))'
    load_finish
    wait_until cell_is services main Connections 'it === "0"'
    wait_until cell_is services main Requests/s 'it === "0"'
    nothing_is_wrong
}

@test "a worker that was replaced is counted, and another one stands in its place" {
    page_start
    kill -KILL "$(worker_pid 2)"
    wait_until cell_is workers 2 Restarts 'it === "1"'
    wait_until page_is 'document.querySelectorAll("#workers tbody tr").length === 2'
    wait_until page_is 'document.getElementById("facts").textContent.includes("Restarts1 signal")'
    cell_is workers 1 Restarts 'it === "0"'
    nothing_is_wrong
}

@test "reloads are listed, with the reason of one that failed, whatever it has in it" {
    page_start
    page_is 'document.getElementById("failed").hidden'
    cp "$CONFIG" "$BATS_TEST_TMPDIR/good.conf"
    sed -i 's|module = .*|module = "/<img src=x onerror=alert(1)>.so"|' "$CONFIG"
    reload_fails ".*"
    wait_until page_is '!document.getElementById("failed").hidden'
    page_is 'document.querySelector("#reloads .reason").textContent.includes("cannot open module \"/<img src=x onerror=alert(1)>.so\"")'
    page_is 'document.images.length === 0'
    page_is 'document.querySelector("#reloads .serving").textContent === "generation 1 kept"'
    cp "$BATS_TEST_TMPDIR/good.conf" "$CONFIG"
    reload_works
    wait_until page_is 'document.getElementById("failed").hidden'
    page_is 'document.querySelectorAll("#reloads li").length === 2'
    page_is '[...document.querySelectorAll("#reloads li")].map(each => each.firstChild.textContent).join() === "ok,failed"'
    wait_until cell_is workers 2 Generation 'it === "2"'
    nothing_is_wrong
}

@test "the page says when the server does not answer any more, and goes on when it does" {
    local pid
    page_start
    pid=$(admin_pid)
    stop_process "$pid"
    PATIENCE=20 wait_until page_is '!document.getElementById("silence").hidden'
    page_is 'document.getElementById("silence").textContent.startsWith("The server has not answered since ")'
    page_gives '"no answer – preforkd"' eval document.title
    kill -CONT "$pid"
    wait_until page_is 'document.getElementById("silence").hidden'
    page_gives '"running"' eval 'document.getElementById("state").textContent'
    page_gives '[]' problems
    server_stop
    wait_until page_is '!document.getElementById("silence").hidden'
    page_is 'document.getElementById("main").classList.contains("silent")'
    page_gives '[]' problems
}

@test "the page of a former version loads itself anew after an upgrade" {
    upgrade_setup
    program_is "$ORIGINAL"
    PREFORKD=$PROGRAM
    page_start
    page eval 'window.former = true'
    other_version
    upgraded_to "$OTHER"
    wait_until page_is '!window.former'
    wait_until page_is "document.getElementById('facts').textContent.includes('Version$OTHER')"
    nothing_is_wrong
}

@test "the page is one file that may do nothing but ask its server" {
    local policy
    page_start
    policy=$(get / -D - -o "$BATS_TEST_TMPDIR/page" | grep -i '^Content-Security-Policy:')
    [[ $policy == *"default-src 'none'; script-src 'nonce-"* && $policy != *unsafe* ]]
    [ "$policy" != "$(get / -D - -o /dev/null | grep -i '^Content-Security-Policy:')" ]
    run grep -Eo "(https?:)?//[a-z][^ \"'>]*|[ <](src|action)=|url\(|import[ (]|@NONCE@|[a-z]+:[^ ]*,%3C.{4}" "$BATS_TEST_TMPDIR/page"
    assert_output $'data:image/svg+xml,%3Csvg \nhttp://www.w3.org/2000/svg\nhttp://www.w3.org/2000/svg'
    nothing_is_wrong
    page eval 'document.body.append(Object.assign(document.createElement("script"), { text: "" }))' || :
    page eval 'fetch("http://127.0.0.2:1/").catch(error => 0)'
    wait_until page_complains 'Content Security Policy'
}

# page_complains TEXT
page_complains() {
    page problems && [[ $PAGE_SAID == *"$1"* ]]
}

# focus_reaches SELECTOR: by the Tab key, once around.
focus_reaches() {
    local i
    for ((i = 0; i < 40; i++)); do
        page key Tab
        page_is "document.activeElement.matches('$1')" && return
    done
    echo "no Tab reaches $1"
    return 1
}

@test "all of the page can be used by keyboard, and has a name" {
    page_start
    focus_reaches '#pause'
    page_is 'getComputedStyle(document.activeElement).outlineStyle !== "none"'
    page key Space
    page_gives '"paused"' eval 'document.getElementById("state").textContent'
    page_is 'document.activeElement.getAttribute("aria-pressed") === "true"'
    page key Enter
    wait_until page_is 'document.getElementById("state").textContent === "running"'
    focus_reaches '#when'
    page key ArrowLeft
    page key ArrowLeft
    page_gives '"2 s ago"' eval 'document.getElementById("then").textContent.slice(0, 7)'
    page_is 'document.activeElement.getAttribute("aria-valuetext").startsWith("2 s ago, Requests ")'
    page_is 'document.querySelector(".cursor").style.display === ""'
    page key End
    focus_reaches '#workers th:nth-child(4) button'
    page key Enter
    page_is 'document.activeElement.closest("th").getAttribute("aria-sort") === "descending"'
    focus_reaches 'a[href=livez]'
    page tree
    run jq -c '[.[] | select(.[2] and .[1] == "" and .[0] != "RootWebArea")]' <<<"$PAGE_SAID"
    assert_output '[]'
    run jq -c 'map(.[0]) | [index("banner", "main", "contentinfo", "status", "slider")] | all' <<<"$PAGE_SAID"
    assert_output true
    nothing_is_wrong
}

@test "the page fits a phone, is dark where that is wanted, and stands still" {
    local width scheme
    page_start 380 dark still
    page_is 'document.documentElement.scrollWidth === 380'
    page_gives '"rgb(16, 19, 18)"' eval 'getComputedStyle(document.body).backgroundColor'
    page_gives '"none"' eval 'getComputedStyle(document.getElementById("state"), "::before").animationName'
    page_is '[...document.querySelectorAll("*")].every(each => each.getBoundingClientRect().right <= 380)'
    page tree
    run jq -c 'map(.[0]) | [.[] | select(. == "table" or . == "row" or . == "rowheader")] | sort | join(" ")' <<<"$PAGE_SAID"
    assert_output '"row row row rowheader rowheader rowheader table table"'
    for width in 380 1280; do
        for scheme in light dark; do
            page look "$width" "$scheme"
            page_is "document.documentElement.scrollWidth === $width"
            page shot "${PREFORK_SHOTS:-$BATS_TEST_TMPDIR}/page-$width-$scheme.png"
        done
    done
    nothing_is_wrong
}
