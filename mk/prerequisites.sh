#!/usr/bin/env bash
# Checks for everything that a build needs before it starts. What Debian packages is installed when
# root; otherwise the exact command is printed.
#
# usage: mk/prerequisites.sh [demo|test|test-builds|test-long|test-kubernetes|matrix|dist|test-release]
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-demo}
python=${PYTHON:-python3}
java_bin=${JAVA_HOME:+$JAVA_HOME/bin/}
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

has() { command -v "$1" >/dev/null; }

has_rust() {
  has "${CARGO:-cargo}" && has rustc || return
  local version
  version=$(rustc --version | cut -d' ' -f2)
  [[ $(printf '%s\n' "$rust_wanted" "${version%%-*}" | sort -V | head -n 1) == "$rust_wanted" ]]
}

has_jdk() { # 17 or newer; a JRE has no javac
  local version
  version=$("${java_bin}javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p') || return
  [[ -n $version && $version -ge 17 ]]
}

has_librdkafka() { [[ -e /usr/include/librdkafka/rdkafkacpp.h ]]; }

has_python() { "$python" -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 9)'; }

has_openssl() { [[ -e /usr/include/openssl/ssl.h ]]; }

has_kerberos() { "$python" -c 'import ctypes; ctypes.CDLL("libgssapi_krb5.so.2")'; }

case $(uname -m) in # whose packages are made beside this machine's own
  aarch64) foreign=x86_64 ;;
  *) foreign=aarch64 ;;
esac

targets=(aarch64-unknown-linux-gnu x86_64-unknown-linux-musl)
has_targets() {
  local target
  for target in "${targets[@]}"; do
    [[ -d $(rustc --print target-libdir --target "$target") ]] || return
  done
}

has_oldest_rust() { rustup run "$rust_wanted" rustc --version >/dev/null 2>&1; }

missing=()  # what people call it
packages=() # what Debian calls it
need() {    # need NAME PACKAGES CHECK...
  local name=$1 debian=$2
  shift 2
  if ! "$@" 2>/dev/null; then
    missing+=("$name")
    read -ra words <<<"$debian"
    packages+=("${words[@]}")
  fi
}

check() {
  missing=() packages=()
  need "a C compiler (cc)" "gcc libc6-dev" has cc
  need "a JDK, 17 or newer" default-jdk-headless has_jdk
  need "Maven" maven has mvn
  need "Python 3.9 or newer with venv" python3-venv has_python
  if [[ $purpose != test-builds && $purpose != dist ]]; then
    need "kcat" kcat has kcat
  fi
  if [[ $purpose == test* ]]; then
    need "a C++ compiler (c++)" g++ has c++
    need "valgrind" "valgrind libc6-dbg" has valgrind
    need "librdkafka's headers" librdkafka-dev has_librdkafka
    need "CMake" cmake has cmake
    need "libabigail's tools" abigail-tools has abidiff
    need "pkg-config" pkg-config has pkg-config
    need "MIT's Kerberos library" libgssapi-krb5-2 has_kerberos
  fi
  if [[ $purpose == test-builds ]]; then # for the platforms of docs/platforms.md
    need "a C compiler for aarch64" "gcc-aarch64-linux-gnu libc6-dev-arm64-cross" \
      has aarch64-linux-gnu-gcc
    need "a C compiler for musl" musl-tools has musl-gcc
    need "QEMU's user mode" qemu-user has qemu-aarch64
  fi
  if [[ $purpose == dist || $purpose == test-release ]]; then
    need "git" git has git
    need "xz" xz-utils has xz
    need "Debian's debhelper" "debhelper dpkg-dev" has dh
    need "binutils for $foreign" "binutils-${foreign//_/-}-linux-gnu" has "$foreign-linux-gnu-strip"
  fi
  if [[ $purpose == test-release ]]; then
    need "lintian" lintian has lintian
    need "mmdebstrap" mmdebstrap has mmdebstrap
    need "buildah" buildah has buildah
    need "a C compiler for musl" musl-tools has musl-gcc
    need "QEMU's user mode" qemu-user has qemu-aarch64
  fi
  if [[ $purpose == test-long || $purpose == test-kubernetes || $purpose == matrix ]]; then
    need "Go" golang-go has go # for clients in Go, and for an API server
  fi
  if [[ $purpose == test-long || $purpose == matrix ]]; then # for clients on Node.js and in Rust
    need "Node.js" "nodejs npm" has npm
    need "OpenSSL's headers" libssl-dev has_openssl
    need "pkg-config" pkg-config has pkg-config
    need "a C++ compiler (c++)" g++ has c++
    need "librdkafka's headers" librdkafka-dev has_librdkafka
  fi
}

if ! has_rust; then
  echo "Rust $rust_wanted or newer is missing. Install it with rustup (https://rustup.rs); where" >&2
  echo "Debian packages rustup:  apt-get install rustup && rustup default stable" >&2
  exit 1
fi

if [[ $purpose == test-builds ]] && ! { has_targets && has_oldest_rust; }; then
  if ! has rustup; then
    echo "These tests need rustup (https://rustup.rs), to build for other platforms" >&2
    echo "(${targets[*]}) and with Rust $rust_wanted." >&2
    exit 1
  fi
  rustup target add "${targets[@]}"
  rustup toolchain install "$rust_wanted" --profile minimal --no-self-update
fi

if [[ $purpose == dist || $purpose == test-release ]] && ! has rustup; then
  echo "A release takes rustup (https://rustup.rs), to build for other platforms." >&2
  exit 1
fi

if [[ $purpose == test-release && $(id -u) != 0 ]]; then
  echo "These tests install packages in systems of their own, which takes root, with Rust on its PATH:" >&2
  echo "  sudo env PATH=\"\$PATH\" CARGO_HOME=~/.cargo RUSTUP_HOME=~/.rustup make test-release" >&2
  exit 1
fi

if [[ -n ${JAVA_HOME:-} ]] && ! has_jdk; then
  echo "JAVA_HOME ($JAVA_HOME) is not a JDK, 17 or newer: unset it, or set it to one." >&2
  exit 1
fi

check
if ((${#packages[@]} > 0)); then
  printf 'Missing: %s\n' "${missing[@]}" >&2
  install=(apt-get install --yes --no-install-recommends "${packages[@]}")
  if ! has apt-get; then
    echo "Install them; on Debian:  ${install[*]}" >&2
    exit 1
  fi
  if [[ $(id -u) != 0 ]]; then
    echo "Install with:  sudo ${install[*]}" >&2
    exit 1
  fi
  echo "Installing with apt: ${packages[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update --quiet
  "${install[@]}"
  check
  if ((${#missing[@]} > 0)); then
    printf 'Still missing: %s\n' "${missing[@]}" >&2
    exit 1
  fi
fi
