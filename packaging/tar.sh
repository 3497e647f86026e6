#!/usr/bin/env bash
# Packs a directory into an archive that is the same wherever and whenever it is made, with NAME/ before
# each path. The date of everything is SOURCE_DATE_EPOCH.
#
# usage: packaging/tar.sh DIRECTORY NAME FILE.tar.{gz,xz}
set -euo pipefail

directory=$1
name=$2
file=$3

case $file in
  *.gz) compress="gzip --no-name -9" ;;
  *.xz) compress="xz --threads=1 -1" ;;
  *)
    echo "$file: neither .gz nor .xz" >&2
    exit 2
    ;;
esac

LC_ALL=C tar --create --directory "$directory" --transform "flags=rSH;s,^\.,$name," --sort=name --format=gnu \
  --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX \
  --use-compress-program "$compress" --file "$(realpath "$file")" .
