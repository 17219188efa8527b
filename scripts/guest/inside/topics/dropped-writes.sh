# A disk that says that it has written, and has not: dm-flakey with drop_writes.
. "$GUEST/lib.sh"
names=('without --verify' '--verify written' '--verify full' '--verify full, three stages')
if ! have_programs dmsetup || ! have_modules dm-mod dm-flakey; then
  for name in "${names[@]}"; do row "$name"; skip "$missing"; done
  exit 0
fi
source=$(disk source) under=$(disk under)
size=$(bytes "$source")
noise "$source" a 0 "$size"
dmsetup create liar --table "0 $((size / 512)) flakey $under 0 0 3600 1 drop_writes"
dmsetup mknodes liar
liar=/dev/mapper/liar

row "${names[0]}"
run blockcopy sync "$source" $liar
echo 3 >/proc/sys/vm/drop_caches
compare "$source" $liar
row "${names[1]}"
run blockcopy sync --timeout 300 --verify written "$source" $liar
row "${names[2]}"
run blockcopy sync --timeout 300 --verify full "$source" $liar
row "${names[3]}"
run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 $0 | blockcopy retrieve $1 | blockcopy save --verify=full $0' $liar "$source"
