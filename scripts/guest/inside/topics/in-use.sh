# Destinations in use: refused before anything is written.
. "$GUEST/lib.sh"
start_udev
. "$GUEST/lvm-quietly.sh"
source=$(disk source)
noise "$source" a 0 "$(bytes "$source")"

# Copies to a destination that must be refused: refused NAME DESTINATION
refused() {
  local before
  sync
  before=$(digest "$2")
  row "$1"
  run blockcopy sync --timeout 300 --allow-larger "$source" "$2"
  same_as destination "$before" "$(digest "$2")"
}

# Makes a file system whose unused parts the kernel does not write to after it is mounted.
quiet_ext4() { mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$1"; }

disk=$(disk mounted)
printf 'label: gpt\nstart=2048, size=10000\n' | sfdisk -q "$disk"
udevadm settle
until_true test -b "${disk}p1"
quiet_ext4 "${disk}p1"
mkdir -p /mnt/a /mnt/b
mount "${disk}p1" /mnt/a
refused 'mounted partition' "${disk}p1"
refused 'disk with a mounted partition' "$disk"

if have_programs lvm && have_modules dm-mod; then
  disk=$(disk lvm)
  lvm_quietly vgcreate -s 1M vg "$disk"
  lvm_quietly lvcreate -L 6M -n volume vg
  quiet_ext4 /dev/vg/volume
  mount /dev/vg/volume /mnt/b
  refused 'disk of a volume group' "$disk"
  refused 'mounted volume' /dev/vg/volume
else
  for name in 'disk of a volume group' 'mounted volume'; do row "$name"; skip "$missing"; done
fi

if have_programs mdadm && have_modules raid1; then
  disk=$(disk md)
  mdadm --create /dev/md0 --quiet --run --force --level=1 --raid-devices=1 --metadata=1.2 --bitmap=none "$disk"
  refused 'member of a mirror' "$disk"
else
  row 'member of a mirror'
  skip "$missing"
fi

if have_programs cryptsetup && have_modules dm-crypt; then
  disk=$(disk crypt)
  cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --key-file /dev/urandom --keyfile-size 32 "$disk" crypt
  refused 'disk below dm-crypt' "$disk"
else
  row 'disk below dm-crypt'
  skip "$missing"
fi

disk=$(disk swap)
mkswap "$disk" >/dev/null
swapon "$disk"
refused 'swap' "$disk"

if have_modules loop; then
  disk=$(disk loop)
  losetup /dev/loop0 "$disk"
  refused 'disk below a loop device' "$disk"
else
  row 'disk below a loop device'
  skip "$missing"
fi

if have_modules dm-mod; then
  disk=$(disk mapped)
  dmsetup create mapped --table "0 2048 linear $disk 0"
  refused 'disk below device-mapper' "$disk"
else
  row 'disk below device-mapper'
  skip "$missing"
fi

row 'once it is free'
umount /mnt/a
run blockcopy sync --timeout 300 --allow-larger "$source" "$(disk mounted)"
compare "$source" "$(disk mounted)" 4194304
