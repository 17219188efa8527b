# NVMe disks with sectors of 512 and 4096 bytes.
. "$GUEST/lib.sh"
small=$(disk small) large=$(disk large)
size=$(bytes "$small")
noise "$small" a 0 "$size"

row 'sectors of 512 to 4096 bytes'
run blockcopy sync --timeout 300 --verify full "$small" "$large"
compare "$small" "$large"

row 'sectors of 4096 to 512 bytes, three stages'
noise "$small" b 3000000 5000
run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 $0 | blockcopy retrieve $1 | blockcopy save --verify=full $0' "$small" "$large"
compare "$large" "$small"

row 'three stages as 0.0.2 has them'
noise "$small" c 2000000 1000
run bash -o pipefail -c 'blockcopy checksum $0 | blockcopy retrieve $1 | blockcopy save $0' "$large" "$small"
compare "$small" "$large"

row 'without the page cache'
noise "$small" d 512 512
run blockcopy sync --direct on "$small" "$large"
compare "$small" "$large"

row 'through the page cache'
noise "$small" e $((size - 512)) 512
run blockcopy sync --direct off "$small" "$large"
compare "$small" "$large"

row 'a range with odd ends'
noise "$small" f 0 "$size"
before=$(digest "$large" 0 4097) after=$(digest "$large" 5000001)
run blockcopy sync --timeout 300 --start 4097 --end 5000001 "$small" "$large"
same_as 'before it' "$before" "$(digest "$large" 0 4097)"
if cmp -i 4097 -n $((5000001 - 4097)) "$small" "$large"; then fact destination equal; fi
same_as 'after it' "$after" "$(digest "$large" 5000001)"
