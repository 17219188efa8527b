import { hostname } from "node:os";

import { readlinkSync } from "../../native/files.ts";
import { readText } from "../../transport/files/small-file.ts";
import { systemCode } from "../../errors/stream-errors.ts";
import { findProcess, ownProcess } from "../../transport/processes/process-tree.ts";

/** Beginning of the tag that marks the snapshots of this program. */
const MARK = "blockcopy.snapshot=";

const BOOT_FILE = "/proc/sys/kernel/random/boot_id";

/** Identifier of this installation; see machine-id(5). */
const MACHINE_FILE = "/etc/machine-id";

/**
 * The process that a snapshot belongs to. The host is part of it, because hosts may share disks, and so is the installation, because they may
 * have the same name. Another PID namespace, as of a container, has other processes with the same numbers.
 */
interface Owner {
  host: string;
  /** Installation of the host; `none` if it has no identifier. */
  machine: string;
  boot: string;
  namespace: string;
  pid: number;
  /** Start time, as in /proc. */
  started: string;
}

/** Returns the tag for snapshots of this process; undefined if /proc does not tell who it is, or is that of another PID namespace. */
export function ownTag(): string | undefined {
  const owner = self();
  return (
    owner &&
    MARK +
      [owner.host, owner.machine, owner.boot, owner.namespace, owner.pid, owner.started].join(":")
  );
}

function self(): Owner | undefined {
  const here = surroundings();
  const own = ownProcess();
  return here && own && { ...here, pid: own.pid, started: own.started };
}

/** Returns what all processes of this host, and of this container, have in common. */
function surroundings(): Pick<Owner, "host" | "machine" | "boot" | "namespace"> | undefined {
  const boot = readText(BOOT_FILE).trim();
  const namespace = pidNamespace();
  // LVM allows few characters in a tag.
  const host = hostname().replaceAll(/[^A-Za-z0-9.-]/g, "_");
  const machine = /^[0-9a-f]{32}$/.exec(readText(MACHINE_FILE).trim())?.[0] ?? "none";
  return boot === "" || namespace === undefined ? undefined : { host, machine, boot, namespace };
}

function pidNamespace(): string | undefined {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
  } catch {
    return undefined;
  }
}

/**
 * True if one of these tags says that a process of this host made the snapshot, and that process has ended. False for whatever is not
 * known for certain.
 */
export function isAbandoned(tags: readonly string[]): boolean {
  const owner = tags.map(parseTag).find((found) => found !== undefined);
  const here = surroundings();
  if (owner === undefined || here === undefined) {
    return false;
  }
  if (owner.host !== here.host || owner.machine !== here.machine) {
    return false;
  }
  if (owner.boot !== here.boot) {
    return true;
  }
  return owner.namespace === here.namespace && ownProcess() !== undefined && hasEnded(owner);
}

/** True if a process of this namespace has surely ended. One that /proc hides (`hidepid`, see proc(5)) may still run. */
function hasEnded({ pid, started }: Pick<Owner, "pid" | "started">): boolean {
  const found = findProcess(pid);
  if (found !== undefined) {
    return found.started !== started;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === "ESRCH";
  }
}

function parseTag(tag: string): Owner | undefined {
  if (!tag.startsWith(MARK)) {
    return undefined;
  }
  const found = /^([A-Za-z0-9._-]+):([0-9a-f]{32}|none):([0-9a-f-]{36}):(\d+):(\d+):(\d+)$/.exec(
    tag.slice(MARK.length),
  );
  if (found === null) {
    return undefined;
  }
  const [, host = "", machine = "", boot = "", namespace = "", pid = "", started = ""] = found;
  return { host, machine, boot, namespace, pid: Number(pid), started };
}
