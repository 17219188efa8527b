import { type Endpoint, hostOf, type RemoteEndpoint } from "./endpoint.ts";
import { quotePath, quoteWord, splitWords } from "./shell.ts";

/** How the program at the far end is reached and called. */
export interface Far {
  /** The program that connects, with its options, as rsync's `--rsh`. */
  rsh: string;
  /** What `blockcopy` is called there: words for the shell there; undefined for its own name. */
  remoteCommand: string | undefined;
  /** Call it with sudo, which must not ask for a password. */
  sudo: boolean;
}

/** A connection that is dead without a word is given up after three times as many seconds; an option of `rsh` that says otherwise comes first. */
const KEEP_ALIVE = ["-o", "ServerAliveInterval=15"];

/** How this program is called here. */
const SELF: readonly [string, ...string[]] = [process.execPath, process.argv[1] ?? "blockcopy"];

/**
 * The command that runs a stage where its file is.
 *
 * @param stage the words before its file: the stage and its options
 * @throws OptionError when `rsh` is no command
 */
export function stageCommand(
  end: Endpoint,
  stage: readonly string[],
  far: Far,
): [string, ...string[]] {
  if (end.kind === "local") {
    return [...SELF, ...stage, "--", end.path];
  }
  const words = [
    ...(far.sudo ? ["sudo", "-n"] : []),
    far.remoteCommand ?? "blockcopy",
    ...stage.map(quoteWord),
    "--",
    quotePath(end.path),
  ];
  return [...connection(end, far), words.join(" ")];
}

/** The command that connects to a host, to which what is to be run there is added. */
function connection(end: RemoteEndpoint, { rsh }: Far): [string, ...string[]] {
  const port = end.port === undefined ? [] : ["-p", String(end.port)];
  const user = end.user === undefined ? [] : ["-l", end.user];
  const [program, ...options] = splitWords(rsh);
  const alive = /(?:^|\/)ssh$/.test(program) ? KEEP_ALIVE : [];
  return [program, ...options, ...alive, ...port, ...user, end.host];
}

/** Where an end is, in words. */
export function whereIs(end: Endpoint): string {
  return end.kind === "local" ? "this host" : hostOf(end);
}
