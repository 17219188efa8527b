# The same small copies on several file systems.
. "$GUEST/lib.sh"
MiB=$((1 << 20))
rows=('--create' 'holes' '--sparse' '--direct on' 'grown' 'truncated' 'digest cache' 'full' 'full while it is written')
mkdir -p /mnt/fs /mnt/under

# Mounts a new file system: make NAME
make() {
  local device
  device=$(disk "$1")
  case $1 in
    ext4) mkfs.ext4 -q "$device" && mount "$device" /mnt/fs ;;
    xfs) have_programs mkfs.xfs && have_modules xfs && mkfs.xfs -q "$device" && mount "$device" /mnt/fs ;;
    btrfs) have_programs mkfs.btrfs && have_modules btrfs && mkfs.btrfs -q "$device" && mount "$device" /mnt/fs ;;
    fuse)
      have_programs bindfs fusermount3 && have_modules fuse && mkfs.ext4 -q "$device" && mount "$device" /mnt/under &&
        bindfs /mnt/under /mnt/fs
      ;;
  esac
}

# 4 MiB with a hole in their middle.
new_source() {
  rm -f $SCRATCH/source
  truncate -s $((4 * MiB)) $SCRATCH/source
  noise $SCRATCH/source "$1" 0 1000000
  noise $SCRATCH/source "$1" $((3 * MiB)) 1000001
}
room() { stat -c %b "$1"; }
smaller_than() { if [ "$(room "$1")" -lt $(($2 / 512)) ]; then echo few; else echo all; fi; }

for name in ext4 xfs btrfs fuse; do
  missing="mkfs or mount failed"
  if ! make $name; then
    for each in "${rows[@]}"; do row "$name: $each"; skip "$missing"; done
    continue
  fi
  copy=/mnt/fs/copy

  row "$name: --create"
  new_source a
  run blockcopy sync --create $SCRATCH/source $copy
  compare $SCRATCH/source $copy

  row "$name: holes"
  fact blocks "$(smaller_than $copy $((3 * MiB)))"
  noise $SCRATCH/source b 500000 1000
  run blockcopy sync $copy $SCRATCH/source
  compare $copy $SCRATCH/source

  row "$name: --sparse"
  dd if=/dev/zero of=$SCRATCH/source bs=1M count=1 conv=notrunc status=none
  run blockcopy sync --sparse $SCRATCH/source $copy
  compare $SCRATCH/source $copy
  sync
  fact blocks "$(smaller_than $copy $((2 * MiB)))"

  row "$name: --direct on"
  noise $SCRATCH/source c 100001 300001
  cp $SCRATCH/source /mnt/fs/source
  run blockcopy sync --direct on /mnt/fs/source $copy
  compare $SCRATCH/source $copy

  row "$name: grown"
  noise $SCRATCH/source d $((4 * MiB)) 700001
  run blockcopy sync --create $SCRATCH/source $copy
  compare $SCRATCH/source $copy
  fact size "$(bytes $copy)"

  row "$name: truncated"
  truncate -s 3000001 $SCRATCH/source
  run blockcopy sync --truncate $SCRATCH/source $copy
  compare $SCRATCH/source $copy
  fact size "$(bytes $copy)"

  row "$name: digest cache"
  run blockcopy sync --timeout 300 --digest-cache /mnt/fs/cache $SCRATCH/source $copy
  noise $SCRATCH/source e 200000 5000
  run blockcopy sync --timeout 300 --digest-cache /mnt/fs/cache $SCRATCH/source $copy
  compare $SCRATCH/source $copy

  row "$name: full"
  free=$(df --output=avail -B 1 /mnt/fs | tail -n 1)
  fallocate -l $((free - 2 * MiB)) /mnt/fs/ballast 2>/dev/null || head -c $((free - 2 * MiB)) /dev/zero >/mnt/fs/ballast
  truncate -s 0 $SCRATCH/source
  noise $SCRATCH/source f 0 $((8 * MiB))
  run blockcopy sync --create $SCRATCH/source /mnt/fs/large
  if [ -e /mnt/fs/large ]; then fact file left; else fact file removed; fi

  # With --sparse, the room is not compared before the first write.
  row "$name: full while it is written"
  run blockcopy sync --create --sparse $SCRATCH/source /mnt/fs/large
  compare $SCRATCH/source /mnt/fs/large
  umount /mnt/fs
done
