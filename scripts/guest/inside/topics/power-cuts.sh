# Copies whose power is cut, and what is on the disks afterwards. The driver serves the disks, and cuts the power.
# words: FILE-SYSTEM NUMBER PREVIOUS NEXT
#   PREVIOUS  "nothing" (new disks); or "finished", "unfinished": what the copy was when the power was cut
#   NEXT      "random" (the driver cuts at some request), "success" (right after the copy), or "nothing"
. "$GUEST/lib.sh"
read -r system number previous next <<<"$words"
MiB=$((1 << 20))
source=$(disk source) device=$(disk device) files=$(disk files)
size=$(bytes "$source")
mkdir -p /mnt/fs
have_modules "$system"

# Cuts with an even number are those of copies to a device, the others of copies to a file.
use_destination() {
  if [ $(($1 % 2)) = 0 ]; then destination=$device; else destination=/mnt/fs/copy; fi
  cache=/mnt/fs/cache.${destination##*/}
}
copy() { timeout -k 10 400 blockcopy sync -q --timeout 300 --digest-cache "$cache" --create "$source" "$destination" </dev/null; }
is_equal() { if cmp -s -n "$size" "$source" "$destination"; then echo equal; else echo different; fi; }

set_up() {
  noise "$source" "$system" 0 "$size"
  "mkfs.$system" -q "$files"
  mount "$files" /mnt/fs
  use_destination 0
  ask measure
  copy
  ask measured
  use_destination 1
  copy
}

# Compares what was copied, and repeats the copy. A digest cache may be refused, but not believed if it is wrong.
check() {
  use_destination $((number - 1))
  if mount "$files" /mnt/fs; then fact mounted yes; else fact mounted no; fi
  if [ "$previous" = finished ]; then fact copy "$(is_equal)"; fi
  copy
  code=$?
  if [ $code = 78 ]; then
    rm "$cache"
    copy
    code=$?
  fi
  fact again "$code-$(is_equal)"
}

change() {
  use_destination "$number"
  noise "$source" "$system-$number" $((number * 7919 * 512 % MiB)) $((3 * MiB))
  # Now and then, the file is a new one, whose name has to be on the disk too.
  if [ $((number % 4)) = 3 ]; then rm "$destination"; fi
  sync
}

row "cut $((number - 1)), $system"
if [ "$previous" = nothing ]; then set_up; else check; fi
if [ "$next" != nothing ]; then
  change
  if [ "$next" = random ]; then ask arm; fi
  if copy; then ask finished; fi
  ask cut
fi
