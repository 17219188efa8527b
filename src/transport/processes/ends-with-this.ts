/**
 * Starts the program in "$@" from the second word on, after the number of the process that starts it. The kernel kills the program when that
 * process ends, even if it was killed before the program began; without setpriv(1), nothing does.
 */
const SCRIPT = `
run='[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'
for setpriv in /usr/bin/setpriv /bin/setpriv; do
  if "$setpriv" --pdeathsig keep /bin/sh -c : 2>/dev/null; then
    exec "$setpriv" --pdeathsig KILL /bin/sh -c "$run" sh "$@"
  fi
done
exec /bin/sh -c "$run" sh "$@"`;

/** Returns the command that runs a program which is killed when this process ends, however it ends. */
export function endsWithThis(command: readonly [string, ...string[]]): ["/bin/sh", ...string[]] {
  return ["/bin/sh", "-c", SCRIPT, "sh", String(process.pid), ...command];
}
