# Shared by the topics about incremental copies.

STATE=/var/lib/blockcopy

# Makes a group with a thin pool and a volume in it: make_thin DISK [MEBIBYTES OF THE POOL, AND OF THE VOLUME]
make_thin() {
  lvm_quietly vgcreate -s 1M vg "$1"
  lvm_quietly lvcreate --type thin-pool -L "${2:-48}M" -c 64k --poolmetadatasize 2M -n pool vg
  lvm_quietly lvchange --errorwhenfull y vg/pool
  lvm_quietly lvcreate -V "${3:-32}M" -T vg/pool -n disk
}

# Lists the snapshots that blockcopy keeps or has left.
kept() { lvs --noheadings -o lv_name,lv_tags vg | grep -F blockcopy. | sort; }

# Counts the bases, and all snapshots, but those of other names: `1/1` if the base is the only one.
bases() { echo "$(kept | grep -cF blockcopy.base=nightly)/$(kept | grep -vE 'base=(audited|second|third|file)' | grep -c .)"; }

# Prints the block that the snapshot of the pool's metadata begins at; `-` if there is none.
held() { dmsetup status vg-pool-tpool | awk '{ print $7 }'; }

# Prints the sectors that were read from a device so far.
sectors_read() { awk '{ print $3 }' "/sys/block/$(basename "$(readlink -f "$1")")/stat"; }

# Copies, and reports how, as a row that succeeds and compares only what has changed: nightly [OPTION]...
nightly() { run blockcopy sync --incremental nightly "$@" /dev/vg/disk "$copy"; }

# Copies without a report.
quietly() { blockcopy sync -q --incremental nightly "$@" /dev/vg/disk "$copy"; }

# Reports what each copy must leave: equal disks, one base, no snapshot of the pool's metadata.
outcome() {
  compare /dev/vg/disk "$copy"
  fact bases "$(bases)"
  fact held "$(held)"
}
