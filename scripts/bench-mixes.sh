#!/usr/bin/env bash
# Copies 2 GiB of which 1 % of the blocks have changed, in all eight mixes of this program and blockcopy.py 0.0.2, checks
# each result with cmp, and prints how long each took.
#
#   scripts/bench-mixes.sh PATH/TO/blockcopy.py [SIZE_IN_MIB]
set -euo pipefail
cd "$(dirname "$0")/.."

peer="python3 ${1:?give the path of blockcopy.py 0.0.2}"
ours="node $PWD/dist/cli/main.js"
mebibytes=${2:-2048}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

head -c "${mebibytes}M" /dev/urandom > "$work/source"
cp "$work/source" "$work/base"
blocks=$((mebibytes * 8))
for block in $(shuf -i 0-$((blocks - 1)) -n $((blocks / 100)) --random-source=<(yes)); do
  printf 'changed' | dd of="$work/base" bs=8 seek=$((block * 16384 + block % 16384)) conv=notrunc status=none
done

name() { if [ "$1" = "$ours" ]; then echo ours; else echo peer; fi; }

printf '%-9s %-9s %-9s %8s\n' checksum retrieve save seconds
for checksum in "$ours" "$peer"; do
  for retrieve in "$ours" "$peer"; do
    for save in "$ours" "$peer"; do
      cp "$work/base" "$work/copy"
      sync
      begin=$(date +%s%N)
      $checksum checksum "$work/copy" | $retrieve retrieve "$work/source" | $save save "$work/copy"
      end=$(date +%s%N)
      cmp "$work/source" "$work/copy"
      printf '%-9s %-9s %-9s %5d.%02d\n' "$(name "$checksum")" "$(name "$retrieve")" "$(name "$save")" \
        $(((end - begin) / 1000000000)) $(((end - begin) / 10000000 % 100))
    done
  done
done
