import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  environmentHere,
  hosts,
  lackingHosts,
  namespace,
  pidFile,
  prefixHere,
} from "../../../__test__/support/hosts/hosts.ts";
import { run, type Command } from "../../common/processes.ts";
import { cpuSecondsOf } from "./cpu-time.ts";

const SCRIPT = fileURLToPath(new URL("distance.py", import.meta.url));

/** The host that one can log in to. */
export const HOST = "one";

let isMade = false;
let isShaped = false;

/** The reason that there can be no other host; `undefined` if there can. */
export function lackingHost(): string | undefined {
  return lackingHosts === false ? undefined : lackingHosts;
}

/** A command that runs on a host here, whose only link to {@link HOST} has a rate of 1 Gbit/s each way, headers and all, unless told otherwise. */
export function here(command: Command): Command {
  makeHosts();
  return inEnvironment(command);
}

/** A command like {@link here}, with folders that come before all others of the PATH. */
export function hereWith(folder: string, command: Command): Command {
  makeHosts();
  return inEnvironment(command, `${folder}:${environmentHere().PATH}`);
}

/** The ssh that the hosts here call. */
export function sshHere(): string {
  makeHosts();
  return join(hosts().bin, "ssh");
}

/** Takes the limit off the link, or puts it back. */
export function limitLink(wanted: boolean): void {
  makeHosts();
  if (wanted !== isShaped) setLimit(wanted);
}

/** The address of {@link HOST} at the end of a line that {@link farAway} makes. */
export const DISTANT = "10.77.9.1";

/** Makes a line of 1 Gbit/s to {@link HOST}, with a delay in milliseconds each way, for a command that runs on a host here. */
export function farAway(milliseconds: number, command: Command): Command {
  makeHosts();
  const names = [HOST, "here"] as const;
  const namespaces = names.map((host) => `/run/netns/${namespace(host)}`);
  const line = ["10.77.9", "1000", String(milliseconds)];
  return inEnvironment(["python3", "-I", "-S", SCRIPT, ...namespaces, ...line, ...command]);
}

/** A command that logs in to {@link HOST} from there and runs `words`, which go through its shell. */
export function there(words: string, options: readonly string[] = []): Command {
  return here(["ssh", ...options, HOST, words]);
}

/** The CPU seconds of all sessions on {@link HOST} that have ended, with all that ran in them. */
export function farCpuSeconds(): number {
  makeHosts();
  const pid = readFileSync(pidFile(hosts().folder, HOST), "utf8").trim();
  return cpuSecondsOf(pid, "children");
}

function inEnvironment(command: Command, path = environmentHere().PATH): Command {
  const [enter, ...rest] = prefixHere();
  if (enter === undefined) throw new Error("there is no way to run anything on a host");
  return [enter, ...rest, "env", `PATH=${path}`, ...command];
}

function makeHosts(): void {
  hosts();
  if (!isMade) setLimit(true);
  isMade = true;
}

function setLimit(wanted: boolean): void {
  // A burst as large as what the kernel segments at once, and no more queue than a switch has.
  const bucket = ["tbf", "rate", "1gbit", "burst", "256kb", "latency", "10ms"];
  for (const [place, device] of [
    [namespace("here"), HOST],
    [namespace(HOST), "eth0"],
  ] as const)
    run([
      "tc",
      "-n",
      place,
      "qdisc",
      wanted ? "add" : "del",
      "dev",
      device,
      "root",
      ...(wanted ? bucket : []),
    ]);
  isShaped = wanted;
}
