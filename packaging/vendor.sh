#!/usr/bin/env bash
# Puts the sources of all crates into DIRECTORY/vendor, and tells cargo in DIRECTORY/.cargo/config.toml
# to take them from there.
#
# usage: packaging/vendor.sh DIRECTORY
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if [[ -e $1/.cargo/config.toml ]] && ! grep -q "Written by make vendor" "$1/.cargo/config.toml"; then
  echo "$1/.cargo/config.toml is there already: move it away, or add to it by hand." >&2
  exit 1
fi
mkdir -p "$1/.cargo"
cd "$1"
"${CARGO:-cargo}" vendor --quiet --locked --versioned-dirs \
  --manifest-path "$root/Cargo.toml" vendor >/dev/null
cat >.cargo/config.toml <<'END'
# Written by make vendor: crates come from vendor/, and from no registry.
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
