// Hosts for tests of copies between them: network namespaces of this machine, with sshd in two of them.
//
//     here ──┬── one (10.77.1.2, fd77:1::2)
//            └── two (10.77.2.2, fd77:2::2)
//
// Only their network is their own: files, devices and processes are this machine's.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Cleaning, defer } from "../cleanup.ts";
import { COMMAND, quote, run, type Outcome, type RunOptions } from "../programs/cli.ts";
import { lackingRoot, system } from "../programs/tools.ts";

/** The hosts that one can log in to, in the order of their addresses. */
const FAR = ["one", "two"] as const;

/** A host that one can log in to. */
export type Far = (typeof FAR)[number];

/** The second port of each sshd. */
export const OTHER_PORT = 2222;

const PREFIX = "blockcopy-test-";

const FOLDER = "blockcopy-hosts-";

/** All namespaces of this process. */
const NAMES = ["here", ...FAR].map((host) => `${PREFIX}${process.pid}-${host}`);

/** The namespace that is a host. */
export function namespace(host: "here" | Far): string {
  return `${PREFIX}${process.pid}-${host}`;
}

/** Addresses of a far host and of the end of the link to it that is here. */
export function addressOf(host: Far): { far: string; here: string; far6: string; here6: string } {
  const net = FAR.indexOf(host) + 1;
  return {
    far: `10.77.${net}.2`,
    here: `10.77.${net}.1`,
    far6: `fd77:${net}::2`,
    here6: `fd77:${net}::1`,
  };
}

/** The hosts of this test process. */
interface Hosts {
  folder: string;
  /** Comes before PATH: an `ssh` that knows the hosts and the key. */
  bin: string;
  /** The configuration of that ssh, for those that tests call in another way. */
  config: string;
}

let made: Hosts | undefined;

/** The hosts, made at the first call. */
export function hosts(): Hosts {
  return (made ??= make());
}

function make(): Hosts {
  sweep();
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-`));
  // Whatever ends this process, but SIGKILL: those are swept away by the next.
  process.on("exit", () => remove(folder));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    if (process.listenerCount(signal) === 0) process.on(signal, () => process.exit(1));

  for (const name of NAMES) system("ip", "netns", "add", name);
  system("ip", "-n", namespace("here"), "link", "set", "lo", "up");
  for (const host of FAR) link(host);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const key of ["host", "id"])
    system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, key));
  script(join(bin, "blockcopy"), `exec ${quote(COMMAND)} "$@"`);
  for (const host of FAR) startSshd(folder, host, bin);
  const config = clientConfig(folder);
  const client = join(folder, "client");
  mkdirSync(client);
  script(join(client, "ssh"), `exec /usr/bin/ssh -F ${quote([config])} "$@"`);
  return { folder, bin: client, config };
}

/** Writes a shell script that can be run. */
export function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function link(host: Far): void {
  const [near, there] = [namespace("here"), namespace(host)];
  const { far, here, far6, here6 } = addressOf(host);
  system("ip", "link", "add", host, "netns", near, "type", "veth", "peer", "eth0", "netns", there);
  for (const [name, device, address, address6] of [
    [near, host, here, here6],
    [there, "eth0", far, far6],
  ] as const) {
    const ip = (...args: string[]): string => system("ip", "-n", name, ...args);
    ip("addr", "add", `${address}/24`, "dev", device);
    ip("addr", "add", `${address6}/64`, "dev", device, "nodad");
    ip("link", "set", "lo", "up");
    ip("link", "set", device, "up");
  }
}

function startSshd(folder: string, host: Far, bin: string): void {
  mkdirSync("/run/sshd", { recursive: true });
  const { TMPDIR } = process.env;
  const temporary = TMPDIR === undefined ? "" : ` TMPDIR=${TMPDIR}`;
  const config = join(folder, `sshd-${host}`);
  writeFileSync(
    config,
    `Port 22
Port ${OTHER_PORT}
HostKey ${join(folder, "host")}
AuthorizedKeysFile ${join(folder, "id.pub")}
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
PidFile ${pidFile(folder, host)}
LogLevel VERBOSE
MaxStartups 100
MaxSessions 1
SetEnv PATH=${bin}:${dirname(system("which", "node"))}:/usr/sbin:/usr/bin:/sbin:/bin${temporary}
`,
  );
  // `ip netns exec` would hide from it what is mounted later.
  const [program, ...words] = enter(host);
  system(program, ...words, "/usr/sbin/sshd", "-f", config, "-E", logOf(host, folder));
}

/**
 * Starts another sshd on a host until the test ends, which drops the third of several connections that have not logged in yet.
 *
 * @param port the port that it listens to
 */
export function startBusySshd(t: Cleaning, host: Far, port: number): void {
  const { folder } = hosts();
  const config = join(folder, `busy-${port}`);
  const pid = `${config}.pid`;
  const usual = readFileSync(join(folder, `sshd-${host}`), "utf8");
  const own = /^(?:Port|PidFile|MaxStartups) .*\n/gm;
  writeFileSync(config, `${usual.replace(own, "")}Port ${port}\nPidFile ${pid}\nMaxStartups 2\n`);
  const [program, ...words] = enter(host);
  system(program, ...words, "/usr/sbin/sshd", "-f", config, "-E", `${config}.log`);
  defer(t, () => process.kill(Number(readFileSync(pid, "utf8"))));
}

/** The file that has the number of a host's sshd. */
export function pidFile(folder: string, host: Far): string {
  return join(folder, `sshd-${host}.pid`);
}

function logOf(host: Far, folder: string): string {
  return join(folder, `log-${host}`);
}

function clientConfig(folder: string): string {
  const known = join(folder, "known");
  const key = readFileSync(join(folder, "host.pub"), "utf8").trim();
  writeFileSync(known, `* ${key}\n`);
  const config = join(folder, "ssh-config");
  const names = FAR.map((host) => `Host ${host}\n  HostName ${addressOf(host).far}\n`).join("");
  writeFileSync(
    config,
    `${names}Host *
  IdentityFile ${join(folder, "id")}
  IdentitiesOnly yes
  UserKnownHostsFile ${known}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
  User root
`,
  );
  return config;
}

/** The number of logins to a host so far. */
export function logins(host: Far): number {
  const log = readFileSync(logOf(host, hosts().folder), "utf8");
  return log.split("\n").filter((line) => line.includes("Accepted publickey")).length;
}

/** The command that runs what follows it on a host. */
function enter(host: "here" | Far): [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${namespace(host)}`, "--"];
}

/** The command that runs what follows it on the host without sshd. */
export function prefixHere(): string[] {
  return prefixOn("here");
}

/** The command that runs what follows it on any host. */
export function prefixOn(host: "here" | Far): [string, ...string[]] {
  hosts();
  return enter(host);
}

/** The environment of what runs there. */
export function environmentHere(): { PATH: string } {
  return { PATH: `${hosts().bin}:${process.env["PATH"] ?? ""}` };
}

/** Runs `blockcopy sync` with `args` on the host without sshd. */
export function sync(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const env = { ...environmentHere(), ...options.env };
  return run(["sync", ...args], {
    ...options,
    env,
    prefix: [...prefixHere(), ...(options.prefix ?? [])],
  });
}

function remove(folder: string): void {
  for (const name of NAMES) removeNamespace(name);
  rmSync(folder, { recursive: true, force: true });
}

/** Ends all that runs in a namespace and takes it away. Errors are of no use: there may be nothing of it. */
function removeNamespace(name: string): void {
  const ip = (...args: string[]): string =>
    spawnSync("ip", ["netns", ...args, name], { encoding: "utf8" }).stdout;
  for (const pid of ip("pids").split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  ip("del");
}

/** The words of a process, with spaces between them; empty for one that has ended. */
export function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Takes away what is left of processes that were killed. */
function sweep(): void {
  const isLeft = (name: string): boolean => {
    const pid = /^blockcopy-(?:test|hosts)-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && commandOf(pid) === "";
  };
  const names = system("ip", "netns", "list").split("\n");
  for (const name of names.map((line) => line.split(" ")[0] ?? ""))
    if (isLeft(name)) removeNamespace(name);
  for (const name of readdirSync(tmpdir()))
    if (name.startsWith(FOLDER) && isLeft(name))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

function probe(): string | false {
  const reason = lackingRoot("ip", "tc", "ssh", "sshd", "ssh-keygen", "nsenter");
  if (reason !== false) return reason;
  const name = `${PREFIX}${process.pid}-probe`;
  const tried = spawnSync("ip", ["netns", "add", name], { encoding: "utf8", timeout: 60_000 });
  if (tried.status !== 0) return `no network namespaces here: ${tried.stderr.trim()}`;
  system("ip", "netns", "del", name);
  return false;
}

/** The reason that tests with several hosts cannot run here, or `false`. */
export const lackingHosts: string | false = probe();
