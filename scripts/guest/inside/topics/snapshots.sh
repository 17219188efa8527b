# Copies of volumes that are written to: snapshots made by `sync` itself.
. "$GUEST/lib.sh"
. "$GUEST/snapshots-lib.sh"
kinds='lvm thin'
each=('a source in use' 'a moment' killed 'ended by a signal' hooks 'a command that fails' full)
others=('lvm: full at the end' 'a snapshot that another process holds' 'lvm: no room' 'lvm: killed, with room for one snapshot' 'onto its origin' 'a device without volumes' 'the connection is lost')
if ! have_programs lvm thin_check || ! have_modules dm-mod dm-snapshot dm-thin-pool; then
  for kind in $kinds; do for name in "${each[@]}"; do row "$kind: $name"; skip "$missing"; done; done
  for name in "${others[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
MiB=$((1 << 20))
lvm_quietly vgcreate -s 1M vg "$(disk group)"
lvm_quietly lvcreate --type thin-pool -L 30M -c 64k --poolmetadatasize 2M -n pool vg
lvm_quietly lvchange --errorwhenfull y vg/pool
lvm_quietly lvcreate -V 12M -T vg/pool -n thin
lvm_quietly lvcreate -L 12M -n lvm vg
copy=$(disk copy)

for kind in $kinds; do
  source=/dev/vg/$kind
  # The writer changes all of the volume.
  if [ $kind = lvm ]; then room='--snapshot-size 14M'; else room=; fi
  noise "$source" a 0 $((12 * MiB))

  row "$kind: a source in use"
  start_writer "$source"
  run blockcopy sync -n --allow-larger "$source" "$copy"
  stop_writer

  row "$kind: a moment"
  start_writer "$source"
  run blockcopy sync --allow-larger --snapshot auto $room --bwlimit 8M "$source" "$copy"
  stop_writer
  fact moments "$(moments "$copy")"
  fact left "$(left)"

  row "$kind: killed"
  start_slowly "$source" "$(disk other)"
  alive=$slow
  mine=$(snapshots)
  start_slowly "$source" "$copy"
  kill_tree "$slow"
  fact killed "$(left)"
  run blockcopy sync --allow-larger --snapshot "$kind" "$source" "$copy"
  # Only that of the copy that still runs is there.
  same_as 'the other' "$mine" "$(snapshots)"
  kill -TERM "$alive"
  wait "$alive"
  fact 'other code' $?
  fact left "$(left)"

  row "$kind: ended by a signal"
  start_slowly "$source" "$copy"
  kill -TERM "$slow"
  wait "$slow"
  fact code $?
  until_true none_left
  fact left "$(left)"

  row "$kind: hooks"
  rm -f /tmp/hooks
  run blockcopy sync --allow-larger --snapshot "$kind" --before 'echo "before $BLOCKCOPY_SOURCE $BLOCKCOPY_SNAPSHOT" >>/tmp/hooks' \
    --after 'echo "after $(lvs --noheadings -o lv_name vg | grep -c blockcopy)" >>/tmp/hooks' "$source" "$copy"
  fact hooks "$(tr '\n ' ',,' </tmp/hooks)"
  compare "$source" "$copy"

  row "$kind: a command that fails"
  rm -f /tmp/hooks
  noise "$source" d 0 100000
  before=$(digest "$copy")
  run blockcopy sync --allow-larger --snapshot "$kind" --before 'echo the database is gone; exit 3' --after 'echo after >>/tmp/hooks' "$source" "$copy"
  fact hooks "$(cat /tmp/hooks)"
  same_as destination "$before" "$(digest "$copy")"
  fact left "$(left)"
done

row 'lvm: full'
before=$(digest "$copy")
run blockcopy sync --allow-larger --snapshot lvm --snapshot-size 1M \
  --after 'dd if=/dev/zero of=/dev/vg/lvm bs=1M count=4 oflag=direct status=none' /dev/vg/lvm "$copy"
fact left "$(left)"

row 'lvm: full at the end'
# All of the snapshot that is read is in its origin still, so that no read fails.
run blockcopy sync --allow-larger --snapshot lvm --snapshot-size 1M --start 11M --end 12M --bwlimit 128K \
  --after '(sleep 1; dd if=/dev/zero of=/dev/vg/lvm bs=1M count=4 oflag=direct status=none) >/dev/null 2>&1 &' /dev/vg/lvm "$copy"
fact left "$(left)"

row 'a snapshot that another process holds'
noise "$copy" other 0 $((12 * MiB))
run blockcopy sync --allow-larger --snapshot lvm \
  --after 'for held in /dev/vg/*-blockcopy-*; do sleep 10000 <"$held" >/dev/null 2>&1 & echo $! >/tmp/holder; done' /dev/vg/lvm "$copy"
compare /dev/vg/lvm "$copy"
fact 'left at first' "$(left)"
kill "$(cat /tmp/holder)"
blockcopy sync -q --allow-larger --snapshot lvm /dev/vg/lvm "$copy"
fact left "$(left)"

row 'lvm: no room'
run blockcopy sync --allow-larger --snapshot lvm --snapshot-size 1G /dev/vg/lvm "$copy"

row 'lvm: killed, with room for one snapshot'
start_slowly /dev/vg/lvm "$copy" --snapshot-size 20M
kill_tree "$slow"
fact killed "$(left)"
run blockcopy sync --allow-larger --snapshot lvm --snapshot-size 20M /dev/vg/lvm "$copy"
compare /dev/vg/lvm "$copy"
fact left "$(left)"

row 'onto its origin'
run blockcopy sync --force --snapshot thin /dev/vg/thin /dev/vg/thin
fact left "$(left)"

row 'a device without volumes'
run blockcopy sync --allow-larger --snapshot auto "$(disk other)" "$copy"

row 'the connection is lost'
. "$GUEST/ssh.sh"
if have_programs ssh sshd ssh-keygen; then
  start_sshd source
  noise "$copy" other 0 $((12 * MiB))
  blockcopy sync --allow-larger --snapshot auto --bwlimit 256K source:/dev/vg/thin "$copy" >/tmp/slow 2>&1 &
  slow=$!
  until_true more_left_than 0
  kill_tree "$slow"
  until_true none_left
  fact left "$(left)"
else
  skip "$missing"
fi

row 'thin: full'
lvm_quietly lvcreate -V 30M -T vg/pool -n filler
dd if=/dev/zero of=/dev/vg/filler bs=64k oflag=direct status=none
run blockcopy sync --allow-larger --snapshot thin /dev/vg/thin "$copy"
fact left "$(left)"
