# Thin volumes, and pools that are full.
. "$GUEST/lib.sh"
names=('thin volume to thin volume' 'zeros that replace data' 'to a pool that is full' 'the same, with room'
  'to a pool that is full, and waits for room')
if ! have_programs lvm thin_check || ! have_modules dm-thin-pool; then
  for name in "${names[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
MiB=$((1 << 20))
source=$(disk source)
lvm_quietly vgcreate -s 1M vg "$(disk pool)"
lvm_quietly lvcreate --type thin-pool -L 8M -c 64k --poolmetadatasize 2M -n pool vg
lvm_quietly lvchange --errorwhenfull y vg/pool
lvm_quietly lvcreate -V 16M -T vg/pool -n one
lvm_quietly lvcreate -V 16M -T vg/pool -n two
data() { lvs --noheadings -o data_percent vg/pool | tr -d ' '; }

row "${names[0]}"
noise /dev/vg/one a $((3 * MiB)) $((2 * MiB))
run blockcopy sync --sparse /dev/vg/one /dev/vg/two
compare /dev/vg/one /dev/vg/two
# Two of 8 MiB for each of the volumes: zeros that were there have taken no room.
fact used "$(data)"

row "${names[1]}"
run blockcopy sync --sparse "$source" /dev/vg/two
compare "$source" /dev/vg/two

row "${names[2]}"
noise "$source" b 0 $((16 * MiB))
run blockcopy sync "$source" /dev/vg/two
compare "$source" /dev/vg/two

row "${names[3]}"
lvm_quietly lvextend -L 24M vg/pool
run blockcopy sync "$source" /dev/vg/two
compare "$source" /dev/vg/two

row "${names[4]}"
echo 5 >/sys/module/dm_thin_pool/parameters/no_space_timeout
lvm_quietly lvchange --errorwhenfull n vg/pool
lvm_quietly lvcreate -V 16M -T vg/pool -n three
run blockcopy sync "$source" /dev/vg/three
compare "$source" /dev/vg/three
