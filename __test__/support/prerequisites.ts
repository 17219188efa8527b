// Run before the tests: names the programs that are missing, whose tests will be skipped. Installs their Debian packages only where it was
// told that it may: a test run must not change a machine that is also used for other work.
import { spawnSync } from "node:child_process";
import { installed, isRoot } from "./programs/tools.ts";

/** Each program that a test runs, and the Debian package that has it. */
const PACKAGES: Record<string, string> = {
  "ansible-playbook": "ansible-core",
  "bsd-csh": "csh",
  busybox: "busybox",
  cc: "gcc",
  fincore: "util-linux",
  fish: "fish",
  ip: "iproute2",
  ksh: "ksh93u+m",
  losetup: "mount",
  lz4: "lz4",
  "mkfs.btrfs": "btrfs-progs",
  "mkfs.ext4": "e2fsprogs",
  "mkfs.xfs": "xfsprogs",
  mksh: "mksh",
  munged: "munge",
  nbdfuse: "libnbd-bin",
  nbdinfo: "libnbd-bin",
  nbdkit: "nbdkit",
  prlimit: "util-linux",
  prometheus: "prometheus",
  "prometheus-node-exporter": "prometheus-node-exporter",
  promtool: "prometheus",
  python3: "python3",
  "qemu-img": "qemu-utils",
  "qemu-io": "qemu-utils",
  "qemu-nbd": "qemu-utils",
  sbatch: "slurm-client",
  sfdisk: "fdisk",
  script: "bsdutils",
  nsenter: "util-linux",
  setpriv: "util-linux",
  slurmctld: "slurmctld",
  slurmd: "slurmd",
  ssh: "openssh-client",
  sshd: "openssh-server",
  strace: "strace",
  "systemd-analyze": "systemd",
  tc: "iproute2",
  tcsh: "tcsh",
  thin_delta: "thin-provisioning-tools",
  time: "time",
  unshare: "util-linux",
  xmllint: "libxml2-utils",
  xz: "xz-utils",
  zsh: "zsh",
  zstd: "zstd",
};

/** True where packages may be installed: on the throw-away machine of a CI run, or with the user's permission. */
const mayInstall = ["CI", "BLOCKCOPY_TEST_INSTALL"].some((name) => {
  const value = (process.env[name] ?? "").toLowerCase();
  return !["", "0", "false", "no"].includes(value);
});

const missing = Object.keys(PACKAGES).filter((program) => !installed(program));
if (missing.length > 0) provide(missing);
if (!isRoot) console.log("Not root: tests with loop devices and mounts will be skipped.");

function provide(programs: string[]): void {
  const packages = [...new Set(programs.map((program) => PACKAGES[program] ?? program))];
  const canInstall = isRoot && installed("apt-get");
  if (canInstall && mayInstall) {
    console.log(`Installing ${packages.join(", ")} for the tests.`);
    if (install(packages)) return;
  }
  const remedy =
    canInstall && !mayInstall
      ? `; BLOCKCOPY_TEST_INSTALL=1 npm test installs ${packages.join(", ")}`
      : "";
  console.log(`Missing, so their tests are skipped: ${programs.join(", ")}${remedy}.`);
}

/** Installs Debian packages; false when that fails. */
function install(packages: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]): boolean =>
    spawnSync("apt-get", ["-qq", ...args], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 300_000,
    }).status === 0;
  return apt("update") && apt("install", "--yes", "--no-install-recommends", ...packages);
}
