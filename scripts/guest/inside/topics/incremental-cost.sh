# The cost of a copy of what has changed, compared with that of a volume which has only that.
. "$GUEST/lib.sh"
. "$GUEST/snapshots-lib.sh"
. "$GUEST/incremental-lib.sh"
name='a hundredth has changed'
if ! have_programs lvm thin_delta thin_check dmsetup || ! have_modules dm-thin-pool; then
  row "$name"
  skip "$missing"
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
MiB=$((1 << 20))
make_thin "$(disk group)" 560 512
lvm_quietly lvcreate -V 5M -T vg/pool -n small
copy=$(disk copy)
small=$(disk small)
noise /dev/vg/disk a 0 $((512 * MiB))
noise /dev/vg/small b 0 $((5 * MiB))
nightly >/dev/null

# Runs a command, and reports its milliseconds and what it reads: measured WHAT DESTINATION COMMAND...
measured() {
  local what=$1 to=$2 begun before before_pool
  shift 2
  before=$(sectors_read "$to")
  before_pool=$(sectors_read /dev/mapper/vg-pool_tdata)
  begun=$(date +%s%3N)
  "$@"
  fact "ms, $what" $(($(date +%s%3N) - begun))
  # udev reads the first and last sectors of devices.
  fact "KiB of the source, $what" $((($(sectors_read /dev/mapper/vg-pool_tdata) - before_pool) / 2))
  fact "KiB of the destination, $what" $((($(sectors_read "$to") - before) / 2))
}

row "$name"
# 80 chunks of the pool, 5 MiB, all over the volume.
node -e 'for (let at = 0; at < 80; at += 1) console.log(at * 6543360 - ((at * 6543360) % 65536))' |
  while read -r at; do head -c 64K /dev/urandom | dd of=/dev/vg/disk oflag=seek_bytes seek="$at" bs=64K status=none; done
sync
measured changed "$copy" nightly
outcome
measured alone "$small" attempt blockcopy sync --snapshot thin /dev/vg/small "$small"
