# Copies while the clock is set to another time, as by an administrator or NTP.
. "$GUEST/lib.sh"
source=$(disk source) destination=$(disk destination)
size=$(bytes "$source")

sectors_written() { awk '{ print $7 }' "/sys/block/${destination##*/}/stat"; }
has_begun_or_ended() { ! kill -0 "$1" 2>/dev/null || [ "$(sectors_written)" -gt "$2" ]; }

# Copies slowly, and moves the clock by this many seconds once the first blocks are written: jump SECONDS COMMAND...
jump() {
  local seconds=$1 before
  shift
  noise "$source" "$seconds" 0 "$size"
  before=$(sectors_written)
  timeout -k 10 240 "$@" >/tmp/output 2>&1 </dev/null &
  until_true has_begun_or_ended $! "$before"
  date -s "@$(($(date +%s) + seconds))" >/dev/null
  kill -0 $! 2>/dev/null && fact jumped midway
  wait $!
  fact code $?
  tail -n 20 /tmp/output | sed 's/^/text /' >&3
  compare "$source" "$destination"
}

copy() { blockcopy sync --bwlimit 1M --compress none --timeout 30 "$@" "$source" "$destination"; }
export source destination
export -f copy

row 'a day ahead'
jump 86400 bash -c 'copy --verify full'

row 'a day back'
jump -86400 bash -c 'copy --progress'

row 'a year back, several streams'
jump -31536000 bash -c 'copy --streams 2'

row 'a minute ahead, three stages'
stages() {
  blockcopy checksum "$destination" | blockcopy retrieve --bwlimit 1M --compress none "$source" | blockcopy save "$destination"
}
export -f stages
jump 60 bash -c stages
