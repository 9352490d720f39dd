# Sourced by spanreel.sh and test.sh, from the root of the checkout: the tools that a build needs,
# where things that outlive the checkout are kept, and the DuckDB library that the build links.
# shellcheck shell=bash

DUCKDB_VERSION=1.5.5
DUCKDB_PACKAGE_VERSION=1.5.5-r.5

spanreel_cache=${XDG_CACHE_HOME:-$HOME/.cache}/spanreel
# One build serves the run command and the test command, whichever checkout they are started from.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$spanreel_cache/target}
# Extra flags of every cargo command that builds: `--features bundled` where no library is to be had.
# shellcheck disable=SC2034  # read by the scripts that source this one
cargo_features=()

say() {
    printf '%s\n' "spanreel: $*" >&2
}

die() {
    say "$*"
    exit 69
}

# Stops with one line when the compiler is not there.
require_toolchain() {
    if ! command -v cargo >/dev/null 2>&1; then
        die "cargo is missing; install Rust 1.88 or newer from https://rustup.rs and run this again"
    fi
    if ! command -v cc >/dev/null 2>&1; then
        die "no C compiler (cc); install one (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install) and run this again"
    fi
    if ! command -v make >/dev/null 2>&1; then
        die "make is missing; install it (Debian: apt-get install make; macOS: xcode-select --install) and run this again"
    fi
}

# Cargo takes what another checkout built into the same folder for its own wherever the sources are not
# newer than that build, and the paths that tests carry then lead to the other checkout.
claim_build() {
    local claim=$CARGO_TARGET_DIR/checkout
    if [ "$(cat "$claim" 2>/dev/null)" != "$PWD" ]; then
        find . -name node_modules -prune -o -name '*.rs' -exec touch {} +
        mkdir -p "$CARGO_TARGET_DIR" && printf '%s\n' "$PWD" >"$claim"
    fi
}

# Prints the npm package's integrity (SHA-512 of the tarball) for a platform; empty = no such package.
duckdb_integrity() {
    case $1 in
    linux-x64) echo 'sha512-kCyq6BXhn6QXfwF8yVdVKriSSHP+rfVWcJ56cG8qZzlOZpxyvT5WGm6jMshxg4ditLlOsHsIN/D47RYrcjXuHQ==' ;;
    linux-arm64) echo 'sha512-CafH2AIvXtpwDynG3KB/4uEOHRGlFoB7auCRMIwH3BKNIobsANV5LSpDJ3tfyRCFIsK6e8AT1eseWVnu2Dv3cw==' ;;
    darwin-arm64) echo 'sha512-WJdeLTFy4pRg60rkbp9smtlP1iIQ8ErtIJkxS+2LQtM1ZZMSByyW+3WPpNoKe7IwPtVl2fLlPw7tDmQW4Z974g==' ;;
    darwin-x64) echo 'sha512-rN0KjX13MwVQ5V5ufykolty/tf4SaafOpGWcUA1Cegf98jPeRdsJsEE1IMXn8n3u6WvMSZEVJmHJ3ma4Hr7Vzg==' ;;
    esac
}

# Gets the prebuilt library out of its npm package, as $1/$2. Fails quietly where there is no npm.
duckdb_from_npm() {
    local folder=$1 library=$2 platform=$3 integrity scratch actual
    integrity=$(duckdb_integrity "$platform")
    if [ -z "$integrity" ] || ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
        return 1
    fi
    # Beside its destination, so that the last step is a rename: whoever comes second replaces a whole
    # file by an equal one.
    scratch=$(mktemp -d "$folder/.fetch.XXXXXX") || return 1
    say "fetching DuckDB $DUCKDB_VERSION for $platform (24 MB, once)"
    if ! (cd "$scratch" && npm pack --silent "@duckdb/node-bindings-$platform@$DUCKDB_PACKAGE_VERSION" >/dev/null 2>npm.log); then
        say "npm could not fetch it: $(grep -v '^npm warn' "$scratch/npm.log" | head -n 1)"
        rm -rf "$scratch"
        return 1
    fi
    actual=$(node -e 'process.stdout.write("sha512-" + require("crypto").createHash("sha512").update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$scratch"/*.tgz)
    if [ "$actual" != "$integrity" ]; then
        rm -rf "$scratch"
        die "the fetched DuckDB package is not the one that was pinned: expected $integrity, got $actual"
    fi
    if ! tar -xzf "$scratch"/*.tgz -C "$scratch" "package/$library" || ! mv -f "$scratch/package/$library" "$folder/$library"; then
        rm -rf "$scratch"
        return 1
    fi
    rm -rf "$scratch"
}

# Gets the library with the download that the DuckDB crate itself offers, as $1/$2. It runs in a
# throw-away package, so that the checkout builds in the same way whichever source answered.
duckdb_from_crate() {
    local folder=$1 library=$2 scratch version found
    version=$(sed -n '/^name = "libduckdb-sys"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
    scratch=$(mktemp -d "$folder/.fetch.XXXXXX") || return 1
    say "asking the DuckDB crate to download DuckDB $DUCKDB_VERSION (a minute or two, once)"
    mkdir -p "$scratch/src"
    : >"$scratch/src/lib.rs"
    cp Cargo.lock "$scratch/Cargo.lock"
    cat >"$scratch/Cargo.toml" <<END
[package]
name = "duckdb-download"
version = "0.0.0"
edition = "2024"
[dependencies]
libduckdb-sys = { version = "=$version", default-features = false }
[workspace]
END
    (cd "$scratch" && env -u DUCKDB_LIB_DIR DUCKDB_DOWNLOAD_LIB=1 CARGO_TARGET_DIR="$scratch/target" cargo build --quiet >cargo.log 2>&1)
    found=$(find "$scratch/target/duckdb-download" -name "$library" 2>/dev/null | head -n 1)
    if [ -z "$found" ] || ! mv -f "$found" "$folder/$library"; then
        say "that download failed too: $(grep -m 1 -i 'failed to download' "$scratch/cargo.log" | cut -c1-160)"
        rm -rf "$scratch"
        return 1
    fi
    rm -rf "$scratch"
}

# Makes `.duckdb` in the checkout point to a folder with the prebuilt library, fetching it on first
# use; where there is none for this platform or nothing answers, sets the build to compile DuckDB.
require_duckdb() {
    local os arch library folder
    case $(uname -s) in
    Linux) os=linux library=libduckdb.so ;;
    Darwin) os=darwin library=libduckdb.dylib ;;
    *) die "Spanreel builds on Linux and macOS; this is $(uname -s)" ;;
    esac
    case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
    esac
    folder=$spanreel_cache/duckdb/$DUCKDB_VERSION-$os-$arch
    mkdir -p "$folder" || die "cannot write to $folder; set XDG_CACHE_HOME to a folder that you can write to"
    if [ ! -f "$folder/$library" ] \
        && ! duckdb_from_npm "$folder" "$library" "$os-$arch" \
        && ! duckdb_from_crate "$folder" "$library"; then
        say "no prebuilt DuckDB to be had here: compiling it from source, which takes 30-50 minutes on 2 cores (once)"
        # shellcheck disable=SC2034
        cargo_features=(--features bundled)
        return 0
    fi
    if [ "$(readlink .duckdb 2>/dev/null)" != "$folder" ]; then
        # A second process may make the same link at this very moment.
        ln -sfn "$folder" .duckdb 2>/dev/null || [ "$(readlink .duckdb)" = "$folder" ] || die "cannot make the link .duckdb in $PWD"
    fi
    # The same path from every checkout, so that one is not rebuilt because another was built.
    export DUCKDB_LIB_DIR=$folder
}
