/**
 * The guard: waits for the end of its standard input, then ends all processes of a group. It repeats SIGTERM, since a program that has just
 * started may forget one, and sends SIGKILL after some seconds. It is in the session of the group that it ends: the kernel gives the number of
 * a session to no other process or group, so a signal never reaches a stranger. It is in the group, too, and ignores what it sends.
 *
 * It looks for the leader first. The others of the group can only be found in /proc, see proc_pid_stat(5).
 */
const GUARD = `
cd /
PATH=/usr/bin:/bin
group=$1 again=$2 patience=$3
read -r line
groupRuns() {
  kill -0 "$group" 2>/dev/null && return
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    set -- \${line##*) }
    [ "$3" = "$group" ] && [ "$1" != Z ] && [ "$stat" != "/proc/$$/stat" ] && return
  done
  return 1
}
seconds=0
while [ "$seconds" -lt "$patience" ]; do
  groupRuns || exit 0
  [ $((seconds % again)) != 0 ] || kill -TERM "-$group" 2>/dev/null
  for tenth in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1 || sleep 1
    groupRuns || exit 0
  done
  seconds=$((seconds + 1))
done
kill -KILL "-$group"`;

/**
 * Starts the guard and becomes the program in "$@" from the fourth word on. The guard ignores signals from its first instruction on. It keeps
 * none of the descriptors, and is no child of the program, which might wait for it. LISTEN_PID is for a program that gets a socket, see
 * sd_listen_fds(3).
 */
const SCRIPT = `
guard=$1 again=$2 patience=$3; shift 3
trap '' HUP INT QUIT TERM
(exec /bin/sh -c "$guard" sh "$$" "$again" "$patience" <&4 >/dev/null 2>&1 3<&- 4<&- &)
trap - HUP INT QUIT TERM
LISTEN_PID=$$ exec "$@" 4<&-`;

/** The seconds after which a program that has not ended gets another signal. */
export interface GuardTimes {
  /** Between two SIGTERMs. */
  again: number;
  /** From the first SIGTERM to SIGKILL. */
  patience: number;
}

/**
 * Returns the command that runs a program which is ended, with its process group, when the other end of a pipe is closed. So it does not
 * outlive this process, however that ends. It must be started as the leader of a session, with the pipe as descriptor 4.
 */
export function guarded(
  command: readonly [string, ...string[]],
  { again, patience }: GuardTimes,
): ["/bin/sh", ...string[]] {
  return ["/bin/sh", "-c", SCRIPT, "sh", GUARD, String(again), String(patience), ...command];
}
