#!/usr/bin/env bash
# Puts the sources of all crates into DIRECTORY/vendor, and tells cargo in DIRECTORY/.cargo/config.toml
# to take them from there.
#
# usage: packaging/vendor.sh DIRECTORY
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

mkdir -p "$1/.cargo"
cd "$1"
configuration=$("${CARGO:-cargo}" vendor --quiet --locked --manifest-path "$root/Cargo.toml" vendor)
printf '%s\n' "$configuration" >.cargo/config.toml
