// A systemd of its own for as long as a script runs, as the first process of a namespace: so that a unit is not only read, but
// started, with the limits that it asks for.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execute, type Outcome, PROJECT } from "../programs/cli.ts";
import { program } from "./fleet.ts";
import { lackingRoot } from "../programs/tools.ts";

const SYSTEMD = "/lib/systemd/systemd";

/** The path at which units see the folder given to {@link inSystemd}: their own /tmp does not have it. */
export const SEEN_AT = "/opt/test";

/** The path at which units see this project. */
export const PROJECT_SEEN_AT = "/opt/blockcopy";

/** Units that others refer to, and that have nothing to do here. */
const TARGETS = ["sysinit", "basic", "shutdown", "network-online", "timers"];

/** The reason that systemd cannot run here, or `false`. */
export function lackingSystemd(): string | false {
  const reason = lackingRoot("systemctl", "unshare", "mount");
  if (reason !== false) return reason;
  // All that it takes: namespaces, a mount of control groups, and one that lies over a folder.
  const script = `mount -t cgroup2 cgroup2 /mnt && mount -t overlay -o lowerdir=/bin:/etc overlay /opt && test -x ${SYSTEMD}`;
  const options = ["--pid", "--fork", "--mount", "--mount-proc", "--cgroup", "--net"];
  const probe = spawnSync("unshare", [...options, "sh", "-c", script], {
    encoding: "utf8",
    timeout: 10_000,
  });
  return probe.status === 0 ? false : `no systemd here: ${(probe.stderr ?? "").trim()}`;
}

/**
 * Runs `script` (bash) next to a systemd that knows the units in `units`, a folder in `folder`. In `etc` is what lies over /etc there, in
 * `bin` what lies over /usr/local/bin. All devices of this host are there.
 */
export function inSystemd(folder: string, script: string): Promise<Outcome> {
  for (const name of ["cgroup", "etc", "bin", "units"])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of TARGETS)
    writeFileSync(join(folder, "units", `${name}.target`), "[Unit]\nDescription=Nothing\n");
  writeFileSync(join(folder, "units", "default.target"), "[Unit]\nWants=script.service\n");
  writeFileSync(
    join(folder, "units", "script.service"),
    `[Service]\nType=oneshot\nExecStart=/bin/bash -c 'exec > ${SEEN_AT}/result 2>&1; . ${SEEN_AT}/script'\n`,
  );
  writeFileSync(join(folder, "script"), script);
  program(join(folder, "boot"), BOOT);
  program(join(folder, "host"), HOST);
  return execute(["unshare", "--mount", "bash", join(folder, "host"), folder]);
}

// Control groups that systemd leaves are below one group, which is removed with them.
const HOST = `set -eu
cd "$1"
mkfifo result
mount -t cgroup2 cgroup2 cgroup
group=$PWD/cgroup/blockcopy-test-$$
mkdir "$group"
(
  echo $BASHPID > "$group/cgroup.procs"
  exec unshare --pid --fork --kill-child --mount --mount-proc --cgroup --net --uts --ipc bash boot "$PWD"
) > boot.log 2>&1 < /dev/null &
timeout 40 cat result || tail boot.log >&2
kill -KILL $!
wait 2> /dev/null || true
for _ in {1..100}; do
  find "$group" -depth -type d -exec rmdir {} + 2> /dev/null && break
  sleep 0.05
done`;

const BOOT = `set -eux
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t overlay -o "lowerdir=$1/etc:/etc" overlay /etc
mount -t overlay -o "lowerdir=$1/bin:/usr/local/bin" overlay /usr/local/bin
mount -t tmpfs tmpfs /opt
mkdir ${SEEN_AT} ${PROJECT_SEEN_AT}
mount --bind "$1" ${SEEN_AT}
mount --bind '${PROJECT}' ${PROJECT_SEEN_AT}
for folder in /run /tmp /var/tmp /var/lib; do mount -t tmpfs tmpfs $folder; done
export container=test SYSTEMD_UNIT_PATH=${SEEN_AT}/units
exec ${SYSTEMD} --system --unit=default.target --log-target=null --show-status=false`;
