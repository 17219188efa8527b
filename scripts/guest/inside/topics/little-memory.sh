# A machine with 256 MiB of memory and disks that do not fit into it.
. "$GUEST/lib.sh"
source=$(disk source) destination=$(disk destination)
size=$(bytes "$source")
noise "$source" a 0 $((size / 8))
noise "$source" b $((size / 2)) $((size / 8))

row 'sync'
run blockcopy sync "$source" "$destination"
compare "$source" "$destination"

row 'three stages, zstd'
noise "$source" c 1000000 10000000
run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 $0 | blockcopy retrieve --compress zstd $1 | blockcopy save --verify=written $0' "$destination" "$source"
compare "$source" "$destination"

row 'blocks of 16 MiB'
noise "$source" d 2000000 40000000
run blockcopy sync --timeout 300 --block-size 16M --compress zstd --verify written "$source" "$destination"
compare "$source" "$destination"
