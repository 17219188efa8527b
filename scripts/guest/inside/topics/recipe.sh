# The recipe of the manual for LVM thin volumes, word for word. The driver has put it into /guest/recipe.
. "$GUEST/lib.sh"
row 'thin_delta as the manual has it'
if ! have_programs lvm thin_delta thin_check ssh sshd ssh-keygen || ! have_modules dm-thin-pool; then
  skip "$missing"
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
. "$GUEST/ssh.sh"
MiB=$((1 << 20))

# The volume with the thin id 1 is what the copy equals; the one with the id 2 was changed since.
lvm_quietly vgcreate -s 1M vg "$(disk pool)"
lvm_quietly lvcreate --type thin-pool -L 16M -c 64k --poolmetadatasize 2M -n pool vg
lvm_quietly lvcreate -V 16M -T vg/pool -n snap1
noise /dev/vg/snap1 a $((2 * MiB)) $((4 * MiB))
lvm_quietly lvcreate -s -kn -n snap2 vg/snap1
noise /dev/vg/snap2 b $((3 * MiB + 1000)) 70000
noise /dev/vg/snap2 c $((16 * MiB - 512)) 512
blkdiscard -o $((5 * MiB)) -l $((1 * MiB)) /dev/vg/snap2
fact ids "$(lvs --noheadings -o thin_id vg/snap1 | tr -d ' '),$(lvs --noheadings -o thin_id vg/snap2 | tr -d ' ')"
lvm_quietly lvcreate -L 16M -n copy vg
dd if=/dev/vg/snap1 of=/dev/vg/copy bs=1M conv=fsync status=none

start_sshd dest
cd /tmp || exit
# On a machine that is too slow for --timeout, the copy ends with 75: "run the same command again".
for _ in 1 2 3 4 5; do
  attempt bash -e "$GUEST/recipe"
  if [ "$code" != 75 ]; then break; fi
done
tell_result
compare /dev/vg/snap2 /dev/vg/copy
# The recipe has left nothing open: the metadata snapshot is released.
fact 'metadata snapshot' "$(dmsetup status /dev/mapper/vg-pool-tpool | awk '{ print $7 }')"
