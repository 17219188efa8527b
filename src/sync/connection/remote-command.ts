import { encodedName, isBytes } from "../../native/names.ts";
import { ownCommand } from "../../native/node-start.ts";
import { UsageError } from "../../errors/copy-error.ts";
import { type Endpoint, hostOf, type RemoteEndpoint } from "./endpoint.ts";
import { type Kept, runLine } from "./remote-shell.ts";
import { type HomePath, isPlain, quoteWord, splitHome, splitWords } from "./shell-words.ts";
import { shownRsh, sshOptions } from "./ssh-options.ts";

/** How the program at the far end is reached and called. */
export interface RemoteOptions {
  /** The program that connects, with its options, as rsync's `--rsh`. */
  rsh: string;
  /** What `blockcopy` is called there: words for the shell there; undefined for what {@link runLine} finds. */
  remoteCommand: string | undefined;
  /** Call it with sudo, which must not ask for a password. */
  sudo: boolean;
  /** Not over a connection that others use too. */
  ownConnection?: boolean;
  /** Whether this program may be sent to where it is missing, and run there. */
  bootstrap: boolean;
  /** Seconds without a word after which a program there, or one that reads what it sends, is given up; 0 for never. */
  timeout: number;
}

/**
 * The command that runs a stage where its file is.
 *
 * @param stage the words before its file: the stage and its options
 * @param kept what may be run where blockcopy is not installed
 * @throws UsageError when `rsh` is no command
 */
export function stageCommand(
  end: Endpoint,
  stage: readonly string[],
  remote: RemoteOptions,
  kept: Kept | undefined,
): [string, ...string[]] {
  if (end.kind === "local") {
    return [...ownCommand(), ...stage, ...fileWords({ home: "", rest: end.path })];
  }
  const { sudo, remoteCommand } = remote;
  const program =
    remoteCommand === undefined
      ? shellWords(runLine(kept, sudo))
      : [...(sudo ? ["sudo", "-n"] : []), remoteCommand];
  const words = [...program, ...stage.map(quoteWord), ...fileWords(splitHome(end.path))];
  return startable(end, remote, words.join(" "));
}

/**
 * The words for the file of a stage, which every shell takes as they are, but for a home folder, which it looks up. Node cannot start a program with a name that is not
 * UTF-8, nor is any quoting for all shells: so what is not plain is encoded.
 */
function fileWords({ home, rest }: HomePath): string[] {
  if (isPlain(rest)) {
    return ["--", home + rest];
  }
  return ["--encoded", ...(home === "" ? [] : ["--home", home]), "--", encodedName(rest)];
}

/** The command that runs a line of sh(1) on another host, whatever shell answers there. */
export function remoteShellCommand(
  end: RemoteEndpoint,
  line: string,
  remote: RemoteOptions,
): [string, ...string[]] {
  return startable(end, remote, shellWords(line).join(" "));
}

/**
 * The command that connects to a host and runs `line` there. Node can start it only if all of its words are UTF-8.
 *
 * @throws UsageError
 */
export function startable(
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
  // Not the value itself: there may be a password in it.
  const [name] = Object.entries(given).find(([, value]) => isBytes(value ?? "")) ?? [];
  if (name !== undefined) {
    throw new UsageError(
      `${name} is not UTF-8, and a connection can only be started with words that are`,
      "give it in UTF-8: what it names may have a link to it",
    );
  }
  return [...connection(end, remote), line];
}

/** A line of sh(1), to which arguments may be added, as words for any shell. */
function shellWords(line: string): string[] {
  return ["sh", "-c", quoteWord(line), "blockcopy"];
}

/** The command that connects to a host, to which what is to be run there is added. */
function connection(
  end: RemoteEndpoint,
  { rsh, ownConnection }: RemoteOptions,
): [string, ...string[]] {
  const port = end.port === undefined ? [] : ["-p", String(end.port)];
  const user = end.user === undefined ? [] : ["-l", end.user];
  const [program, ...options] = splitWords(rsh);
  const added = sshOptions(program, ownConnection === true);
  return [program, ...options, ...added, ...port, ...user, end.host];
}

/** How a person reaches a host as this program does. */
export function reachOf(end: Endpoint, { rsh }: Pick<RemoteOptions, "rsh">): string {
  if (end.kind === "local") {
    return "";
  }
  const port = end.port === undefined ? "" : ` -p ${end.port}`;
  const user = end.user === undefined ? "" : `${end.user}@`;
  return `${shownRsh(rsh)}${port} ${user}${end.host}`;
}

/**
 * A command for those who look for a fault, without what may be secret.
 *
 * @param commandOf makes the command for these ways to reach and call the program
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

/** A path is shown; a command with words after it may have a password in one of them. */
function shownProgram(remoteCommand: string | undefined): string | undefined {
  const isShown = remoteCommand === undefined || isPlain(splitHome(remoteCommand).rest);
  return isShown ? remoteCommand : "<the command of --remote-command>";
}

/** Where an end is, in words. */
export function whereIs(end: Endpoint): string {
  return end.kind === "local" ? "this host" : hostOf(end);
}
