# Linear LVM volumes and a snapshot of one.
. "$GUEST/lib.sh"
if ! have_programs lvm || ! have_modules dm-mod dm-snapshot; then
  for name in 'linear volume to linear volume' 'snapshot of a changed volume'; do row "$name"; skip "$missing"; done
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
lvm_quietly vgcreate -s 1M vg "$(disk first)" "$(disk second)"
for name in disk copy; do lvm_quietly lvcreate -L 12M -n $name vg; done
# 12 MiB do not fit on what is left of the first disk: this volume has two segments.
noise /dev/vg/disk a 0 $((12 << 20))

row 'linear volume to linear volume'
run blockcopy sync /dev/vg/disk /dev/vg/copy
compare /dev/vg/disk /dev/vg/copy

row 'snapshot of a changed volume'
frozen=$(digest /dev/vg/disk)
lvm_quietly lvcreate -s -L 4M -n snap vg/disk
noise /dev/vg/disk b 1000000 300000
noise /dev/vg/copy c 5000000 1000
run blockcopy sync /dev/vg/snap /dev/vg/copy
same_as copy "$frozen" "$(digest /dev/vg/copy)"
