// State of the hosts of hosts.ts: their processes, and the links between them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { type Cleaning, defer } from "../cleanup.ts";
import { addressOf, commandOf, hosts, namespace, pidFile, type Far } from "./hosts.ts";
import { eventually } from "../programs/eventually.ts";
import { system } from "../programs/tools.ts";

/** The namespace that is a host, which there is from now on. */
function at(host: "here" | Far): string {
  hosts();
  return namespace(host);
}

/** A process on one of the hosts. */
export interface Process {
  pid: number;
  /** Its words, with spaces between them. */
  command: string;
}

/** True if a process is in the network namespace of this number; false if it has ended. */
function isIn(pid: string, namespaceNumber: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${namespaceNumber}]`;
  } catch {
    return false;
  }
}

/**
 * The processes on a host, without the sshd that waits for logins. Does what `ip netns pids` does, but starts no program: tests that
 * wait look often.
 */
export function processesOn(host: "here" | Far): Process[] {
  const { ino } = statSync(`/run/netns/${at(host)}`);
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isIn(name, ino));
  const daemon = host === "here" ? "" : readFileSync(pidFile(hosts().folder, host), "utf8").trim();
  return pids
    .filter((pid) => pid !== daemon)
    .map((pid) => ({ pid: Number(pid), command: commandOf(pid) }))
    .filter(({ command }) => command !== "");
}

/** Waits until a process runs on a host whose command `pattern` matches. */
export async function appears(host: "here" | Far, pattern: RegExp): Promise<Process> {
  const find = (): Process | undefined =>
    processesOn(host).find(({ command }) => pattern.test(command));
  let found = find();
  await eventually(() => (found ??= find()) !== undefined, { what: `ran ${pattern} on ${host}` });
  assert.ok(found !== undefined);
  return found;
}

/** Waits until nothing runs on any host; throws with what does after `seconds`. */
export async function allGone(seconds: number): Promise<void> {
  const running = (): Process[] => (["here", "one", "two"] as const).flatMap(processesOn);
  const detail = (): string => JSON.stringify(running(), null, 1);
  const waiting = { what: "were all gone", seconds, everyMs: 50, detail };
  await eventually(() => running().length === 0, waiting);
}

/**
 * Limits what goes to and comes from a host, as `tc` writes rates (`200mbit`), until the test ends or what is returned is called.
 */
export function shape(t: Cleaning, host: Far, rate: string): () => void {
  const qdisc = (action: string, ...args: string[]): void => {
    system("tc", "-n", at("here"), "qdisc", action, "dev", host, "root", ...args);
    system("tc", "-n", at(host), "qdisc", action, "dev", "eth0", "root", ...args);
  };
  qdisc("add", "tbf", "rate", rate, "burst", "64kb", "latency", "50ms");
  let limited = true;
  const end = (): void => {
    if (limited) qdisc("del");
    limited = false;
  };
  defer(t, end);
  return end;
}

/** Lets the two far hosts reach each other through the host between them. */
export function joinFar(): void {
  at("here");
  const forward = "net.ipv4.ip_forward=1";
  system("nsenter", `--net=/run/netns/${namespace("here")}`, "--", "sysctl", "-qw", forward);
  for (const host of ["one", "two"] as const) {
    const { here } = addressOf(host);
    system("ip", "-n", at(host), "route", "replace", "default", "via", here);
  }
}

/** Takes the cable out, until the test ends or what is returned is called. */
export function unplug(t: Cleaning, host: Far): () => void {
  const set = (state: "up" | "down"): string =>
    system("ip", "-n", at("here"), "link", "set", host, state);
  set("down");
  const plug = (): void => {
    set("up");
    // The kernel forgets the address with the link.
    system(
      "ip",
      "-n",
      at("here"),
      "addr",
      "replace",
      `${addressOf(host).here6}/64`,
      "dev",
      host,
      "nodad",
    );
  };
  defer(t, plug);
  return plug;
}
