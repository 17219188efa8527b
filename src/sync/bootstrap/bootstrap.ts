import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import { runWithInput } from "../../transport/processes/child-with-input.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { formatBytes } from "../../ui/format.ts";
import { printable } from "../../errors/printable.ts";
import type { Cause } from "../failures/which-failed.ts";
import { noConnection, NOT_FOUND, SSH_FAILED } from "../connection/connection-failure.ts";
import { type Endpoint, hostLabel, type RemoteEndpoint } from "../connection/endpoint.ts";
import {
  commandText,
  loginCommandOf,
  type RemoteOptions,
  remoteShellCommand,
} from "../connection/remote-command.ts";
import { type HostReport, hostReportIn, installLine, REPORT } from "../connection/host-lines.ts";
import type { SyncContext } from "../listener.ts";
import type { Side } from "../side.ts";
import { Silence } from "../silence.ts";
import { SyncError } from "../failures/sync-error.ts";
import {
  INSTALL,
  missingError,
  type Obstacle,
  obstacleOf,
  OTHER_OBSTACLES,
} from "./missing-program.ts";
import { installScript, type Package, readPackage } from "./make-package.ts";

/** The services that a bootstrap uses. */
type BootstrapContext = Pick<SyncContext, "native" | "warn" | "tell" | "debug">;

/** Lines that are kept from the output of a program. */
const LAST_LINES = 5;

const NO_INPUT = new Uint8Array();

/** The end of a program on another host. */
interface RemoteRun {
  lastLines: string[];
  status: ExitStatus;
}

/** True if a copy failed because a remote host has no blockcopy. */
export function isMissing({ side: { end, hello, error }, status }: Cause): boolean {
  return (
    end.kind === "remote" &&
    hello === undefined &&
    error === undefined &&
    "code" in status &&
    status.code === NOT_FOUND
  );
}

/** Returns this program as a package; undefined if files of it are missing, which only a bootstrap needs. */
async function packageHere({ debug }: BootstrapContext): Promise<Package | undefined> {
  try {
    return await readPackage();
  } catch (error) {
    debug(`blockcopy cannot be sent: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Sends this program to hosts without blockcopy, to each host at most once per run. */
export class Bootstrap {
  readonly #context: BootstrapContext;
  readonly #remote: RemoteOptions;
  readonly #sentTo = new Set<string>();
  /** The package that is sent; undefined if none may or can be sent. */
  readonly package: Package | undefined;

  private constructor(
    context: BootstrapContext,
    remote: RemoteOptions,
    toSend: Package | undefined,
  ) {
    this.#context = context;
    this.#remote = remote;
    this.package = toSend;
  }

  /** Prepares for copies between these ends. */
  static async of(
    context: BootstrapContext,
    remote: RemoteOptions,
    ends: readonly Endpoint[],
  ): Promise<Bootstrap> {
    const isAllowed =
      remote.bootstrap &&
      remote.remoteCommand === undefined &&
      ends.some(({ kind }) => kind === "remote");
    return new Bootstrap(context, remote, isAllowed ? await packageHere(context) : undefined);
  }

  /**
   * Sends the program to the host of a side that has not found it.
   *
   * @throws SyncError if it cannot be sent or could not run there
   */
  async send({ end, lastLines }: Side): Promise<void> {
    if (end.kind === "local") {
      throw new TypeError("this program is on its own host");
    }
    // There is no report after --remote-command, or from a blockcopy that cannot start because Node is missing.
    const reported = hostReportIn(lastLines);
    const report = reported ?? (await this.#askForReport(end));
    const host = remoteShellCommand(end, "", this.#remote).join("\0");
    const obstacle = this.#obstacle(host, reported, report);
    if (obstacle !== undefined || this.package === undefined) {
      const lastLine = reported === undefined ? lastLines.at(-1) : undefined;
      throw missingError(
        hostLabel(end),
        { lastLine, report },
        obstacle ?? OTHER_OBSTACLES.incomplete,
      );
    }
    this.#sentTo.add(host);
    await this.#install(end, this.package);
  }

  #obstacle(
    host: string,
    reported: HostReport | undefined,
    report: HostReport | undefined,
  ): Obstacle | undefined {
    const onHost = report === undefined ? undefined : obstacleOf(report, this.package?.glibc);
    const { remoteCommand, bootstrap } = this.#remote;
    if (remoteCommand !== undefined || !bootstrap) {
      const byOption =
        remoteCommand === undefined ? OTHER_OBSTACLES.noBootstrap : OTHER_OBSTACLES.remoteCommand;
      // Leaving out the option would not help.
      return onHost === undefined ? byOption : { what: onHost.what, advice: INSTALL };
    }
    if (onHost !== undefined || reported === undefined) {
      return onHost ?? OTHER_OBSTACLES.broken;
    }
    return this.#sentTo.has(host) ? OTHER_OBSTACLES.alreadySent : undefined;
  }

  async #askForReport(end: RemoteEndpoint): Promise<HostReport | undefined> {
    const { lastLines } = await this.#run(end, REPORT, NO_INPUT);
    return hostReportIn(lastLines);
  }

  async #install(end: RemoteEndpoint, toSend: Package): Promise<void> {
    const where = hostLabel(end);
    const script = installScript(toSend);
    const { lastLines, status } = await this.#run(end, installLine(toSend), script);
    const lastLine = lastLines.at(-1);
    const folder = /^kept in (.*)$/.exec(lastLine ?? "")?.[1];
    if (!("code" in status) || status.code !== 0 || folder === undefined) {
      if ("code" in status && status.code === SSH_FAILED) {
        throw noConnection({ end, lastLines, loginCommand: loginCommandOf(end, this.#remote) });
      }
      throw new SyncError(
        `blockcopy was sent to ${where} and could not be stored there${lastLine === undefined ? "" : `: ${lastLine}`}`,
        "remove that cause, or set XDG_CACHE_HOME there to another folder, or install blockcopy there",
        ExitCode.unavailable,
      );
    }
    this.#context.tell(
      `sent blockcopy ${VERSION} to ${where} (${formatBytes(script.length)}, kept in ${folder})`,
    );
  }

  /** Runs a line of sh(1) on a host. */
  async #run(end: RemoteEndpoint, line: string, input: Uint8Array): Promise<RemoteRun> {
    const { native, warn, debug } = this.#context;
    const command = remoteShellCommand(end, line, this.#remote);
    debug(`${hostLabel(end)}: ${commandText(end, this.#remote, () => command)}`);
    const lastLines: string[] = [];
    const givenUp = new AbortController();
    const silence = new Silence({
      timeout: this.#remote.timeout,
      warn,
      giveUp: (error) => givenUp.abort(error),
    });
    const watch = silence.watch(end, "the installation of blockcopy");
    watch.begin();
    const status = await runWithInput(native, {
      command,
      input,
      onLine: (text) => {
        watch.heard();
        lastLines.push(printable(text));
        lastLines.splice(0, lastLines.length - LAST_LINES);
      },
      onWrite: watch.heard,
      signal: givenUp.signal,
    });
    watch.end();
    givenUp.signal.throwIfAborted();
    return { lastLines, status };
  }
}
