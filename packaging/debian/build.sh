#!/usr/bin/env bash
# Makes the Debian packages libscramtoken0, libscramtoken-dev and scramtoken of what was built already.
# The same files and SOURCE_DATE_EPOCH give the same packages, byte for byte.
#
# usage: packaging/debian/build.sh ARCH LIBRARY PROGRAM OUT
#
# ARCH is amd64 or arm64, OUT the directory for the packages. Where PROGRAM does not run on this
# machine, DOCUMENTED in the environment names one of the same version that does: man pages and
# completions are printed by it. BOM names a directory with bills of materials, which then go into
# the packages. Without SOURCE_DATE_EPOCH the newest release of CHANGELOG.md dates them.
set -euo pipefail
umask 022
# Threads of xz would make the packages depend on the number of processors, an outer make its
# variables ours.
export LC_ALL=C.UTF-8 TZ=UTC DPKG_DEB_THREADS_MAX=1
unset MAKEFLAGS MFLAGS MAKELEVEL

(($# == 4)) || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }
arch=$1
library=$(realpath -e "$2")
program=$(realpath -e "$3")
mkdir -p "$4"
out=$(realpath -e "$4")
cd "$(dirname "$0")/../.."

upstream=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
revision=1
version=${upstream/-/\~}-$revision # 0.2.0-rc.1 comes before 0.2.0
maintainer=$(sed -n 's/^Maintainer: //p' packaging/debian/control)
# Each release as VERSION DATE, the newest first.
releases=$(sed -n 's/^## \[\([0-9][^]]*\)\] - \([0-9-]*\).*/\1 \2/p' CHANGELOG.md)

if [[ -z ${SOURCE_DATE_EPOCH:-} ]]; then
  read -r _ date <<<"$releases"
  [[ -n $date ]] || { echo "CHANGELOG.md has no release: set SOURCE_DATE_EPOCH." >&2; exit 1; }
  SOURCE_DATE_EPOCH=$(date -d "$date" +%s)
fi
export SOURCE_DATE_EPOCH

DOCUMENTED=$(realpath -e "${DOCUMENTED:-$program}")
if [[ $("$DOCUMENTED" --version 2>&1) != "scramtoken $upstream" ]]; then
  echo "$DOCUMENTED does not run here as scramtoken $upstream: name one that does by DOCUMENTED." >&2
  exit 1
fi
export LIBRARY=$library PROGRAM=$program DOCUMENTED

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/scramtoken-$upstream
mkdir "$tree"
cp -R Cargo.toml Makefile build.rs abi docs examples include packaging LICENSE-* *.md THIRD-PARTY "$tree"
cp -R packaging/debian "$tree"
if [[ -n ${BOM:-} ]]; then
  cp "$BOM/scramtoken-$upstream-library.cdx.json" "$BOM/scramtoken-$upstream-program.cdx.json" "$tree"
  echo "*-library.cdx.json" >>"$tree/debian/libscramtoken0.docs"
  echo "*-program.cdx.json" >>"$tree/debian/scramtoken.docs"
fi
cd "$tree"
find . -name __pycache__ -prune -exec rm -r {} +

indented() { sed -e 's/^$/./' -e 's/^/ /' "$1"; }
indented LICENSE-MIT >"$work/mit"
indented LICENSE-LMDB >"$work/lmdb"
sed -e "/^@LICENSE-MIT@/{r $work/mit
d}" -e "/^@LICENSE-LMDB@/{r $work/lmdb
d}" debian/copyright.in >debian/copyright

entry() { # entry VERSION DATE
  printf 'scramtoken (%s) unstable; urgency=medium\n\n' "$1"
  printf '  * The upstream changelog beside this one says what is new.\n\n'
  printf ' -- %s  %s\n\n' "$maintainer" "$(date -R -d "$2")"
}
{
  grep -q "^$upstream " <<<"$releases" || entry "$version" "@$SOURCE_DATE_EPOCH"
  while read -r release date; do
    [[ -z $release ]] || entry "${release/-/\~}-$revision" "$date"
  done <<<"$releases"
} >debian/changelog

# Files that are older than SOURCE_DATE_EPOCH keep their dates, which are those of this checkout.
find . -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

dpkg-buildpackage --build=binary --host-arch="$arch" --no-check-builddeps --unsigned-source \
  --unsigned-changes --no-pre-clean
install -m 644 "$work"/*.deb "$out"
