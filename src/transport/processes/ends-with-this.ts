/**
 * Starts the program in "$@" from the fourth word on, after the number of the process that starts it and a signal. The kernel sends that
 * signal to the program when the process ends, even if it was killed before the program began; without setpriv(1), nothing does. LISTEN_PID
 * is for a program that gets a socket, see sd_listen_fds(3).
 */
const SCRIPT = `
run='[ "$PPID" = "$1" ] || exit 1; shift; LISTEN_PID=$$ exec "$@"'
parent=$1 signal=$2; shift 2
for setpriv in /usr/bin/setpriv /bin/setpriv; do
  if "$setpriv" --pdeathsig keep /bin/sh -c : 2>/dev/null; then
    exec "$setpriv" --pdeathsig "$signal" /bin/sh -c "$run" sh "$parent" "$@"
  fi
done
exec /bin/sh -c "$run" sh "$parent" "$@"`;

/**
 * Returns the command that runs a program which ends with this process, whatever ends this process.
 *
 * @param signal the signal that ends it
 */
export function endsWithThis(
  signal: "TERM" | "KILL",
  command: readonly [string, ...string[]],
): ["/bin/sh", ...string[]] {
  return ["/bin/sh", "-c", SCRIPT, "sh", String(process.pid), signal, ...command];
}
