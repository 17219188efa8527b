// A whole Slurm cluster of one node for as long as a script runs: in namespaces of its own, so that it takes no ports of this
// host, and so that nothing of it is left when the first process of them ends.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { execute, type Outcome } from "../programs/cli.ts";
import { program } from "./fleet.ts";
import { lackingRoot } from "../programs/tools.ts";

const NAMESPACES = [
  "unshare",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount",
  "--mount-proc",
  "--net",
  "--uts",
  "--ipc",
];

/** The reason that no cluster can run here, or `false`. */
export function lackingSlurm(): string | false {
  const reason = lackingRoot("slurmctld", "slurmd", "sbatch", "munged", "unshare", "ip");
  if (reason !== false) return reason;
  const [unshare = "", ...options] = NAMESPACES;
  const probe = spawnSync(unshare, [...options, "true"], { encoding: "utf8", timeout: 10_000 });
  return probe.status === 0 ? false : `no namespaces here: ${(probe.stderr ?? "").trim()}`;
}

/** Runs `script` (bash) where `sbatch` and the other commands reach a cluster that is idle; its files are made in `folder`. */
export function inCluster(
  folder: string,
  script: string,
  env: Record<string, string>,
): Promise<Outcome> {
  const path = join(folder, "cluster.sh");
  program(path, `${SETUP}\n${script}\n`);
  return execute([...NAMESPACES, "bash", path, folder], { env });
}

const SETUP = `set -eu
cd "$1"
ip link set lo up
# Slurm listens where any network is, and loopback does not count as one.
ip link add net0 type veth peer name net1
ip address add 192.0.2.1/24 dev net0
ip link set net0 up
ip link set net1 up
hostname localhost
mkdir slurm
chmod 700 slurm
head -c 128 /dev/urandom > slurm/munge.key
chmod 400 slurm/munge.key
munged --force --socket="$PWD/slurm/munge.sock" --key-file="$PWD/slurm/munge.key" --pid-file="$PWD/slurm/munge.pid" \\
  --log-file="$PWD/slurm/munge.log" --seed-file="$PWD/slurm/munge.seed" 2> slurm/munge.err || { cat slurm/munge.err >&2; exit 1; }
export SLURM_CONF=$PWD/slurm/slurm.conf
cat > "$SLURM_CONF" << END
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthInfo=socket=$PWD/slurm/munge.sock
StateSaveLocation=$PWD/slurm/state
SlurmdSpoolDir=$PWD/slurm/spool
SlurmctldPidFile=$PWD/slurm/slurmctld.pid
SlurmdPidFile=$PWD/slurm/slurmd.pid
SlurmctldLogFile=$PWD/slurm/slurmctld.log
SlurmdLogFile=$PWD/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
NodeName=localhost CPUs=$(nproc) RealMemory=1024
PartitionName=all Nodes=localhost Default=YES DefMemPerCPU=256
END
mkdir slurm/state slurm/spool
slurmctld -D 2> slurm/slurmctld.err &
slurmd -D 2> slurm/slurmd.err &
deadline=$((SECONDS + 20))
until [[ $(sinfo --noheader --format=%T 2> slurm/sinfo.err) == idle ]]; do
  if ((SECONDS > deadline)); then
    tail -n 20 slurm/*.err slurm/*.log >&2
    exit 1
  fi
  sleep 0.1
done`;
