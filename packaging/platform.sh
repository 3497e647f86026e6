#!/usr/bin/env bash
# Builds the library and the program for one platform of a release into DIRECTORY: with zig, whose C
# compiler and linker serve every platform, against a glibc as old as Rust's own needs. The program
# for musl is linked statically. No path of this machine is in what comes out.
#
# usage: packaging/platform.sh linux-{x86_64,aarch64}[-musl] DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."

platform=$1
directory=$2
glibc=2.17 # manylinux2014

case $platform in
  linux-x86_64 | linux-aarch64) triple=${platform#linux-}-unknown-linux-gnu suffix=.$glibc ;;
  linux-x86_64-musl | linux-aarch64-musl)
    triple=${platform#linux-} triple=${triple%-musl}-unknown-linux-musl suffix= ;;
  *)
    echo "$platform is no platform of a release" >&2
    exit 2
    ;;
esac

unset "${!CARGO_PROFILE_@}" # for a quicker loop; a release is what Cargo.toml says
export CARGO_TARGET_DIR=$PWD/build/dist/target
export CARGO_ZIGBUILD_CACHE_DIR=$PWD/build/dist/cache ZIG_GLOBAL_CACHE_DIR=$PWD/build/dist/cache/zig
# A crate's sources lie in a directory that is named after the registry, a mirror's or make vendor's.
cargo fetch --locked --quiet
crates=("${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/ "$PWD/vendor/")
# Of each pair the last one that fits is taken.
moved=("$(rustc --print sysroot)=/rust" "$PWD=/scramtoken" "${crates[@]/%/=/crates/}")
printf -v CFLAGS '%q ' "${moved[@]/#/-ffile-prefix-map=}" -g0
export CFLAGS CC_SHELL_ESCAPED_FLAGS=1

# rust FLAG...: what rustc is told, where a path may hold a space.
rust() {
  local flags=("${moved[@]/#/--remap-path-prefix=}" "$@")
  local IFS=$'\x1f'
  export CARGO_ENCODED_RUSTFLAGS="${flags[*]}"
}

mkdir -p "$directory"
case $platform in
  *-musl) rust -Ctarget-feature=-crt-static ;; # or there is no shared library
  *) rust ;;
esac
cargo-zigbuild rustc --locked --release --lib --crate-type cdylib --features "$DOORS" \
  --target "$triple$suffix"
install -m 755 "$CARGO_TARGET_DIR/$triple/release/libscramtoken.so" "$directory"
if [[ $platform == *-musl ]]; then
  # musl takes itself for any libc.*; auditwheel, and Alpine's tools, know it by Alpine's name alone.
  patchelf --replace-needed libc.so "libc.musl-${triple%%-*}.so.1" "$directory/libscramtoken.so"
fi

rust
case $platform in
  *-musl) pie=(-- -C link-arg=-pie) ;; # zig makes a static program position-independent when told to
  *) pie=() ;;
esac
cargo-zigbuild rustc --locked --profile program --bin scramtoken --features cli \
  --target "$triple$suffix" "${pie[@]}"
install -m 755 "$CARGO_TARGET_DIR/$triple/program/scramtoken" "$directory"
