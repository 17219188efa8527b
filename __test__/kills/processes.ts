// The processes on the hosts, found by their network namespace: whatever a run starts is born in one of them and cannot leave it.
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { type Far, hosts, namespace, pidFile } from "../support/hosts/hosts.ts";

/** A host of a copy. */
export type Host = "here" | Far;

const HOSTS: readonly Host[] = ["here", "one", "two"];

/** A process on a host. */
export interface Found {
  pid: number;
  host: Host;
  /** Its words, with spaces between them. */
  command: string;
}

let namespaces: ReadonlyMap<string, Host> | undefined;
let daemons: ReadonlySet<string> = new Set();

/** The namespaces, by what `/proc` calls them. */
function known(): ReadonlyMap<string, Host> {
  if (namespaces === undefined) {
    const { folder } = hosts();
    namespaces = new Map(
      HOSTS.map((host) => [`net:[${statSync(`/run/netns/${namespace(host)}`).ino}]`, host]),
    );
    daemons = new Set(
      (["one", "two"] as const).map((host) => readFileSync(pidFile(folder, host), "utf8").trim()),
    );
  }
  return namespaces;
}

/** The time at which a process was first seen outside of the hosts, by its number. It is looked at again after a while: another one may have its number. */
const elsewhere = new Map<string, number>();

/** Milliseconds for which such a process is looked at each time, because nsenter(1) is about to enter a host, and then left out. */
const NEW = 300;
const LEFT_OUT = 2000;

/** True for a process that was outside of the hosts not long ago. */
function isElsewhere(name: string, now: number): boolean {
  const age = now - (elsewhere.get(name) ?? now);
  if (age > LEFT_OUT) elsewhere.delete(name);
  return age > NEW && age <= LEFT_OUT;
}

/** The processes on all hosts, without the sshd that wait for logins, and without those that have ended. */
export function running(): Found[] {
  const hostOf = known();
  const now = performance.now();
  const found: Found[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || daemons.has(name) || isElsewhere(name, now)) continue;
    try {
      const host = hostOf.get(readlinkSync(`/proc/${name}/ns/net`));
      if (host === undefined) {
        if (!elsewhere.has(name)) elsewhere.set(name, now);
        continue;
      }
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      // A process that only waits to be waited for has no words.
      if (command !== "") found.push({ pid: Number(name), host, command });
    } catch {
      // It has ended in the meantime.
    }
  }
  return found;
}
