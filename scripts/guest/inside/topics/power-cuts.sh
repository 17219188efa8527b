# Copies whose power is cut, and what is on the disks afterwards. The driver serves the disks, and cuts the power.
# words: FILE-SYSTEM NUMBER PREVIOUS NEXT
#   PREVIOUS  "nothing" (new disks), or the copies that had succeeded before the cut: "device,file", "device", "none"
#   NEXT      "random" (the driver cuts at some request), "success" (right after the last copy), or "nothing"
. /guest/lib.sh
read -r system number previous next <<<"$words"
MiB=$((1 << 20))
source=$(disk source) device=$(disk device) files=$(disk files)
size=$(bytes "$source")
mkdir -p /mnt/fs
have_modules "$system"
file=/mnt/fs/copy

path_of() { if [ "$1" = device ]; then echo "$device"; else echo $file; fi; }
copy() { timeout -k 10 240 blockcopy sync -q --digest-cache "/mnt/fs/cache.$1" --create "$source" "$(path_of "$1")" </dev/null; }
is_equal() { if cmp -s -n "$size" "$source" "$(path_of "$1")"; then echo equal; else echo different; fi; }

# Runs the interrupted copy again. A digest cache may be refused, but not believed if it is wrong.
again() {
  copy "$1"
  code=$?
  if [ $code = 78 ]; then
    rm "/mnt/fs/cache.$1"
    copy "$1"
    code=$?
  fi
  fact "$1 again" "$code-$(is_equal "$1")"
}

set_up() {
  noise "$source" "$system" 0 "$size"
  "mkfs.$system" -q "$files"
  mount "$files" /mnt/fs
  copy device && copy file
  # A night without a cut, to count the requests of one.
  noise "$source" "$system-0" $((MiB / 2)) $((2 * MiB))
  ask measure
  copy device && copy file
  ask measured
}

check() {
  row "cut $((number - 1)) ($system)"
  if mount "$files" /mnt/fs; then fact mounted yes; else fact mounted no; fi
  local each
  for each in device file; do
    case ,$previous, in *",$each,"*) fact "$each" "$(is_equal $each)" ;; esac
  done
  for each in device file; do again $each; done
}

change() {
  noise "$source" "$system-$number" $(((number * 7919 * 512) % (3 * MiB))) $((2 * MiB))
  # Every other time, the file is a new one, whose name has to be on the disk too.
  if [ $((number % 2)) = 0 ]; then rm $file; fi
  sync
}

if [ "$previous" = nothing ]; then set_up; else check; fi
case $next in
  random)
    change
    ask arm
    copy device & one=$!
    copy file & two=$!
    wait $one && ask finished device
    wait $two && ask finished file
    ask cut
    ;;
  success)
    change
    if [ $((number % 4)) -lt 2 ]; then order='device file'; else order='file device'; fi
    for each in $order; do copy "$each" && ask finished "$each"; done
    ask cut
    ;;
esac
