# Disks that are unplugged or change their size while they are copied.
. "$GUEST/lib.sh"
names=('destination unplugged' 'the same, plugged in again' 'source unplugged' 'destination shrinks' 'destination grows'
  'source shrinks' 'source grows')
if ! have_programs dmsetup || ! have_modules dm-mod dm-delay; then
  for name in "${names[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
MiB=$((1 << 20))
source=$(disk source) destination=$(disk destination)
size=$(bytes "$source")
noise "$source" a 0 "$size"
# Each read of the slow device takes a moment, so that there is time while it is copied.
dmsetup create slow --table "0 $((size / 512)) delay $source 0 200"
dmsetup mknodes slow
slow=/dev/mapper/slow

sectors_written() { awk '{ print $7 }' "/sys/block/${1##*/}/stat"; }
has_written() { [ "$(sectors_written "$1")" -gt "$2" ]; }

has_begun_or_ended() { ! kill -0 "$1" 2>/dev/null || has_written "$2" "$3"; }

# Gives a disk another size, and waits until the kernel has seen it: resized NAME DEVICE BYTES
resized() {
  ask resize "$1" "$3"
  until_true has_size "$2" "$3"
}
has_size() { [ "$(bytes "$1")" = "$2" ]; }

# Copies, and asks the driver for something once the first blocks are written: during SOURCE DESTINATION WORDS...
during() {
  local from=$1 to=$2 before
  before=$(sectors_written "$to")
  shift 2
  # Two blocks at a time, so that most of them come later.
  timeout -k 10 240 blockcopy sync --queue-depth 1 "$from" "$to" >/tmp/output 2>&1 </dev/null &
  until_true has_begun_or_ended $! "$to" "$before"
  ask "$@"
  wait $!
  fact code $?
  tail -n 20 /tmp/output | sed 's/^/text /' >&3
}

row 'destination unplugged'
during $slow "$destination" unplug destination

row 'the same, plugged in again'
ask plug destination
destination=$(disk destination)
run blockcopy sync "$source" "$destination"
compare "$source" "$destination"

first=$(disk first) second=$(disk second)
row 'destination shrinks'
noise "$first" b 0 "$size"
during $slow "$first" resize first $((2 * MiB))

row 'destination grows'
resized first "$first" "$size"
noise "$first" c 0 "$size"
during $slow "$first" resize first $((2 * size))
compare "$source" "$first" "$size"

row 'source shrinks'
noise "$second" d 0 "$size"
dmsetup remove slow
dmsetup create slow --table "0 $((size / 512)) delay $second 0 200"
dmsetup mknodes slow
during $slow "$destination" resize second $((2 * MiB))

row 'source grows'
resized second "$second" "$size"
noise "$second" e 0 "$size"
during $slow "$destination" resize second $((2 * size))
compare $slow "$destination" "$size"

row 'source unplugged'
dmsetup remove slow
dmsetup create slow --table "0 $((size / 512)) delay $source 0 200"
dmsetup mknodes slow
noise "$destination" f 0 "$size"
during $slow "$destination" unplug source
