#!/usr/bin/env bash
# fuzz/run.sh [SECONDS [TARGET…]]: builds the fuzz targets and runs them one after another, each for so
# many seconds (600 unless told), from the committed seeds and what earlier runs found. Prints what each
# one did; what a run found wrong is in fuzz/artifacts. FUZZ_SANITIZER=none builds without the address
# sanitizer.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." >/dev/null || exit 70
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/spanreel/target-fuzz}
# shellcheck source=scripts/env.sh
. scripts/env.sh
require_toolchain
require_duckdb
command -v cargo-fuzz >/dev/null 2>&1 || die "cargo-fuzz is missing; install it with: cargo install cargo-fuzz"

seconds=${1:-600}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(otlp_protobuf otlp_json hook_json transcript sql_gate)
sanitizer=${FUZZ_SANITIZER:-address}
# What cargo-fuzz asks of the compiler is unstable, and the same in a stable one.
export RUSTC_BOOTSTRAP=1
export LD_LIBRARY_PATH=$PWD/.duckdb${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# The engine keeps its own things until the process ends.
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}

cargo fuzz build --sanitizer "$sanitizer" || exit
logs=$(mktemp -d)
status=0
for target in "${targets[@]}"; do
    corpus=$PWD/fuzz/corpus/$target
    mkdir -p "$corpus"
    options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1)
    [ ! -f "fuzz/dictionaries/$target.dict" ] || options+=("-dict=$PWD/fuzz/dictionaries/$target.dict")
    say "$target: $seconds s, log $logs/$target.log"
    cargo fuzz run --sanitizer "$sanitizer" "$target" "$corpus" "$PWD/fuzz/seeds/$target" -- "${options[@]}" \
        >"$logs/$target.log" 2>&1
    case $? in
    0) found="nothing found" ;;
    *) found="FOUND, see fuzz/artifacts/$target and the log" status=1 ;;
    esac
    awk -v target="$target" -v found="$found" '
        /^stat::number_of_executed_units/ { runs = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") coverage = $(i + 1) }
        END { printf "%s: %d executions, %d a second, %d edges: %s\n", target, runs, rate, coverage, found }
    ' "$logs/$target.log"
done
exit "$status"
