# Partitions of odd sizes at odd offsets, between disks with sectors of 512 and 4096 bytes.
. "$GUEST/lib.sh"
start_udev
small=$(disk small) large=$(disk large)

# One partition of 3 MiB and 3 sectors at sector 2051; one of 3 MiB and 5 sectors at sector 259. Another follows each.
printf 'label: gpt\nstart=2051, size=%s\nstart=10000, size=2000\n' $((3 * 2048 + 3)) | sfdisk -q "$small"
printf 'label: gpt\nstart=259, size=%s\nstart=1100, size=100\n' $((3 * 256 + 5)) | sfdisk -q "$large"
udevadm settle
source=${small}p1 destination=${large}p1
until_true test -b "${small}p2" -a -b "${large}p2"
length=$(bytes "$source")
noise "$source" a 0 "$length"
noise "$destination" b 0 "$(bytes "$destination")"
noise "${large}p2" c 0 "$(bytes "${large}p2")"
noise "${small}p2" d 0 "$(bytes "${small}p2")"
whole=$(digest "$destination") end=$(digest "$destination" "$length") next=$(digest "${large}p2")

row 'different sizes are refused'
run blockcopy sync "$source" "$destination"
same_as destination "$whole" "$(digest "$destination")"

row 'to a larger partition'
run blockcopy sync --timeout 300 --allow-larger --verify full "$source" "$destination"
compare "$source" "$destination" "$length"
same_as 'its end' "$end" "$(digest "$destination" "$length")"
same_as 'next partition' "$next" "$(digest "${large}p2")"

row 'to a larger partition, three stages, blocks of 4 KiB'
noise "$source" e $((length - 1000)) 1000
run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 --block-size 4K $0 | blockcopy retrieve --compress zstd $1 | blockcopy save --sparse --verify=full $0' "$destination" "$source"
compare "$source" "$destination" "$length"
same_as 'its end' "$end" "$(digest "$destination" "$length")"

row 'to a smaller partition, three stages'
next=$(digest "${small}p2")
run bash -o pipefail -c 'blockcopy checksum --extended --digest blake3 $0 | blockcopy retrieve $1 | blockcopy save $0' "$source" "$destination"
same_as 'next partition' "$next" "$(digest "${small}p2")"

row 'to a smaller partition'
run blockcopy sync "$destination" "$source"
same_as 'next partition' "$next" "$(digest "${small}p2")"
