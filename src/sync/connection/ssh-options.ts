import { outputOf } from "../../transport/processes/program-output.ts";
import { splitWords } from "./shell-words.ts";
import { cipherOptions, settingOf, type SshCall } from "./ssh-cipher.ts";

/** Makes ssh give up a dead connection after three intervals (seconds). The same option in `--rsh` comes first and wins. */
const KEEP_ALIVE = ["-o", "ServerAliveInterval=15"];

/** Disables the remote terminal, which would change bytes. Every ssh has this option, and it overrides RequestTTY. */
const NO_TERMINAL = ["-T"];

/** Gives each stream a connection of its own: over one connection, several streams would be as slow as one. */
const OWN_CONNECTION = ["-o", "ControlPath=none"];

/**
 * Settings of ssh_config(5) that are useful for a login and wrong for a copy, because they start, forward or print something else. scp(1)
 * overrides them too. A connection that becomes a ControlMaster would not end with the copy.
 */
const FOR_COPIES = [
  "PermitLocalCommand=no",
  "ClearAllForwardings=yes",
  "ForwardAgent=no",
  "ForwardX11=no",
  "Tunnel=no",
  "ControlMaster=no",
];

/** More such settings, with the version of OpenSSH that introduced them: an older one refuses to run with them. */
const SINCE: readonly [since: number, options: readonly string[]][] = [
  [7.6, ["RemoteCommand=none"]],
  [8.7, ["StdinNull=no", "ForkAfterAuthentication=no", "SessionType=default"]],
];

/** The first version of OpenSSH that prints its configuration for a host (`-G`). */
const TELLS_SINCE = 6.8;

/** Options of ssh that a message may show, because they cannot contain a password: short ones without a value, short ones with a value, and settings of `-o`. */
const HARMLESS = {
  bare: /^-[46AaCkKMNnqTtvXxY]+$/,
  valued: /^-[bBcFiJlmp]$/,
  joined: /^-[bBcFiJlmp]./,
  long: /^(?:AddressFamily|BatchMode|Bind\w+|Ciphers|ClearAllForwardings|Compression|Connect\w+|ControlMaster|ControlPath|ControlPersist|Forward\w+|GlobalKnownHostsFile|GSSAPI\w+|Host\w+|Identit\w+|IPQoS|KexAlgorithms|LogLevel|MACs|Number\w+|PermitLocalCommand|Port|PreferredAuthentications|ProxyJump|PubkeyAuthentication|RekeyLimit|RequestTTY|ServerAlive\w+|StrictHostKeyChecking|TCPKeepAlive|User|UserKnownHostsFile)[= ]/i,
};

/** Returns the options to add to ssh. Options that the user has given come first and win. Empty for any other program. */
export function sshOptions(call: SshCall, { ownConnection }: { ownConnection: boolean }): string[] {
  const { program } = call;
  if (!isSsh(program)) {
    return [];
  }
  const version = versionOf(program);
  // Another ssh than OpenSSH may not know these options.
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
    ...(version === undefined ? [] : cipherOptions(call, version)),
  ];
}

/** Returns the name of a host as ssh resolves it, which its configuration may have for another one; undefined if it does not tell. */
export function sshHostName(call: SshCall): string | undefined {
  return configured(call, "hostname");
}

/** Returns the jump hosts that ssh connects through; undefined for none, or if it does not tell. */
export function sshJump(call: SshCall): string | undefined {
  return configured(call, "proxyjump");
}

/** Returns a setting for a host; undefined if ssh is too old to tell, or another program: that could take the question for a command. */
function configured(call: SshCall, setting: string): string | undefined {
  const tells = isSsh(call.program) && (versionOf(call.program) ?? 0) >= TELLS_SINCE;
  return tells ? settingOf(call, setting) : undefined;
}

/** Returns the remote shell for a message. Only ssh with harmless options is shown: another command, such as sshpass(1), may contain a password. */
export function shownRsh(rsh: string): string {
  return isPlainSsh(rsh) ? rsh : "<the command of --rsh>";
}

/** True if the remote shell is ssh with harmless options alone: no wrapper, and no further command that the host in its words is to run. */
export function isPlainSsh(rsh: string): boolean {
  const [program, ...options] = splitWords(rsh);
  return isSsh(program) && areHarmless(options);
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

/** Returns the version of OpenSSH, such as 9.2; undefined for any other program. */
function versionOf(program: string): number | undefined {
  if (!versions.has(program)) {
    const [, version] = /^OpenSSH_(\d+\.\d+)/m.exec(outputOf(program, ["-V"])) ?? [];
    versions.set(program, version === undefined ? undefined : Number(version));
  }
  return versions.get(program);
}
