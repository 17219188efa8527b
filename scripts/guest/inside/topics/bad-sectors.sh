# Disks that fail at one place: by dm-flakey, by dm-dust, and as an NVMe disk reports it.
. "$GUEST/lib.sh"
good=$(disk good) bad=$(disk bad) nvme=$(disk nvme)
size=$(bytes "$good")
noise "$good" a 0 "$size"
dd if="$good" of="$bad" bs=1M conv=fsync status=none
place=$((3 << 20)) # one MiB from here on is bad

# Maps the bad disk with one MiB that dm-flakey makes fail: flakey NAME FEATURES...
flakey() {
  local name=$1 at=$((place / 512)) all=$((size / 512))
  shift
  dmsetup create "$name" <<TABLE || return
0 $at linear $bad 0
$at 2048 flakey $bad $at 0 3600 $# $*
$((at + 2048)) $((all - at - 2048)) linear $bad $((at + 2048))
TABLE
  dmsetup mknodes "$name"
}
prepare() { have_programs dmsetup && have_modules dm-mod dm-flakey; }

row 'source that cannot be read'
if prepare; then
  flakey unreadable
  run blockcopy sync /dev/mapper/unreadable "$nvme"

  row 'the same, three stages'
  run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 $0 | blockcopy retrieve $1 | blockcopy save $0' "$nvme" /dev/mapper/unreadable

  row 'destination that cannot be read'
  run blockcopy sync "$good" /dev/mapper/unreadable
  dmsetup remove unreadable
else
  skip "$missing"
  for name in 'the same, three stages' 'destination that cannot be read'; do row "$name"; skip "$missing"; done
fi

row 'errors of reading alone'
if prepare && flakey unreadable error_reads 2>/dev/null; then
  run blockcopy sync /dev/mapper/unreadable "$nvme"
  dmsetup remove unreadable
else
  skip "${missing:-dm-flakey of this kernel has no error_reads}"
fi

for direct in auto off; do
  row "destination that cannot be written, --direct $direct"
  if prepare; then
    flakey unwritable error_writes
    noise "$good" "b$direct" $((place - 1000)) 9000
    run blockcopy sync --direct $direct "$good" /dev/mapper/unwritable
    compare "$good" /dev/mapper/unwritable
    dmsetup remove unwritable
  else
    skip "$missing"
  fi
done

row 'dm-dust'
if have_modules dm-dust; then
  dmsetup create dust --table "0 $((size / 512)) dust $bad 0 512"
  dmsetup message dust 0 addbadblock $((place / 512))
  dmsetup message dust 0 enable
  run blockcopy sync /dev/mapper/dust "$nvme"
else
  skip "$missing"
fi

row 'NVMe source with a bad sector'
dd if="$good" of="$nvme" bs=1M conv=fsync status=none
ask damage nvme "$place"
echo 3 >/proc/sys/vm/drop_caches
run blockcopy sync "$nvme" "$bad"

row 'NVMe destination with a bad sector'
run blockcopy sync "$good" "$nvme"

row 'the same, once the sector was written'
dd if=/dev/zero of="$nvme" bs=4K seek=$((place / 4096)) count=1 oflag=direct conv=notrunc status=none
run blockcopy sync "$good" "$nvme"
compare "$good" "$nvme"
