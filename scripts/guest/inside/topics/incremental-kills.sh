# Incremental copies that are killed at each of their steps: the next one misses nothing and leaves nothing but its base.
. "$GUEST/lib.sh"
. "$GUEST/snapshots-lib.sh"
. "$GUEST/incremental-lib.sh"
steps=('after lvcreate' 'before thin_delta --meta' 'after thin_delta --meta' 'after release_metadata_snap' 'before lvchange --yes --set'
  'after lvchange --yes --set' 'after lvchange --yes --activate' 'before lvremove' 'after lvremove')
others=('a copy with an audit' 'the copy itself' 'after reserve_metadata_snap')
if ! have_programs lvm thin_delta thin_check dmsetup || ! have_modules dm-thin-pool; then
  for name in "${steps[@]}" "${others[@]}"; do row "killed: $name"; skip "$missing"; done
  exit 0
fi
start_udev
. "$GUEST/lvm-quietly.sh"
MiB=$((1 << 20))
make_thin "$(disk group)"
copy=$(disk copy)
noise /dev/vg/disk a 0 $((4 * MiB))
noise "$copy" other 0 $((32 * MiB))
quietly

# Puts a program in front of each tool that kills whoever has started it, before or after a call with the words in /tmp/word.
mkdir -p /tmp/real /tmp/front
for tool in lvcreate lvchange lvremove dmsetup thin_delta; do
  cp "$(command -v $tool)" /tmp/real/$tool
  cat >/tmp/front/$tool <<SH
#!/bin/bash
read -r when word </tmp/word
case "$tool \$*" in *"\$word"*) ;; *) exec /tmp/real/$tool "\$@" ;; esac
[ "\$when" = before ] && : >/tmp/word && kill -9 \$PPID
/tmp/real/$tool "\$@"
code=\$?
[ "\$when" = after ] && : >/tmp/word && kill -9 \$PPID
exit \$code
SH
  chmod 755 /tmp/front/$tool
  : >/tmp/word
  mount --bind /tmp/front/$tool "$(readlink -f "$(command -v $tool)")"
done

# Changes a range that the base does not have, and kills a copy of it. Then the range is freed: only the record of what was
# under way still says that the destination may have it: killed_at WHEN [OPTION]...
killed_at() {
  noise /dev/vg/disk "$number" $((16 * MiB)) $((2 * MiB))
  echo "$1" >/tmp/word
  attempt blockcopy sync --incremental nightly "${@:2}" /dev/vg/disk "$copy"
  fact 'killed with' "$code"
  : >/tmp/word
  blkdiscard -o $((16 * MiB)) -l $((2 * MiB)) /dev/vg/disk
  noise /dev/vg/disk "$number" $((1 * MiB)) 5000
}

number=0
for step in "${steps[@]}"; do
  number=$((number + 1))
  row "killed: $step"
  killed_at "$step"
  nightly
  outcome
done

# The audit may have found something.
row 'killed: a copy with an audit'
number=$((number + 1))
killed_at 'before lvchange --yes --set' --audit 100%
nightly
outcome

row 'killed: the copy itself'
noise /dev/vg/disk copy $((16 * MiB)) $((2 * MiB))
blockcopy sync --incremental nightly --compress none --bwlimit 256K /dev/vg/disk "$copy" >/tmp/slow 2>&1 &
slow=$!
until_true test -s $STATE/nightly:vg:disk.base
until cmp -s -n 131072 -i $((16 * MiB)) /dev/vg/disk "$copy"; do sleep 0.2; done
kill_tree "$slow"
blkdiscard -o $((16 * MiB)) -l $((2 * MiB)) /dev/vg/disk
nightly
outcome

# Nothing tells this one from that of another program.
row 'killed: after reserve_metadata_snap'
killed_at 'after reserve_metadata_snap'
nightly
fact 'held at first' "$([ "$(held)" = - ] || echo yes)"
dmsetup message vg-pool-tpool 0 release_metadata_snap
outcome
