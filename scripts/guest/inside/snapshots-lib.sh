# Shared by the topics about snapshots of volumes in use.

# Writes to a volume from now on: start_writer DEVICE. All of it has number N before anything gets N + 1.
start_writer() {
  node --input-type=module - "$1" <<'JS' &
import { constants, openSync, writeSync } from "node:fs";
const PAGE = 65536;
const PAGES = (12 << 20) / PAGE;
const file = openSync(process.argv[2], constants.O_RDWR | constants.O_SYNC);
for (let number = 1; ; number += 1) {
  const page = Buffer.alloc(PAGE);
  for (let at = 0; at < PAGE; at += 4) page.writeUInt32LE(number, at);
  for (let place = 0; place < PAGES; place += 1) writeSync(file, page, 0, PAGE, place * PAGE);
}
JS
  writer=$!
  # The first number has reached the end.
  until_true nonzero_end "$1"
}

nonzero_end() { [ "$(dd if="$1" bs=4 count=1 skip=$(((12 << 20) / 4 - 1)) status=none | od -An -tu4 | tr -d ' ')" -lt 1000000 ]; }

stop_writer() {
  kill -9 "$writer"
  wait "$writer" 2>/dev/null
}

# Prints `one` if what a writer wrote is as it was at one moment: the numbers fall once, by one, or not at all.
moments() {
  node --input-type=module - "$1" <<'JS'
import { openSync, readSync } from "node:fs";
const bytes = Buffer.alloc(12 << 20);
const file = openSync(process.argv[2], "r");
for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, at, bytes.length - at, at);
const numbers = [];
for (let at = 0; at < bytes.length; at += 4) {
  const number = bytes.readUInt32LE(at);
  if (number !== numbers.at(-1)) numbers.push(number);
}
const [first, second] = numbers;
const isOne = numbers.length === 1 || (numbers.length === 2 && first === second + 1);
console.log(isOne ? "one" : `several:${numbers.slice(0, 10)}`);
JS
}

# Lists the snapshots that blockcopy has made.
snapshots() { lvs --noheadings -o lv_name,lv_tags vg | grep -F blockcopy.snapshot= | sort; }

# Counts them.
left() { snapshots | grep -c .; }

more_left_than() { [ "$(left)" -gt "$1" ]; }

none_left() { [ "$(left)" = 0 ]; }

# Starts a copy that takes minutes, and waits until its snapshot exists: start_slowly SOURCE DESTINATION [OPTION]...
start_slowly() {
  local before
  before=$(left)
  # A copy of what is equal already would end at once.
  noise "$2" other 0 $((12 << 20))
  blockcopy sync --allow-larger --snapshot auto "${@:3}" --bwlimit 64K "$1" "$2" >/tmp/slow 2>&1 &
  slow=$!
  until_true more_left_than "$before"
}

# Kills a process and its descendants at once, the descendants first.
kill_tree() {
  local found=$1 pids= pid
  while [ -n "$found" ]; do
    pid=${found%% *}
    pids="$pid $pids"
    found="${found#"$pid"}"
    found="${found# }"
    found="$(cat /proc/"$pid"/task/*/children 2>/dev/null)$found"
  done
  # shellcheck disable=SC2086
  kill -9 $pids
  wait "$1" 2>/dev/null
}
