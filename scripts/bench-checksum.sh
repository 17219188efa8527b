#!/usr/bin/env bash
# How fast `blockcopy checksum` hashes a file in memory, as a whole process from start to end: on one core beside OpenSSL on
# the same core, and on all cores. Five rounds, then the medians.
#
#   scripts/bench-checksum.sh [SIZE_IN_MIB]
set -euo pipefail
cd "$(dirname "$0")/.."

mebibytes=${1:-2048}
core=$(($(nproc) - 1))
work=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work"' EXIT
head -c "${mebibytes}M" /dev/urandom > "$work/file"

# Prints the megabytes (10^6) that the command gets through in a second.
rate() {
  local begin end
  begin=$(date +%s%N)
  "$@" > "$work/hashes"
  end=$(date +%s%N)
  echo $((mebibytes * 1048576 * 1000 / (end - begin)))
}

# Prints the middle one of the numbers in a column of the rounds.
median() { cut -f "$1" "$work/rounds" | sort -g | sed -n 3p; }

printf '%8s %9s %10s %9s %9s\n' openssl 'one core' 'to openssl' "$(nproc) cores" 'to one'
for _ in 1 2 3 4 5; do
  openssl=$(taskset -c "$core" openssl speed -mr -elapsed -evp sha3-512 -bytes 131072 -seconds 1 2>&1 |
    sed -n 's/^+F:.*:\([0-9]*\)\..*/\1/p')
  one=$(rate taskset -c "$core" node dist/cli/main.js checksum "$work/file")
  all=$(rate node dist/cli/main.js checksum "$work/file")
  awk -v o="$openssl" -v a="$one" -v b="$all" 'BEGIN {
    printf "%.0f\t%d\t%.2f\t%d\t%.2f\n", o / 1e6, a, a * 1e6 / o, b, b / a
  }' | tee -a "$work/rounds" | awk '{ printf "%8s %9s %10s %9s %9s\n", $1, $2, $3, $4, $5 }'
done
printf '%8s %9s %10s %9s %9s   medians\n' "$(median 1)" "$(median 2)" "$(median 3)" "$(median 4)" "$(median 5)"
