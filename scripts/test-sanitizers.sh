#!/usr/bin/env bash
# npm run test:sanitizers [-- address thread miri]
#
# Runs the tests of the crates keccak, blockio and engine under AddressSanitizer with its search for leaks, and under
# ThreadSanitizer; and those without system calls and C code in Miri, which checks every access against Rust's rules and
# tries other orders of the threads. All of it unless some are named.
#
# They need a nightly toolchain with rust-src, Miri also its component. Without them it prints SKIPPED and how to get them;
# a red test and a report of a sanitizer are failures.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(-p blockcopy-keccak -p blockcopy-blockio -p blockcopy-engine)
host=x86_64-unknown-linux-gnu
# Orders of the threads that Miri tries.
seeds=${BLOCKCOPY_MIRI_SEEDS:-16}

skip() {
  echo "SKIPPED ($1): $2"
}

# Fails unless the component $1 of the nightly toolchain is there.
has() {
  rustup component list --toolchain nightly --installed 2>&1 | grep -q "^$1"
}

# Runs the tests with the sanitizer $1. The standard library is built with it, too, or its synchronization would not be seen.
sanitized() {
  if ! has rust-src; then
    skip "$1" 'rust-src is missing: rustup +nightly component add rust-src'
    return
  fi
  echo "== $1"
  CARGO_TARGET_DIR=target/sanitizers/$1 RUSTFLAGS="-Zsanitizer=$1" \
    cargo +nightly test --locked -Zbuild-std --target "$host" "${packages[@]}" --lib --test '*' --no-fail-fast
}

# Runs the tests that Miri can run: neither foreign code nor the system calls of files.
interpreted() {
  if ! has miri; then
    skip miri 'it is missing: rustup +nightly component add miri rust-src'
    return
  fi
  echo "== miri"
  local miri=(cargo +nightly miri test --locked)
  export CARGO_TARGET_DIR=target/sanitizers/miri
  # Memory that is shared between threads and with direct I/O: each order of the threads is another program.
  MIRIFLAGS=-Zmiri-many-seeds=0..$seeds "${miri[@]}" -p blockcopy-blockio --features memory --lib aligned
  "${miri[@]}" -p blockcopy-blockio --features memory --lib memory
  # The portable kernel: the processor that Miri is has no AVX2.
  "${miri[@]}" -p blockcopy-keccak --test suite -- interface known_answers::lengths known_answers::published
}

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  skip 'all of them' "they are set up for Linux on x86-64"
  exit 0
fi
if ! cargo +nightly --version > /dev/null 2>&1; then
  skip 'all of them' 'no nightly toolchain: rustup toolchain install nightly --component rust-src,miri'
  exit 0
fi
cargo +nightly --version

if [ $# -eq 0 ]; then set -- address thread miri; fi
for one; do
  case $one in
    address | thread) sanitized "$one" ;;
    miri) interpreted ;;
    *)
      echo "unknown sanitizer $one: name address, thread or miri" >&2
      exit 64
      ;;
  esac
done
