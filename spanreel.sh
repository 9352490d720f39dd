#!/usr/bin/env bash
# Builds Spanreel and runs it: ./spanreel.sh [arguments of spanreel…], see ./spanreel.sh --help.
# The first time it fetches and builds everything; afterwards it starts within a second.
set -euo pipefail
called_from=$PWD
cd -- "$(dirname -- "${BASH_SOURCE[0]}")" >/dev/null
# shellcheck source=scripts/env.sh
. scripts/env.sh

require_toolchain
require_duckdb
claim_build

binary=$CARGO_TARGET_DIR/debug/spanreel
[ -x "$binary" ] || say "building; the first build takes a few minutes"
cargo build --locked ${cargo_features[@]+"${cargo_features[@]}"} || die "the build failed; the compiler's message is above"

cd -- "$called_from"
exec "$binary" "$@"
