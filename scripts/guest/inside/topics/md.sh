# RAID 1, whole and degraded.
. "$GUEST/lib.sh"
names=('to a mirror' 'to a degraded mirror' 'the mirror once it is whole again' 'from a degraded mirror')
if ! have_programs mdadm || ! have_modules raid1; then
  for name in "${names[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
start_udev
source=$(disk source) one=$(disk one) two=$(disk two)
mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.0 --bitmap=none --assume-clean "$one" "$two"
length=$(bytes "$source")
noise "$source" a 0 "$(bytes "$source")"

row "${names[0]}"
run blockcopy sync --timeout 300 --allow-larger "$source" /dev/md0
compare "$source" /dev/md0 "$length"
# The data begin at offset 0 of both members.
if cmp -n "$length" "$one" "$two"; then fact members equal; else fact members different; fi

row "${names[1]}"
mdadm --quiet /dev/md0 --fail "$two"
noise "$source" b 100000 500000
run blockcopy sync --timeout 300 --allow-larger "$source" /dev/md0
compare "$source" /dev/md0 "$length"

row "${names[2]}"
until_true mdadm --quiet /dev/md0 --remove "$two" 2>/dev/null
mdadm --quiet --zero-superblock "$two"
mdadm --quiet /dev/md0 --add "$two"
mdadm --quiet --wait /dev/md0
run blockcopy sync --timeout 300 --allow-larger "$source" /dev/md0
if cmp -n "$length" "$source" "$two"; then fact 'new member' equal; else fact 'new member' different; fi

row "${names[3]}"
mdadm --quiet /dev/md0 --fail "$one"
dd if=/dev/zero of="$source" bs=64K count=20 conv=notrunc,fsync status=none
run blockcopy sync --timeout 300 --end "$length" /dev/md0 "$source"
compare /dev/md0 "$source" "$length"
