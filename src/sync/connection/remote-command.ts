import { encodedName, isBytes } from "../../native/names.ts";
import { ownCommand } from "../../native/node-start.ts";
import { UsageError } from "../../errors/copy-error.ts";
import type { Endpoint, RemoteEndpoint } from "./endpoint.ts";
import { runLine, type Sent } from "./host-lines.ts";
import { type HomePath, needsNoQuotes, quoteWord, splitHome, splitWords } from "./shell-words.ts";
import type { SshCall } from "./ssh-cipher.ts";
import { isPlainSsh, shownRsh, sshHostName, sshJump, sshOptions } from "./ssh-options.ts";

/** A way to get blockcopy to hosts without it, and to run it there: this program for the Node there, an executable that needs none, or nothing. */
type BootstrapMode = "auto" | "node" | "single" | "never";

/** The options for reaching a host and running blockcopy there. */
export interface RemoteOptions {
  /** The remote shell: the program that connects, with its options, as rsync's `--rsh`. */
  rsh: string;
  /** The command for blockcopy in the login shell there; undefined for the one that {@link runLine} finds. */
  remoteCommand: string | undefined;
  /** Run it with sudo, which must not ask for a password. */
  sudo: boolean;
  /** Do not share a connection with other programs. */
  ownConnection?: boolean;
  /** The way to get this program to hosts without it. */
  bootstrap: BootstrapMode;
  /** Seconds of silence after which a program is given up; 0 for no limit. */
  timeout: number;
}

/**
 * Returns the command that runs a stage at an end.
 *
 * @param stage the stage and its options, without the file
 * @param sent what may be run if blockcopy is not in the PATH there
 * @throws UsageError if `rsh` is not a command
 */
export function stageCommand(
  end: Endpoint,
  stage: readonly string[],
  remote: RemoteOptions,
  sent: Sent,
): [string, ...string[]] {
  if (end.kind === "local") {
    return [...ownCommand(), ...stage, ...fileWords({ home: "", rest: end.path })];
  }
  const { sudo, remoteCommand } = remote;
  const program =
    remoteCommand === undefined
      ? shellWords(runLine(sent, { sudo }))
      : [...(sudo ? ["sudo", "-n"] : []), remoteCommand];
  const words = [...program, ...stage.map(quoteWord), ...fileWords(splitHome(end.path))];
  return connectCommand(end, remote, words.join(" "));
}

/**
 * Returns the arguments for the file of a stage. Every shell leaves them unchanged, except for a home folder, which it expands. Names with
 * other characters are encoded: Node cannot pass arguments that are not UTF-8, and no quoting works in all shells.
 */
function fileWords({ home, rest }: HomePath): string[] {
  if (needsNoQuotes(rest)) {
    return ["--", home + rest];
  }
  return ["--encoded", ...(home === "" ? [] : ["--home", home]), "--", encodedName(rest)];
}

/** Returns the command that runs a line of sh(1) on another host with any login shell. */
export function remoteShellCommand(
  end: RemoteEndpoint,
  line: string,
  remote: RemoteOptions,
): [string, ...string[]] {
  return connectCommand(end, remote, shellWords(line).join(" "));
}

/**
 * Returns the command that connects to a host and runs `line` there. Node can only start it if all of its words are UTF-8.
 *
 * @throws UsageError
 */
export function connectCommand(
  end: RemoteEndpoint,
  remote: RemoteOptions,
  line: string,
): [string, ...string[]] {
  const given = {
    USER: end.user,
    HOST: end.host,
    "--rsh": remote.rsh,
    "--remote-command": remote.remoteCommand,
  };
  // The value is not shown, because it may contain a password.
  const [name] = Object.entries(given).find(([, value]) => isBytes(value ?? "")) ?? [];
  if (name !== undefined) {
    throw new UsageError(
      `${name} is not UTF-8, so that Node cannot start the connection with it`,
      "give it in UTF-8, or make a link in UTF-8 to what it names",
    );
  }
  return [...connection(end, remote), line];
}

/** Returns words for any shell that run a line of sh(1). Arguments of the line may follow. */
function shellWords(line: string): string[] {
  return ["sh", "-c", quoteWord(line), "blockcopy"];
}

/** Returns the command that connects to a host. The command to run there follows. */
function connection(
  end: RemoteEndpoint,
  { rsh, ownConnection = false }: RemoteOptions,
): [string, ...string[]] {
  const call = sshCall(end, rsh);
  const { program, options, host } = call;
  return [program, ...options, ...sshOptions(call, { ownConnection }), ...host];
}

function sshCall({ port, user, host }: RemoteEndpoint, rsh: string): SshCall {
  const [program, ...options] = splitWords(rsh);
  const words = [
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...(user === undefined ? [] : ["-l", user]),
  ];
  return { program, options, host: [...words, host] };
}

/** Returns the name or address that ssh connects to for an end, which may be an alias. */
export function hostNameOf(end: RemoteEndpoint, { rsh }: Pick<RemoteOptions, "rsh">): string {
  return sshHostName(sshCall(end, rsh)) ?? end.host;
}

/** Returns a name for the sshd that a connection to an end arrives at first, which may be that of a jump host. */
export function sshdOf(end: RemoteEndpoint, { rsh }: Pick<RemoteOptions, "rsh">): string {
  const call = sshCall(end, rsh);
  return sshJump(call) ?? [rsh, sshHostName(call) ?? end.host, end.port].join("\0");
}

/**
 * True if nothing but the ssh here makes a connection: it reads its input only after the login. A wrapper, a further ssh in `rsh`, or one in
 * the command there may be dropped after another program has read some of that input.
 */
export function connectsOnce({
  rsh,
  remoteCommand,
}: Pick<RemoteOptions, "rsh" | "remoteCommand">): boolean {
  return isPlainSsh(rsh) && (remoteCommand === undefined || isPath(remoteCommand));
}

/** Returns the command with which a person can log in to a host the way this program does. */
export function loginCommandOf(end: Endpoint, { rsh }: Pick<RemoteOptions, "rsh">): string {
  if (end.kind === "local") {
    return "";
  }
  const port = end.port === undefined ? "" : ` -p ${end.port}`;
  const user = end.user === undefined ? "" : `${end.user}@`;
  return `${shownRsh(rsh)}${port} ${user}${end.host}`;
}

/**
 * Returns a command for the output of --verbose, without anything that may be a password.
 *
 * @param commandOf makes the command from remote options
 */
export function commandText(
  end: Endpoint,
  remote: RemoteOptions,
  commandOf: (remote: RemoteOptions) => readonly string[],
): string {
  const { rsh, remoteCommand } = remote;
  const command = commandOf({ ...remote, remoteCommand: shownProgram(remoteCommand) });
  const shown =
    end.kind === "local" ? command : [shownRsh(rsh), ...command.slice(splitWords(rsh).length)];
  return shown.join(" ");
}

/** Shows a remote command only if it is a single path: other words may contain a password. */
function shownProgram(remoteCommand: string | undefined): string | undefined {
  const isShown = remoteCommand === undefined || isPath(remoteCommand);
  return isShown ? remoteCommand : "<the command of --remote-command>";
}

/** True for a remote command that is a single path. */
function isPath(remoteCommand: string): boolean {
  return needsNoQuotes(splitHome(remoteCommand).rest);
}
