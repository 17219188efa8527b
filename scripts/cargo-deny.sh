#!/bin/sh
# Runs the cargo-deny that this project is checked with, and builds it into target/tools where it is missing.
# Usage: scripts/cargo-deny.sh check bans licenses sources
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
tools=target/tools

if [ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $version" ]; then
    echo "cargo-deny $version is not in $tools: building it there, which takes a minute or two" >&2
    # Unoptimized, and without what a debugger needs: built in a third of the time, and as quick on a graph of this size.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features --root "$tools" "cargo-deny@$version"
fi
exec "$tools/bin/cargo-deny" "$@"
