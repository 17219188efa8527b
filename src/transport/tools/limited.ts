/**
 * Runs the program in "$@" from the second word on, and ends as it does. After that many seconds, all processes of the group get SIGTERM;
 * this shell and its clock ignore it. timeout(1) of busybox would signal the program alone. The clock never ends by itself, so that no
 * other process can have its number when it is killed.
 */
const SCRIPT = `
seconds=$1; shift
trap '' TERM
(trap - TERM; exec "$@") &
tool=$!
exec >/dev/null 2>&1
(
  while [ "$seconds" -gt 0 ]; do sleep 1 || exit; seconds=$((seconds - 1)); done
  kill -TERM 0
  exec sleep 60
) &
clock=$!
wait "$tool"
code=$?
kill -KILL "$clock"
if [ "$code" -gt 128 ]; then trap - TERM; kill "-$((code - 128))" "$$"; fi
exit "$code"`;

/**
 * Returns the command that runs a program and sends SIGTERM to it, and to what it has started, after `seconds`, even if this process has ended.
 * It must be started as the leader of a process group. It can be killed: that does not reach the program.
 */
export function limited(
  command: readonly [string, ...string[]],
  seconds: number,
): ["/bin/sh", ...string[]] {
  return ["/bin/sh", "-c", SCRIPT, "sh", String(seconds), ...command];
}
