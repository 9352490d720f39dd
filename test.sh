#!/usr/bin/env bash
# Runs every check and test of Spanreel, and first installs what they need beyond Rust, Node and a C
# compiler: the DuckDB library, npm packages, Chromium (with apt-get), a Python environment with the
# OpenTelemetry SDK and the clients of the API (0.8 GB).
# What outlives the checkout goes to ~/.cache/spanreel (XDG_CACHE_HOME is honoured), logs included.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")" >/dev/null || exit 70
# shellcheck source=scripts/env.sh
. scripts/env.sh

CARGO_DENY_VERSION=0.20.2
export NO_COLOR=1 CARGO_TERM_COLOR=never
tools=$spanreel_cache/tools
export PATH=$tools/bin:$PATH

logs=$spanreel_cache/logs/$(date -u +%Y%m%dT%H%M%SZ)-$$
mkdir -p "$logs" || die "cannot write to $logs; set XDG_CACHE_HOME to a folder that you can write to"
passed=0 failed=0 failed_steps=()

# step NAME COMMAND…: runs one step, shows and keeps its output, and counts what it ran: the tests
# where the command is a test runner, else the step itself.
step() {
    local name=$1 log="$logs/$1.log" begun=$SECONDS status counts ok bad
    shift
    printf '\n[%s] %s\n' "$(date -u +%H:%M:%S)" "$name"
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    counts=$(count_tests <"$log")
    ok=${counts% *} bad=${counts#* }
    if [ "$status" -eq 0 ]; then
        [[ $counts != "0 0" || $name == setup-* ]] || ok=1
    else
        [ "$bad" -gt 0 ] || bad=1
        failed_steps+=("$name")
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
    printf '[%s] %s: %s after %s s\n' "$(date -u +%H:%M:%S)" "$name" \
        "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" "$((SECONDS - begun))"
    return "$status"
}

# Prints "PASSED FAILED", summed over the closing lines of cargo test, Vitest and Node's test runner.
count_tests() {
    awk '
        /^test result: / { passed += $4; failed += $6 }
        /^ *Tests +[0-9]/ {
            for (i = 2; i < NF; i++) {
                if ($(i + 1) ~ /^passed/) passed += $i
                if ($(i + 1) ~ /^failed/) failed += $i
            }
        }
        /^(#|ℹ) pass [0-9]+$/ { passed += $3 }
        /^(#|ℹ) fail [0-9]+$/ { failed += $3 }
        END { print passed + 0, failed + 0 }'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages; says what to do by hand where that cannot be.
install_packages() {
    if ! command -v apt-get >/dev/null 2>&1 || ! as_root true 2>/dev/null; then
        say "please install $* and run this again (it needs apt-get and root or sudo to do so itself)"
        return 1
    fi
    as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

find_chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}

set_up_chromium() {
    find_chromium || install_packages chromium
}

# A virtual environment with the pinned packages of tests/sdk/requirements.txt, made once per state
# of that file.
set_up_python() {
    if [ -f "$venv/complete" ]; then
        return 0
    fi
    command -v python3 >/dev/null 2>&1 || install_packages python3 python3-venv || return 1
    rm -rf "$venv"
    python3 -m venv "$venv" || { install_packages python3-venv && python3 -m venv "$venv"; } || return 1
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/sdk/requirements.txt && touch "$venv/complete"
}

set_up_npm() {
    npm ci --prefix ui --no-audit --no-fund && npm ci --prefix tests/sdk --no-audit --no-fund
}

set_up_cargo_deny() {
    if cargo deny --version 2>/dev/null; then
        return 0
    fi
    say "building cargo-deny $CARGO_DENY_VERSION (some minutes, once; kept in $tools)"
    CARGO_TARGET_DIR=$spanreel_cache/tools-target cargo install --locked --quiet --root "$tools" "cargo-deny@$CARGO_DENY_VERSION" \
        && rm -rf "$spanreel_cache/tools-target"
}

free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# Starts the built program on a data folder of its own, plays the demo into it, and drives the UI in
# headless Chromium.
browser_tests() {
    local ui grpc http data status=1
    ui=$(free_port) grpc=$(free_port) http=$(free_port) data=$(mktemp -d)
    "$CARGO_TARGET_DIR/debug/spanreel" serve --data "$data" --ui "127.0.0.1:$ui" \
        --otlp-grpc "127.0.0.1:$grpc" --otlp-http "127.0.0.1:$http" >"$logs/server.log" 2>&1 &
    server=$!
    if wait_for_server "http://127.0.0.1:$ui/healthz" \
        && "$CARGO_TARGET_DIR/debug/spanreel" demo --fast --endpoint "http://127.0.0.1:$grpc"; then
        SPANREEL_PROGRAM=$CARGO_TARGET_DIR/debug/spanreel SPANREEL_URL=http://127.0.0.1:$ui SPANREEL_OTLP_GRPC=127.0.0.1:$grpc SPANREEL_OTLP_HTTP=127.0.0.1:$http \
            CHROMIUM=$(find_chromium) npm run --prefix ui e2e
        status=$?
    else
        say "the server did not come up; its log:"
        cat "$logs/server.log"
    fi
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    rm -rf "$data"
    return "$status"
}

# Waits until the server of browser_tests answers, for half a minute at most.
wait_for_server() {
    node -e '
        const until = Date.now() + 30000
        const ask = () => fetch(process.argv[1]).then((r) => r.ok, () => false).then((up) => {
            if (up) process.exit(0)
            if (Date.now() > until) process.exit(1)
            setTimeout(ask, 100)
        })
        ask()' "$1" && kill -0 "$server"
}

require_toolchain
for tool in node npm; do
    command -v "$tool" >/dev/null 2>&1 || die "$tool is missing; the tests need Node.js 20 or newer (running Spanreel does not)"
done
venv=$spanreel_cache/venv-$(cksum <tests/sdk/requirements.txt | cut -d ' ' -f 1)
export SPANREEL_TEST_PYTHON=$venv/bin/python

require_duckdb
claim_build
features=(${cargo_features[@]+"${cargo_features[@]}"})
step setup-npm set_up_npm
step setup-python set_up_python
step setup-chromium set_up_chromium
step setup-cargo-deny set_up_cargo_deny

step fmt cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets --locked ${features[@]+"${features[@]}"} -- -D warnings
step doc env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet ${features[@]+"${features[@]}"}
step deny cargo deny check bans licenses sources
step rust cargo test --workspace --locked --no-fail-fast ${features[@]+"${features[@]}"}
step ui-check npm run --prefix ui check
step ui-test npm run --prefix ui test
step ui-dist npm run --prefix ui dist:check
step browser browser_tests

printf '\nClosing lines of the test runners:\n'
grep -hE '^test result: |^ *Tests +[0-9]|^(#|ℹ) (tests|pass|fail) [0-9]+$' "$logs"/{rust,ui-test,browser}.log
printf '\nSteps that failed: %s\nLogs: %s\nTook %s min %s s. Tests and checks:\n' \
    "${failed_steps[*]:-none}" "$logs" $((SECONDS / 60)) $((SECONDS % 60))
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
