// A minimal Debian in a folder, so that a dependency a package does not declare is missing.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** The release of Debian with the oldest Node that the program supports. */
const SUITE = "bookworm";
/** Other distributions would look for Debian at their own mirrors. */
const MIRROR = "http://deb.debian.org/debian";
const ROOTS = resolve("target/tools/roots");

/** Mounts what programs expect, for the time of one command. The mounts and all processes end with it. */
const ENTER = `
mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && mount --rbind /dev "$0/dev" || exit
root=$0
exec chroot "$root" "$@"`;

/** A root folder to install into. */
export interface CleanRoot {
  folder: string;
  /** Runs a command in it; returns what it has printed on standard output. Fails if the command does. */
  run: (...command: string[]) => string;
  /** Like `run`, but returns the exit code, and all that it has printed. */
  attempt: (...command: string[]) => { code: number | null; output: string };
}

/** Makes a clean root in a folder. Debian is downloaded once, into target/tools. */
export function cleanRoot(folder: string): CleanRoot {
  execFileSync("cp", ["-a", debian(), folder]);
  const spawn = (command: string[]) =>
    spawnSync(
      "unshare",
      ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, folder, ...command],
      {
        encoding: "utf8",
        // Nothing of this host: a program that it has at another path must not be found.
        env: { PATH: "/usr/sbin:/usr/bin", LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" },
        maxBuffer: 1 << 26,
      },
    );
  return {
    folder,
    run: (...command) => {
      const { status, stdout, stderr } = spawn(command);
      if (status !== 0)
        throw new Error(`${command.join(" ")}: exit code ${status}\n${stdout}${stderr}`);
      return stdout;
    },
    attempt: (...command) => {
      const { status, stdout, stderr } = spawn(command);
      return { code: status, output: stdout + stderr };
    },
  };
}

function debian(): string {
  const folder = join(ROOTS, SUITE);
  if (!existsSync(folder)) {
    const scratch = `${folder}.${process.pid}`;
    mkdirSync(ROOTS, { recursive: true });
    console.log(`downloading Debian (${SUITE}) into ${folder}`);
    try {
      execFileSync(
        "debootstrap",
        ["--variant=minbase", "--include=systemd", SUITE, scratch, MIRROR],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      );
      // A folder of that name is complete.
      renameSync(scratch, folder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return folder;
}
