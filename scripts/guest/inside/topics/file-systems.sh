# The same small copies on several file systems.
. /guest/lib.sh
MiB=$((1 << 20))
rows=('--create' 'holes' '--sparse' '--direct on' 'grown' 'truncated' 'digest cache' 'full')
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
  rm -f /tmp/source
  truncate -s $((4 * MiB)) /tmp/source
  noise /tmp/source "$1" 0 1000000
  noise /tmp/source "$1" $((3 * MiB)) 1000001
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
  run blockcopy sync --create /tmp/source $copy
  compare /tmp/source $copy

  row "$name: holes"
  fact blocks "$(smaller_than $copy $((3 * MiB)))"
  noise /tmp/source b 500000 1000
  run blockcopy sync $copy /tmp/source
  compare $copy /tmp/source

  row "$name: --sparse"
  dd if=/dev/zero of=/tmp/source bs=1M count=1 conv=notrunc status=none
  run blockcopy sync --sparse /tmp/source $copy
  compare /tmp/source $copy
  sync
  fact blocks "$(smaller_than $copy $((2 * MiB)))"

  row "$name: --direct on"
  noise /tmp/source c 100001 300001
  cp /tmp/source /mnt/fs/source
  run blockcopy sync --direct on /mnt/fs/source $copy
  compare /tmp/source $copy

  row "$name: grown"
  noise /tmp/source d $((4 * MiB)) 700001
  run blockcopy sync --create /tmp/source $copy
  compare /tmp/source $copy
  fact size "$(bytes $copy)"

  row "$name: truncated"
  truncate -s 3000001 /tmp/source
  run blockcopy sync --truncate /tmp/source $copy
  compare /tmp/source $copy
  fact size "$(bytes $copy)"

  row "$name: digest cache"
  run blockcopy sync --digest-cache /mnt/fs/cache /tmp/source $copy
  noise /tmp/source e 200000 5000
  run blockcopy sync --digest-cache /mnt/fs/cache /tmp/source $copy
  compare /tmp/source $copy

  row "$name: full"
  free=$(df --output=avail -B 1 /mnt/fs | tail -n 1)
  fallocate -l $((free - 2 * MiB)) /mnt/fs/ballast 2>/dev/null || head -c $((free - 2 * MiB)) /dev/zero >/mnt/fs/ballast
  truncate -s 0 /tmp/source
  noise /tmp/source f 0 $((8 * MiB))
  run blockcopy sync --create /tmp/source /mnt/fs/large
  if [ -e /mnt/fs/large ]; then compare /tmp/source /mnt/fs/large; fi
  umount /mnt/fs
done
