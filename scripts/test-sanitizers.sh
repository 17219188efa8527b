#!/usr/bin/env bash
# npm run test:sanitizers [-- address thread miri loom]
#
# Runs the tests of the crates keccak, blockio and engine under AddressSanitizer with its search for leaks, and under
# ThreadSanitizer; those without system calls and C code in Miri, which checks every access against Rust's rules and
# tries other orders of the threads; and the model of the slab in loom, which tries all orders. All of it unless some
# are named.
#
# All but loom need a nightly toolchain with rust-src, Miri also its component. Without them it prints SKIPPED and how to
# get them; a red test and a report of a sanitizer are failures.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(-p blockcopy-keccak -p blockcopy-blockio -p blockcopy-engine)
host=x86_64-unknown-linux-gnu
# Orders of the threads that Miri tries.
seeds=${BLOCKCOPY_MIRI_SEEDS:-16}

# Fails, and says so, unless the component $2 of the nightly toolchain is there for $1.
has() {
  if rustup component list --toolchain nightly --installed 2>&1 | grep -q "^$2"; then
    cargo +nightly --version
    return
  fi
  echo "SKIPPED ($1): $2 is missing: rustup toolchain install nightly --component rust-src,miri"
  return 1
}

# Runs the tests with the sanitizer $1. The standard library is built with it, too, or its synchronization would not be seen.
sanitized() {
  has "$1" rust-src || return 0
  echo "== $1"
  # ThreadSanitizer's allocator writes the zeros that the system would give for nothing.
  local left_out=()
  if [ "$1" = thread ]; then left_out=(--skip untouched_memory_costs_nothing); fi
  # The C code is built with it as well. GCC 12 moves a constant table of zstd (ZSTD_selectBtGetAllMatches) out of its
  # scope, and then reports each use of it.
  if [ "$1" = address ]; then export CFLAGS=-fno-sanitize-address-use-after-scope; else unset CFLAGS; fi
  CARGO_TARGET_DIR=target/sanitizers/$1 RUSTFLAGS="-Zsanitizer=$1" \
    cargo +nightly test --locked -Zbuild-std --target "$host" "${packages[@]}" --lib --test '*' --no-fail-fast \
    -- "${left_out[@]}"
}

# Runs the tests that Miri can run: neither foreign code nor the system calls of files.
interpreted() {
  has miri miri || return 0
  echo "== miri"
  local miri=(cargo +nightly miri test --locked)
  export CARGO_TARGET_DIR=target/sanitizers/miri
  # The threads that fight over a slot: each order of them is another program.
  MIRIFLAGS=-Zmiri-many-seeds=0..$seeds "${miri[@]}" -p blockcopy-blockio --features memory --lib one_thread
  # proptest asks for its folder.
  export MIRIFLAGS=-Zmiri-disable-isolation
  "${miri[@]}" -p blockcopy-blockio --features memory --lib aligned
  # The portable kernel: the processor that Miri is has no AVX2.
  "${miri[@]}" -p blockcopy-keccak --test suite -- interface known_answers::lengths known_answers::published
}

# Runs the model of the slab: the same code, with the atomic numbers of loom.
modelled() {
  echo "== loom"
  CARGO_TARGET_DIR=target/sanitizers/loom RUSTFLAGS='--cfg loom' \
    cargo test --locked -p blockcopy-blockio --lib aligned::model
}

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo 'SKIPPED (all of them): they are set up for Linux on x86-64'
  exit 0
fi
if [ $# -eq 0 ]; then set -- loom miri address thread; fi
for one; do
  case $one in
    address | thread) sanitized "$one" ;;
    miri) interpreted ;;
    loom) modelled ;;
    *)
      echo "unknown tool $one: name address, thread, miri or loom" >&2
      exit 64
      ;;
  esac
done
