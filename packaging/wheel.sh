#!/usr/bin/env bash
# Packs the wheel of one platform from what was built for it, and has auditwheel say that it is one.
#
# usage: packaging/wheel.sh BUILT TAG DIRECTORY
# BUILT holds libscramtoken.so and scramtoken; TAG is such as musllinux_1_2_x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."

built=$(realpath "$1")
tag=$2
directory=$3

# Modes go into the wheel: those of a checkout are its owner's taste.
tree=build/dist/wheel
rm -rf $tree
mkdir -p $tree
cp --recursive --dereference Cargo.toml python $tree
chmod -R u=rwX,go=rX $tree
umask 022
SCRAMTOKEN_PREBUILT=$built SCRAMTOKEN_PLATFORM_TAG=$tag SCRAMTOKEN_BOM=$(realpath build/dist/bom) \
  pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$directory" ./$tree/python
wheel=$(echo "$directory"/scramtoken-*"$tag.whl")
said=$(auditwheel show "$wheel" | tr '\n' ' ' | tr -s ' ')
if [[ $said != *"consistent with the following platform tag: \"${tag%%.*}\""* ]]; then
  echo "$wheel: auditwheel says: $said" >&2
  exit 1
fi
