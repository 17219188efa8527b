// Programs and rights that this host offers: a test that lacks one is skipped and names it.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

// Debian's path for an ordinary user leaves out the folders that hold losetup and mkfs.
const FOLDERS = [
  ...(process.env["PATH"] ?? "").split(delimiter),
  "/usr/sbin",
  "/sbin",
  "/usr/bin",
  "/bin",
];

/** True if the program `name` is installed. */
export function installed(name: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True if the tests run as root. */
export const isRoot = process.getuid?.() === 0;

/** The reason that a test that needs `programs` cannot run, or `false`, as the `skip` option of a test takes it. */
export function lacking(...programs: string[]): string | false {
  const missing = programs.filter((name) => !installed(name));
  return missing.length === 0 ? false : `needs ${missing.join(", ")}: install it`;
}

/** The reason that a test that needs root and `programs` cannot run, or `false`. */
export function lackingRoot(...programs: string[]): string | false {
  return isRoot ? lacking(...programs) : "needs root";
}

/**
 * The reason that a test in which a process takes descriptors of another one (pidfd_getfd) cannot run, or `false`. Without Yama, the kernel
 * permits it to processes of the same user.
 */
export function lackingPidfd(): string | false {
  if (process.platform !== "linux") return "needs Linux";
  const scope = "/proc/sys/kernel/yama/ptrace_scope";
  const isPermitted = isRoot || !existsSync(scope) || readFileSync(scope, "utf8").trim() === "0";
  return isPermitted ? false : "needs root, or kernel.yama.ptrace_scope 0";
}

/** The reason that a test that traces the program with strace cannot run, or `false`. */
export function lackingTrace(): string | false {
  const reason = lacking("strace");
  if (reason !== false) return reason;
  const probe = spawnSync("strace", ["-o", "/dev/null", "true"], { timeout: 60_000 });
  return probe.status === 0 ? false : "strace may not trace here (ptrace is forbidden)";
}

/** The reason that a test that decodes .xz with Python cannot run, or `false`. */
export function lackingPythonLzma(): string | false {
  const reason = lacking("python3");
  if (reason !== false) return reason;
  const probe = spawnSync("python3", ["-c", "import lzma"], { timeout: 30_000 });
  return probe.status === 0 ? false : "this python3 was built without lzma";
}

/** Runs a system program and returns what it printed; throws with its stderr when it fails. */
export function system(program: string, ...args: string[]): string {
  const env = { ...process.env, PATH: FOLDERS.join(delimiter) };
  return execFileSync(program, args, {
    encoding: "utf8",
    timeout: 60_000,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}
