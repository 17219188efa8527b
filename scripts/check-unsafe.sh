#!/bin/sh
# The workspace denies `unsafe_code`. This check keeps the list of the files that may lift that, so that whoever
# reviews memory safety knows what to read.
set -eu
cd "$(dirname "$0")/.."

home='crates/(keccak/src/arch/[^/]+|blockio/src/(aligned|sys/[^/]+)|addon/src/memory)\.rs'
lifted=$(grep -rn unsafe_code crates --include='*.rs' | grep -vE "^$home:|#!\[forbid\(unsafe_code\)\]" || true)
if [ -n "$lifted" ]; then
    printf '%s\n' "$lifted" >&2
    echo 'unsafe code is only for keccak/src/arch/*, blockio/src/aligned.rs, blockio/src/sys/* and addon/src/memory.rs' >&2
    exit 1
fi

# crates/start runs before the C library: there is nothing safe below it.
for manifest in crates/*/Cargo.toml; do
    [ "$manifest" != crates/start/Cargo.toml ] || continue
    if ! grep -A1 '^\[lints\]' "$manifest" | grep -q '^workspace = true'; then
        echo "$manifest does not take the lints of the workspace, which deny unsafe code" >&2
        exit 1
    fi
done
