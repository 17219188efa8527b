# dm-crypt, zram and virtio.
. "$GUEST/lib.sh"
start_udev
source=$(disk source) under=$(disk under) virtio=$(disk virtio)
size=$(bytes "$source")
noise "$source" a 0 "$size"

row 'to dm-crypt with sectors of 4096 bytes'
if have_programs cryptsetup && have_modules dm-crypt; then
  head -c 32 /dev/urandom >/tmp/key
  cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --key-file /tmp/key --sector-size 4096 "$under" crypt
  run blockcopy sync "$source" /dev/mapper/crypt
  compare "$source" /dev/mapper/crypt

  row 'zeros to dm-crypt, sparse'
  dd if=/dev/zero of="$source" bs=64K count=20 conv=notrunc,fsync status=none
  run blockcopy sync --sparse "$source" /dev/mapper/crypt
  compare "$source" /dev/mapper/crypt
else
  skip "$missing"
  row 'zeros to dm-crypt, sparse'
  skip "$missing"
fi

row 'to zram'
if have_modules zram; then
  until_true test -e /sys/block/zram0/disksize
  echo "$size" >/sys/block/zram0/disksize
  run blockcopy sync "$source" /dev/zram0
  compare "$source" /dev/zram0
else
  skip "$missing"
fi

row 'to virtio'
run blockcopy sync "$source" "$virtio"
compare "$source" "$virtio"

row 'from virtio, sparse'
dd if=/dev/zero of="$virtio" bs=64K count=10 seek=20 conv=notrunc,fsync status=none
run blockcopy sync --sparse "$virtio" "$source"
compare "$virtio" "$source"
