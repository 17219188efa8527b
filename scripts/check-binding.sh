#!/bin/sh
# src/native/binding.d.ts, which the build of the addon writes, is the one that the addon has now.
set -eu
cd "$(dirname "$0")/.."

binding=src/native/binding.d.ts
before=$(mktemp)
trap 'rm -f "$before"' EXIT
cp "$binding" "$before"
npm run --silent build:addon
if ! diff -u "$before" "$binding" >&2; then
    echo "$binding was out of date and is now rewritten: commit it with the change to the addon" >&2
    exit 1
fi
