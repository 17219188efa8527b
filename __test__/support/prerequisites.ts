// Run before the tests: installs the Debian packages they use, or says which tests will be skipped without them.
import { spawnSync } from "node:child_process";
import { installed, isRoot } from "./tools.ts";

/** Each program that a test runs, and the Debian package that has it. */
const PACKAGES: Record<string, string> = {
  "ansible-playbook": "ansible-core",
  cc: "gcc",
  fincore: "util-linux",
  ip: "iproute2",
  losetup: "mount",
  lz4: "lz4",
  "mkfs.ext4": "e2fsprogs",
  munged: "munge",
  nbdinfo: "libnbd-bin",
  prlimit: "util-linux",
  python3: "python3",
  "qemu-img": "qemu-utils",
  sbatch: "slurm-client",
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
  zstd: "zstd",
};

const missing = Object.keys(PACKAGES).filter((program) => !installed(program));
if (missing.length > 0) provide(missing);
if (!isRoot) console.log("Not root: tests with loop devices and mounts will be skipped.");

function provide(programs: string[]): void {
  if (isRoot && installed("apt-get")) {
    const packages = [...new Set(programs.map((program) => PACKAGES[program] ?? program))];
    console.log(`Installing ${packages.join(", ")} for the tests.`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args: string[]): number | null =>
      spawnSync("apt-get", ["-qq", ...args], {
        env,
        stdio: ["ignore", "ignore", "inherit"],
        timeout: 300_000,
      }).status;
    if (
      apt("update") === 0 &&
      apt("install", "--yes", "--no-install-recommends", ...packages) === 0
    )
      return;
  }
  console.log(
    `Without ${programs.join(", ")}: tests that need them will be skipped, each saying so.`,
  );
}
