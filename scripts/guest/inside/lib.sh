# Shared by the topics. Descriptor 3 is the line to the driver: it knows what each row is expected to report.

# Begins a row.
row() { echo "row $*" >&3; }

# Reports a fact of the row.
fact() { echo "fact $*" >&3; }

# Ends the row, because something that it needs is missing.
skip() { echo "skip $*" >&3; }

# Asks the driver to do something, and waits until that is done.
ask() {
  local answer
  echo "ask $*" >&3
  read -r answer <&3
  [ "$answer" = done ]
}

# Runs a command, and reports its exit code and what it prints.
run() {
  attempt "$@"
  tell_result
}

# Runs a command; 124 as its exit code means that it does not end.
attempt() {
  output=$(timeout -k 10 "${limit:-400}" "$@" 2>&1 </dev/null)
  code=$?
}

tell_result() {
  fact code "$code"
  printf '%s\n' "$output" | tail -n 20 | sed 's/^/text /' >&3
}

# Reports if the first BYTES (all, if not given) of two files or devices are the same: compare A B [BYTES]
compare() {
  local length=${3:-$(bytes "$1")}
  if cmp -n "$length" "$1" "$2"; then fact destination equal; else fact destination different; fi
}

bytes() { if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -c %s "$1"; fi; }

# Reports if what a command prints is what it was: digest of a part that must not change.
same_as() { if [ "$2" = "$3" ]; then fact "$1" kept; else fact "$1" changed; fi; }

# Prints the digest of a range: digest FILE START LENGTH, in bytes.
digest() { dd if="$1" bs=64K iflag=skip_bytes,count_bytes skip="${2:-0}" count="${3:-$(bytes "$1")}" status=none | sha256sum; }

# Writes reproducible noise: noise FILE SEED START LENGTH, in bytes.
noise() {
  node --input-type=module - "$@" <<'JS'
import { createCipheriv, createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
const [, , file, seed, start, length] = process.argv;
const key = createHash("md5").update(seed).digest();
const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
const descriptor = openSync(file, "r+");
let at = Number(start);
const end = at + Number(length);
while (at < end) {
  const data = cipher.update(Buffer.alloc(Math.min(1 << 20, end - at)));
  for (let done = 0; done < data.length; ) done += writeSync(descriptor, data, done, data.length - done, at + done);
  at += data.length;
}
fsyncSync(descriptor);
closeSync(descriptor);
JS
}

# Loads modules. False if the kernel lacks one.
have_modules() {
  local module
  for module in "$@"; do
    grep -qw "$module" /proc/filesystems || modprobe -q "$module" || { missing="the kernel has no $module"; return 1; }; done
}

have_programs() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || { missing="$program is not installed"; return 1; }; done
}

# Waits until a command succeeds. The driver ends a guest that waits for ever.
until_true() { until "$@"; do sleep 0.05; done; }

# The device with this serial number, which is the name that the driver has for the disk.
disk() {
  local each known="DISK_$1"
  # On a host, the driver says which one it is.
  if [ -n "${!known:-}" ]; then echo "${!known}" && return; fi
  while :; do
    for each in /sys/block/*; do
      [ "$(cat "$each/serial" "$each/device/serial" 2>/dev/null | tr -d ' ')" = "$1" ] || continue
      [ -b "/dev/${each##*/}" ] && echo "/dev/${each##*/}" && return
    done
    sleep 0.05
  done
}

start_udev() {
  /usr/lib/systemd/systemd-udevd --daemon --resolve-names=never
  udevadm trigger --action=add --subsystem-match=block
  udevadm settle
}
