#!/usr/bin/env bash
# How fast `blockcopy checksum` gets through a file in memory, as a whole process from start to end, in MB/s: on one core
# compared with OpenSSL on the same core, on all cores, and on one core with BLAKE3. Five rounds, then the medians.
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

row='%8s %9s %11s %9s %7s %7s\n'
printf "$row" openssl 'one core' 'to openssl' "$(nproc) cores" 'to one' blake3
for _ in 1 2 3 4 5; do
  openssl=$(taskset -c "$core" openssl speed -mr -elapsed -evp sha3-512 -bytes 131072 -seconds 1 2>&1 |
    sed -n 's/^+F:.*:\([0-9]*\)\..*/\1/p')
  one=$(rate taskset -c "$core" dist/cli/blockcopy checksum "$work/file")
  all=$(rate dist/cli/blockcopy checksum "$work/file")
  blake3=$(rate taskset -c "$core" dist/cli/blockcopy checksum --extended --digest blake3 "$work/file")
  awk -v o="$openssl" -v a="$one" -v b="$all" -v c="$blake3" 'BEGIN {
    printf "%.0f\t%d\t%.2f\t%d\t%.2f\t%d\n", o / 1e6, a, a * 1e6 / o, b, b / a, c
  }' | tee -a "$work/rounds" | xargs printf "$row"
done
echo medians
printf "$row" "$(median 1)" "$(median 2)" "$(median 3)" "$(median 4)" "$(median 5)" "$(median 6)"
