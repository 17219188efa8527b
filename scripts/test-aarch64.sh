#!/usr/bin/env bash
# Compiles crates/keccak for aarch64 and runs its tests: directly where this machine is one, elsewhere under qemu-user,
# first on a processor with the SHA-3 instructions, which runs the neon kernel, then on one without, which must not.
#
# Elsewhere it needs cargo, a C compiler, and the apt-get of a Debian that has rustc-web. The compiler, the standard
# library for arm64 of the very same build, the cross linker and qemu are unpacked from Debian's packages into
# target/aarch64-qemu/root (250 MB to download, 1 GB on the disk) and installed nowhere, so it needs no root and leaves
# the toolchain of rust-toolchain.toml alone. They stay until that directory is deleted.
# They are downloaded only if CI is set or BLOCKCOPY_TEST_INSTALL is 1. Without them it prints SKIPPED and why; a failure
# to compile and a red test are failures.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname -m)" = aarch64 ]; then
  exec cargo test --locked -p blockcopy-keccak
fi

rig=$PWD/target/aarch64-qemu
root=$rig/root

skip() {
  echo "SKIPPED (aarch64): $1"
  exit 0
}

# Fills $root. Only a complete one gets that name: after a failure, the next run fetches it again.
fetch() {
  local version packages package
  if [ -z "${CI:-}" ] && [ "${BLOCKCOPY_TEST_INSTALL:-}" != 1 ]; then
    skip '250 MB of Debian packages are downloaded only with CI or BLOCKCOPY_TEST_INSTALL=1'
  fi
  if [ -z "$(command -v apt-get)" ]; then skip 'no apt-get, and the compiler comes from Debian'; fi
  mkdir -p "$rig"
  scratch=$(mktemp -d "$rig/fetch.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial" "$scratch/root"

  # Lists and cache of its own let apt work for any user, and know arm64 without telling dpkg of it. What is to be
  # unpacked here is hidden from it where the machine has it: half a toolchain here and half in /usr would not fit.
  awk -v RS= -v ORS='\n\n' '!/^Package: (rustc|libstd-rust|qemu-user|[^\n]*(-aarch64-linux-gnu|-arm64-cross))/' \
    /var/lib/dpkg/status > "$scratch/status"
  local apt=(
    -qq -o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Architectures::=arm64
    -o Dir::State::Lists="$scratch/lists" -o Dir::State::status="$scratch/status" -o Dir::Cache="$scratch/cache"
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1
  )
  echo 'fetching a compiler, a linker and qemu for aarch64 into target/aarch64-qemu, which takes a minute or two' >&2
  apt-get "${apt[@]}" update || skip 'apt-get cannot update its lists'

  # A security update can reach one architecture before the other: the one that arm64 has decides for both.
  version=$(apt-cache "${apt[@]}" policy libstd-rust-web-dev:arm64 | sed -n 's/^ *Candidate: //p')
  case $version in '' | '(none)') skip 'apt has no libstd-rust-web-dev for arm64' ;; esac
  packages=("rustc-web=$version" "libstd-rust-web-dev=$version" qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
  apt-get "${apt[@]}" install --yes --no-install-recommends --download-only "${packages[@]}" ||
    skip "apt-get cannot download ${packages[*]}"
  (cd "$scratch/cache/archives" && apt-get "${apt[@]}" download "libstd-rust-web-dev:arm64=$version") ||
    skip "apt-get cannot download libstd-rust-web-dev:arm64=$version"

  for package in "$scratch"/cache/archives/*.deb; do
    dpkg -x "$package" "$scratch/root"
  done
  mv "$scratch/root" "$root"
}

# Fails unless qemu's processor $1 has the SHA-3 instructions ($2 is true) or lacks them (false): with the wrong
# processor the tests would pass without the kernel that they are here for.
expect_sha3() {
  local found
  found=$(QEMU_CPU=$1 qemu-aarch64 "$rig/has-sha3")
  if [ "$found" != "$2" ]; then
    echo "the SHA-3 instructions on qemu's processor $1: found is $found, expected is $2" >&2
    exit 1
  fi
}

if [ ! -d "$root" ]; then fetch; fi

# Last in the PATH, because it holds a rustc too.
export PATH=$PATH:$root/usr/bin
libraries=$root/usr/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export RUSTC=$root/usr/bin/rustc RUSTDOC=$root/usr/bin/rustdoc
export QEMU_LD_PREFIX=$root/usr/aarch64-linux-gnu

# The linker script that is the libc.so of the cross packages names its parts by absolute paths: below this root.
cc=$rig/cc
printf '#!/bin/sh\nexec "%s/usr/bin/aarch64-linux-gnu-gcc" --sysroot="%s" "$@"\n' "$root" "$root" > "$cc"
chmod +x "$cc"

target=aarch64-unknown-linux-gnu
export CARGO_TARGET_DIR=$rig
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$cc CC_aarch64_unknown_linux_gnu=$cc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64

"$RUSTC" --edition 2024 --target "$target" -C linker="$cc" -o "$rig/has-sha3" - <<'RUST'
fn main() {
    println!("{}", std::arch::is_aarch64_feature_detected!("sha3"));
}
RUST

for processor in max:true cortex-a72:false; do
  export QEMU_CPU=${processor%:*}
  expect_sha3 "$QEMU_CPU" "${processor#*:}"
  echo "aarch64, processor $QEMU_CPU, SHA-3 instructions: ${processor#*:}"
  cargo --config profile.dev.debug=0 test --locked -p blockcopy-keccak --target "$target"
done
