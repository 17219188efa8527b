#!/usr/bin/env bash
# Copies a sample between two loop devices (two files, when not root) with the three stages, and shows what
# the devices have in common before and after.
set -euo pipefail
cd "$(dirname "$0")/.."

blockcopy() { dist/cli/blockcopy "$@"; }

work=$(mktemp -d)
loops=()
clean_up() {
  for loop in "${loops[@]}"; do losetup --detach "$loop"; done
  rm -rf "$work"
}
trap clean_up EXIT

# Sets `target` to a loop device on the file, where this user may make one, and to the file otherwise.
attach() {
  target=$1
  if [ "$(id -u)" = 0 ] && command -v losetup >/dev/null && loop=$(losetup --find --show "$1" 2>/dev/null); then
    loops+=("$loop")
    target=$loop
  fi
}

same_blocks() {
  local same=0 index
  for ((index = 0; index < blocks; index++)); do
    if cmp -s -n 131072 -i $((index * 131072)) "$1" "$2"; then same=$((same + 1)); fi
  done
  echo "$same of $blocks blocks of 128 KiB are the same"
}

blocks=512
head -c $((blocks * 131072)) /dev/urandom > "$work/source.img"
cp "$work/source.img" "$work/copy.img"
for index in 3 77 200 201 511; do
  echo "an older version" | dd of="$work/copy.img" bs=1 seek=$((index * 131072 + 5000)) conv=notrunc status=none
done
sync "$work"/*.img

attach "$work/source.img" && source=$target
attach "$work/copy.img" && copy=$target

echo "source       $source"
echo "destination  $copy"
echo "before       $(same_blocks "$source" "$copy")"
echo
echo "\$ blockcopy checksum $copy | blockcopy retrieve $source | blockcopy save $copy"
blockcopy checksum "$copy" | blockcopy retrieve "$source" | tee "$work/blocks" | blockcopy save "$copy"
echo
echo "sent         $(stat -c %s "$work/blocks") bytes of $((blocks * 131072))"
echo "after        $(same_blocks "$source" "$copy")"
cmp "$source" "$copy"
echo "cmp          $source and $copy are identical"
