#!/bin/sh
# Copies one of INDEXES parts of SOURCE (HOST:PATH or USER@HOST:PATH) to the same place in DESTINATION: the one with the number
# JOB_COMPLETION_INDEX, from 0. OPTIONS go to `blockcopy sync`, whose exit codes these are.
set -u

fail() {
    echo "copy-range: $2" >&2
    exit "$1"
}

# Bytes of a device or file, as a command for a shell.
size_of() {
    quoted=$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")
    echo "if [ -b '$quoted' ]; then blockdev --getsize64 '$quoted'; else stat -Lc %s '$quoted'; fi"
}

: "${SOURCE:?}" "${DESTINATION:?}" "${INDEXES:?}" "${JOB_COMPLETION_INDEX:?}"
[ "$JOB_COMPLETION_INDEX" -lt "$INDEXES" ] || fail 64 "there is no part $JOB_COMPLETION_INDEX of $INDEXES"

from=$(ssh "${SOURCE%%:*}" "$(size_of "${SOURCE#*:}")") || {
    [ $? -ne 255 ] || fail 69 "no connection to ${SOURCE%%:*}"
    fail 66 "the size of $SOURCE is not known"
}
to=$(sh -c "$(size_of "$DESTINATION")") || fail 66 "the size of $DESTINATION is not known"
[ "$from" -gt 0 ] || fail 64 "$SOURCE is empty"
[ "$to" -ge "$from" ] || fail 64 "$DESTINATION has $to bytes, $SOURCE has $from"

# Parts begin at whole MiB, which are whole blocks and whole pages: neighbours never write to the same one.
mib=1048576
part=$(((from + INDEXES * mib - 1) / (INDEXES * mib) * mib))
start=$((JOB_COMPLETION_INDEX * part))
end=$((start + part))
[ "$end" -le "$from" ] || end=$from
if [ "$start" -ge "$from" ]; then
    echo "copy-range: nothing is left for part $JOB_COMPLETION_INDEX"
    exit 0
fi

# The parts share the device, so none of them can have it for itself: that is what --force is for. That nothing else has it (a
# mount, LVM, a machine) is asked before, by saving a stream of no blocks. The parts, which may ask at the same moment, wait for each other.
attempt=1
until printf done | blockcopy save "$DESTINATION"; do
    code=$?
    [ "$code" -eq 69 ] && [ "$attempt" -lt "${ATTEMPTS:-10}" ] || exit "$code"
    attempt=$((attempt + 1))
    sleep 1
done

# No quotes: there may be several options.
# shellcheck disable=SC2086
exec blockcopy sync ${OPTIONS-} --force --start "$start" --end "$end" -- "$SOURCE" "$DESTINATION"
