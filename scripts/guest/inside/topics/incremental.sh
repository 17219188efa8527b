# Copies of thin volumes that compare only what has changed since the last one, or say why not.
. "$GUEST/lib.sh"
. "$GUEST/snapshots-lib.sh"
. "$GUEST/incremental-lib.sh"
names=('the first night' 'the second night' 'the third night' 'nothing has changed' 'two at once' 'another destination'
  'the first destination again' 'a destination that something else wrote to' 'a metadata snapshot of another program'
  'thin_delta fails' 'a thin_delta that leaves out blocks' 'the record is lost'
  'the base is gone' 'rolled back' 'created again' 'an audit that finds a difference'
  'after that audit' 'two names for one destination' 'two names at once' 'between hosts' 'to a file' 'the same file' 'the file was written to' 'a volume that is not thin'
  'a full pool')
if ! have_programs lvm thin_delta thin_check dmsetup lvconvert ssh sshd ssh-keygen || ! have_modules dm-thin-pool; then
  for name in "${names[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
MiB=$((1 << 20))
make_thin "$(disk group)"
copy=$(disk copy)
other=$(disk other)
noise /dev/vg/disk a 0 $((20 * MiB))
noise "$copy" other 0 $((32 * MiB))

row 'the first night'
nightly
outcome
fact mode "$(stat -c %a $STATE)"

row 'the second night'
noise /dev/vg/disk b $((3 * MiB + 1000)) 70000
noise /dev/vg/disk c $((32 * MiB - 512)) 512
blkdiscard -o $((8 * MiB)) -l $((1 * MiB)) /dev/vg/disk
before=$(sectors_read "$copy")
before_pool=$(sectors_read /dev/mapper/vg-pool_tdata)
nightly
# udev reads the first and last sectors of devices.
fact 'MiB read of the destination' $((($(sectors_read "$copy") - before) / 2048))
fact 'MiB read of the source' $((($(sectors_read /dev/mapper/vg-pool_tdata) - before_pool) / 2048))
outcome

row 'the third night'
noise /dev/vg/disk d $((8 * MiB + 4096)) 100
blkdiscard -o 0 -l $((1 * MiB)) /dev/vg/disk
nightly --before 'echo before >/tmp/hooks' --after 'echo after >>/tmp/hooks' --verify written
fact hooks "$(tr '\n ' ',,' </tmp/hooks)"
outcome

row 'nothing has changed'
nightly
outcome

row 'two at once'
blockcopy sync --incremental nightly --before 'echo >/tmp/first; sleep 600' --hook-timeout 600 \
  /dev/vg/disk "$other" >/tmp/slow 2>&1 &
slow=$!
until_true test -s /tmp/first
nightly
kill -TERM "$slow"
wait "$slow"
fact bases "$(bases)"

row 'another destination'
run blockcopy sync --incremental nightly /dev/vg/disk "$other"
compare /dev/vg/disk "$other"

row 'the first destination again'
noise /dev/vg/disk e $((5 * MiB)) 1000
nightly
outcome

row 'a destination that something else wrote to'
noise "$copy" f $((30 * MiB)) 1000
nightly -q
outcome

row 'a metadata snapshot of another program'
dmsetup message vg-pool-tpool 0 reserve_metadata_snap
noise /dev/vg/disk g $((6 * MiB)) 1000
held=$(held)
nightly
same_as theirs "$held" "$(held)"
dmsetup message vg-pool-tpool 0 release_metadata_snap
outcome

row 'thin_delta fails'
tool=$(readlink -f "$(command -v thin_delta)")
printf '#!/bin/sh\nexit 1\n' >/tmp/fails
chmod 755 /tmp/fails
mount --bind /tmp/fails "$tool"
nightly
umount "$tool"
outcome

row 'a thin_delta that leaves out blocks'
printf '#!/bin/sh\necho thin_delta 1.0.4\n' >/tmp/fails
mount --bind /tmp/fails "$tool"
nightly -q
umount "$tool"
outcome

row 'the record is lost'
rm "$STATE/nightly:vg:disk.base"
nightly -q
outcome

row 'the base is gone'
lvm_quietly lvremove vg/"$(kept | awk '{ print $1 }')"
nightly
outcome

row 'rolled back'
lvm_quietly lvcreate -s -n before vg/disk
noise /dev/vg/disk h $((24 * MiB)) $((1 * MiB))
quietly
lvm_quietly lvchange -an vg/disk vg/before
lvm_quietly lvconvert --merge vg/before
lvm_quietly lvchange -ay vg/disk
nightly
outcome

row 'created again'
lvm_quietly lvremove vg/disk
lvm_quietly lvcreate -V 32M -T vg/pool -n disk
noise /dev/vg/disk i $((2 * MiB)) $((3 * MiB))
nightly
outcome

row 'an audit that finds a difference'
# The volume does not count what is written to the disk below it.
lvm_quietly vgcreate -s 1M vg2 "$(disk below)"
lvm_quietly lvcreate -L 32M -n copy vg2
blockcopy sync -q --incremental audited /dev/vg/disk /dev/vg2/copy
noise "$(disk below)" j $((20 * MiB)) 1000
noise /dev/vg/disk k $((4 * MiB)) 1000
run blockcopy sync --incremental audited --audit 100% /dev/vg/disk /dev/vg2/copy
compare /dev/vg/disk /dev/vg2/copy

row 'after that audit'
noise "$(disk below)" l $((22 * MiB)) 1000
run blockcopy sync --incremental audited /dev/vg/disk /dev/vg2/copy
compare /dev/vg/disk /dev/vg2/copy

row 'two names for one destination'
echo damaged >$STATE/broken:vg:disk.base
run blockcopy sync --incremental second /dev/vg/disk /dev/vg2/copy
fact records "$(cd $STATE && echo audited*.base broken*.base second*.base | tr ' ' ,)"

row 'two names at once'
# The first one has written all, and its destination is free again, but its record is not there yet.
tool=$(readlink -f "$(command -v lvchange)")
cp "$tool" /tmp/lvchange
printf '#!/bin/sh\n: >/tmp/keeping\nwhile [ ! -e /tmp/go-on ]; do sleep 0.1; done\nexec /tmp/lvchange "$@"\n' >/tmp/waits
chmod 755 /tmp/waits
mount --bind /tmp/waits "$tool"
blockcopy sync --incremental third /dev/vg/disk /dev/vg2/copy >/tmp/slow 2>&1 &
slow=$!
until_true test -e /tmp/keeping
run blockcopy sync --incremental second /dev/vg/disk /dev/vg2/copy
: >/tmp/go-on
wait "$slow"
fact first "$?"
umount "$tool"

row 'between hosts'
. "$GUEST/ssh.sh"
start_sshd source
noise /dev/vg/disk m $((4 * MiB)) 1000
run blockcopy sync --incremental nightly source:/dev/vg/disk "$copy"
outcome

row 'to a file'
run blockcopy sync --create --incremental file /dev/vg/disk /tmp/copy.img
compare /dev/vg/disk /tmp/copy.img

row 'the same file'
noise /dev/vg/disk n $((4 * MiB)) 1000
run blockcopy sync --create --incremental file /dev/vg/disk /tmp/copy.img
compare /dev/vg/disk /tmp/copy.img

row 'the file was written to'
noise /tmp/copy.img o $((9 * MiB)) 1000
run blockcopy sync --create --incremental file /dev/vg/disk /tmp/copy.img
compare /dev/vg/disk /tmp/copy.img

row 'a volume that is not thin'
run blockcopy sync --incremental nightly /dev/vg2/copy "$copy"

row 'a full pool'
lvm_quietly lvcreate -V 64M -T vg/pool -n filler
dd if=/dev/zero of=/dev/vg/filler bs=64k oflag=direct status=none
nightly
fact held "$(held)"
