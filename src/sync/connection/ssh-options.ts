import { outputOf } from "../../transport/processes/program-output.ts";
import { splitWords } from "./shell-words.ts";

/** ServerAliveInterval, in seconds. ssh gives up a dead connection after three times as many; the same option in `rsh` comes first. */
const KEEP_ALIVE = ["-o", "ServerAliveInterval=15"];

/** No terminal there: it would change bytes. This is an option of every ssh, and overrules RequestTTY. */
const NO_TERMINAL = ["-T"];

/** Several streams over one connection would be as slow as one. */
const OWN_CONNECTION = ["-o", "ControlPath=none"];

/**
 * What is right in ssh_config(5) for working on a host, and wrong for a copy, as scp(1) has it: what else would be started, forwarded, or
 * printed. A master that others use too would not end with the copy, so it does not become one.
 */
const FOR_COPIES = [
  "PermitLocalCommand=no",
  "ClearAllForwardings=yes",
  "ForwardAgent=no",
  "ForwardX11=no",
  "Tunnel=no",
  "ControlMaster=no",
];

/** The same, since a version of OpenSSH: an older one refuses to run with these. */
const SINCE: readonly [since: number, options: readonly string[]][] = [
  [7.6, ["RemoteCommand=none"]],
  [8.7, ["StdinNull=no", "ForkAfterAuthentication=no", "SessionType=default"]],
];

/** Options of ssh that a message may show: short ones without a value, short ones with one, and those of `-o`. None of them has a password. */
const HARMLESS = {
  bare: /^-[46AaCkKMNnqTtvXxY]+$/,
  valued: /^-[bBcFiJlmp]$/,
  joined: /^-[bBcFiJlmp]./,
  long: /^(?:AddressFamily|BatchMode|Bind\w+|Ciphers|ClearAllForwardings|Compression|Connect\w+|ControlMaster|ControlPath|ControlPersist|Forward\w+|GlobalKnownHostsFile|GSSAPI\w+|Host\w+|Identit\w+|IPQoS|KexAlgorithms|LogLevel|MACs|Number\w+|PermitLocalCommand|Port|PreferredAuthentications|ProxyJump|PubkeyAuthentication|RekeyLimit|RequestTTY|ServerAlive\w+|StrictHostKeyChecking|TCPKeepAlive|User|UserKnownHostsFile)[= ]/i,
};

/** The options for ssh, in addition to those of whoever has said how to connect, which come first and are taken; empty for any other program. */
export function sshOptions(program: string, ownConnection: boolean): string[] {
  if (!isSsh(program)) {
    return [];
  }
  const version = versionOf(program);
  // The options of any program but OpenSSH are not known.
  const options =
    version === undefined
      ? []
      : [
          ...FOR_COPIES,
          ...SINCE.filter(([since]) => version >= since).flatMap(([, newer]) => newer),
        ];
  return [
    ...KEEP_ALIVE,
    ...NO_TERMINAL,
    ...options.flatMap((option) => ["-o", option]),
    ...(ownConnection ? OWN_CONNECTION : []),
  ];
}

/** The command that connects, as messages may show it: it may have a password in it, as that of sshpass(1), unless it is ssh with options that have none. */
export function shownRsh(rsh: string): string {
  const [program, ...options] = splitWords(rsh);
  return isSsh(program) && areHarmless(options) ? rsh : "<the command of --rsh>";
}

function isSsh(program: string): boolean {
  return /(?:^|\/)ssh$/.test(program);
}

function areHarmless(options: readonly string[]): boolean {
  const { bare, valued, joined, long } = HARMLESS;
  for (let at = 0; at < options.length; at += 1) {
    const option = options[at] ?? "";
    if (valued.test(option)) {
      at += 1;
    } else if (option.startsWith("-o")) {
      at += option === "-o" ? 1 : 0;
      if (!long.test(option === "-o" ? (options[at] ?? "") : option.slice(2))) {
        return false;
      }
    } else if (!bare.test(option) && !joined.test(option)) {
      return false;
    }
  }
  return true;
}

const versions = new Map<string, number | undefined>();

/** The version of OpenSSH that a program is, as 9.2; undefined for any other. */
function versionOf(program: string): number | undefined {
  if (!versions.has(program)) {
    const [, version] = /^OpenSSH_(\d+\.\d+)/m.exec(outputOf(program, "-V")) ?? [];
    versions.set(program, version === undefined ? undefined : Number(version));
  }
  return versions.get(program);
}
