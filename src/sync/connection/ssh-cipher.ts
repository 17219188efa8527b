import { closeSync, readSync } from "node:fs";

import { openSync } from "../../native/files.ts";
import { outputOf } from "../../transport/processes/program-output.ts";

/** The ciphers to prefer where the CPU has instructions for them: a connection takes 0.7 of the CPU time that ssh's own first choice takes (docs/benchmarks.md). */
const FAST = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];

/** The first version of OpenSSH that takes `^` before ciphers, for "these first, then the default". */
const PREPENDS_SINCE = 8.1;

/** Milliseconds that ssh may take to print its configuration, which may run a program (`Match exec`) or ask for a name. */
const PATIENCE = 1000;

/** A file without content, as a configuration that sets nothing. */
const NO_CONFIGURATION = "/dev/null";

/** A way to call ssh. */
export interface SshCall {
  program: string;
  /** The options that the user has given. */
  options: readonly string[];
  /** The options for port and user, and the host. */
  host: readonly string[];
}

/**
 * Returns the options that make ssh prefer AES-GCM; empty if the CPU has no instructions for it, or if the ciphers for that host are not
 * the default ones of this ssh, so that they were chosen. A server that has no AES-GCM is asked for the others too.
 */
export function cipherOptions(call: SshCall, version: number): string[] {
  if (version < PREPENDS_SINCE || !hasAes()) {
    return [];
  }
  const configured = ciphersFor(call);
  const fast = FAST.filter((cipher) => configured.includes(cipher));
  const [first] = configured;
  if (fast.length === 0 || first === fast[0] || !isDefault(call.program, configured)) {
    return [];
  }
  return ["-o", `Ciphers=^${fast.join()}`];
}

/** True if an ssh that has no configuration uses the same ciphers. */
function isDefault(program: string, ciphers: readonly string[]): boolean {
  const call = { program, options: ["-F", NO_CONFIGURATION], host: ["localhost"] };
  return ciphersFor(call).join() === ciphers.join();
}

/** Returns the ciphers that ssh would offer to a host, the preferred one first; empty if it does not tell. */
function ciphersFor(call: SshCall): readonly string[] {
  return settingOf(call, "ciphers")?.split(",") ?? [];
}

const answers = new Map<string, string>();

/** Returns a setting of ssh for a host, as ssh itself prints it; undefined if it does not tell. */
export function settingOf({ program, options, host }: SshCall, name: string): string | undefined {
  const words = [...options, "-G", ...host];
  const key = [program, ...words].join("\0");
  let output = answers.get(key);
  if (output === undefined) {
    output = outputOf(program, words, { timeout: PATIENCE });
    answers.set(key, output);
  }
  return new RegExp(`^${name} (\\S+)$`, "m").exec(output)?.[1];
}

/** Bytes to read of /proc/cpuinfo: more than what it says about one CPU, and far less than what it says about all. */
const ONE_CPU = 8192;

let aes: boolean | undefined;

/** True if the CPU has instructions for AES and for the multiplication of GCM. Every Mac has them that this program runs on. */
function hasAes(): boolean {
  aes ??= process.platform === "darwin" || listsAes(startOf("/proc/cpuinfo"));
  return aes;
}

/** Looks for the instructions in what Linux says about a CPU: x86 has `flags`, ARM has `Features`. */
function listsAes(cpu: string): boolean {
  const flags = /^(?:flags|Features)\s*: (.*)$/m.exec(cpu)?.[1]?.split(" ") ?? [];
  return flags.includes("aes") && (flags.includes("pclmulqdq") || flags.includes("pmull"));
}

/** Returns the first bytes of a file; empty if it cannot be read. */
function startOf(path: string): string {
  const start = Buffer.alloc(ONE_CPU);
  try {
    const fd = openSync(path, "r");
    try {
      return start.toString("latin1", 0, readSync(fd, start));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
