import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import type { StageContext } from "../../blocks/context.ts";
import { runWithInput } from "../../transport/processes/child-with-input.ts";
import { type Package, readPackage, selfKeeping } from "./package.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { formatBytes } from "../../ui/format.ts";
import type { Endpoint, RemoteEndpoint } from "../connection/endpoint.ts";
import { connectionError, NOT_FOUND, SSH_FAILED, SyncError } from "../failure.ts";
import {
  commandText,
  type RemoteOptions,
  remoteShellCommand,
  reachOf,
  whereIs,
} from "../connection/remote-command.ts";
import { type Found, foundIn, keepLine, REPORT } from "../connection/remote-shell.ts";
import { CHOSEN, INSTALL, missingError, type Obstacle, obstacleOf } from "./what-is-missing.ts";
import { printable } from "../../errors/printable.ts";
import type { Side } from "../side.ts";
import { Silence } from "../silence.ts";

/** What is said of a program that is sent. */
type Shown = Pick<StageContext, "native" | "warn" | "tell" | "debug">;

/** Lines of what a program said that are kept, of which the last is shown. */
const LAST_LINES = 5;

const NOTHING = new Uint8Array();

/** Whether a program was not there to be started. */
export function isMissing({ end, hello, error }: Side, ended: ExitStatus): boolean {
  return (
    end.kind === "remote" &&
    hello === undefined &&
    error === undefined &&
    "code" in ended &&
    ended.code === NOT_FOUND
  );
}

/** What could be sent. An installation that lacks a file of it can do all else. */
async function packageHere({ debug }: Shown): Promise<Package | undefined> {
  try {
    return await readPackage();
  } catch (error) {
    debug(`blockcopy cannot be sent: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** The program for hosts that have none: sent to each at most once in a run. */
export class Supply {
  readonly #shown: Shown;
  readonly #remote: RemoteOptions;
  readonly #sent = new Set<string>();
  /** What may run where blockcopy is not installed; undefined when nothing is sent. */
  readonly package: Package | undefined;

  private constructor(shown: Shown, remote: RemoteOptions, sent: Package | undefined) {
    this.#shown = shown;
    this.#remote = remote;
    this.package = sent;
  }

  /** For copies between these ends. */
  static async of(shown: Shown, remote: RemoteOptions, ends: readonly Endpoint[]): Promise<Supply> {
    const wanted =
      remote.bootstrap &&
      remote.remoteCommand === undefined &&
      ends.some(({ kind }) => kind === "remote");
    return new Supply(shown, remote, wanted ? await packageHere(shown) : undefined);
  }

  /**
   * Sends the program to where a side has not found it.
   *
   * @throws SyncError when that cannot be, or is of no use
   */
  async send({ end, said }: Side): Promise<void> {
    if (end.kind === "local") {
      throw new TypeError("what runs is there");
    }
    // What is called by another name, and what cannot start without Node, say nothing of what is there.
    const reported = foundIn(said);
    const found = reported ?? (await this.#ask(end));
    const last = reported === undefined ? said.at(-1) : undefined;
    const host = remoteShellCommand(end, "", this.#remote).join("\0");
    const obstacle = this.#obstacle(host, reported, found);
    if (obstacle !== undefined || this.package === undefined) {
      throw missingError(whereIs(end), last, found, obstacle ?? CHOSEN.incomplete);
    }
    this.#sent.add(host);
    await this.#send(end, this.package);
  }

  #obstacle(
    host: string,
    reported: Found | undefined,
    found: Found | undefined,
  ): Obstacle | undefined {
    const there = found === undefined ? undefined : obstacleOf(found, this.package?.glibc);
    const { remoteCommand, bootstrap } = this.#remote;
    if (remoteCommand !== undefined || !bootstrap) {
      const chosen = remoteCommand === undefined ? CHOSEN.bootstrap : CHOSEN.command;
      // Without that option nothing would be gained.
      return there === undefined ? chosen : { what: there.what, advice: INSTALL };
    }
    if (there !== undefined || reported === undefined) {
      return there ?? CHOSEN.broken;
    }
    return this.#sent.has(host) ? CHOSEN.sent : undefined;
  }

  async #ask(end: RemoteEndpoint): Promise<Found | undefined> {
    const { said } = await this.#run(end, REPORT, NOTHING);
    return foundIn(said);
  }

  async #send(end: RemoteEndpoint, sent: Package): Promise<void> {
    const where = whereIs(end);
    const script = selfKeeping(sent);
    const { said, ended } = await this.#run(end, keepLine(sent), script);
    const folder = /^kept in (.*)$/.exec(said.at(-1) ?? "")?.[1];
    if (!("code" in ended) || ended.code !== 0 || folder === undefined) {
      const last = said.at(-1);
      if ("code" in ended && ended.code === SSH_FAILED) {
        throw connectionError({ end, said, reach: reachOf(end, this.#remote) });
      }
      throw new SyncError(
        `blockcopy was sent to ${where} and could not be kept there${last === undefined ? "" : `: ${last}`}`,
        "see to that, or install blockcopy there, or have XDG_CACHE_HOME name another folder there",
        ExitCode.unavailable,
      );
    }
    this.#shown.tell(
      `sent blockcopy ${VERSION} to ${where} (${formatBytes(script.length)}, kept in ${folder})`,
    );
  }

  /** Runs a line of sh(1) on a host. */
  async #run(
    end: RemoteEndpoint,
    line: string,
    input: Uint8Array,
  ): Promise<{ said: string[]; ended: ExitStatus }> {
    const { native, warn, debug } = this.#shown;
    const command = remoteShellCommand(end, line, this.#remote);
    debug(`${whereIs(end)}: ${commandText(end, this.#remote, () => command)}`);
    const said: string[] = [];
    const givenUp = new AbortController();
    const silence = new Silence({
      timeout: this.#remote.timeout,
      warn,
      giveUp: (error) => givenUp.abort(error),
    });
    const watch = silence.watch(end, "what is to keep blockcopy");
    watch.begin();
    const ended = await runWithInput(native, {
      command,
      input,
      onLine: (text) => {
        watch.heard();
        said.push(printable(text));
        said.splice(0, said.length - LAST_LINES);
      },
      onWrite: watch.heard,
      signal: givenUp.signal,
    });
    watch.end();
    givenUp.signal.throwIfAborted();
    return { said, ended };
  }
}
