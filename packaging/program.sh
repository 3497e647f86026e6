#!/usr/bin/env bash
# Packs a static program with its manual pages, completions, unit, terms and bill of materials.
#
# usage: packaging/program.sh HOST-PROGRAM PROGRAM NAME DIRECTORY
# HOST-PROGRAM is the same for this machine; it writes what documents the program.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$1
program=$2
name=$3
directory=$4
tree=build/dist/$name

rm -rf "$tree"
mkdir -p "$tree"/{man,completions}
install -m 755 "$program" "$tree"
install -m 644 packaging/systemd/scramtoken-agent.service README.md CHANGELOG.md LICENSE-* THIRD-PARTY build/dist/bom/*-program.cdx.json "$tree"
"$host" man --out "$tree/man"
"$host" completions bash >"$tree/completions/scramtoken.bash"
"$host" completions zsh >"$tree/completions/_scramtoken"
"$host" completions fish >"$tree/completions/scramtoken.fish"
packaging/tar.sh "$tree" "$name" "$directory/$name.tar.gz"
