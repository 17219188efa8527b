import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import { SINGLE } from "../../native/single.ts";
import { runWithInput } from "../../transport/processes/child-with-input.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { formatBytes } from "../../ui/format.ts";
import { printable } from "../../errors/printable.ts";
import type { Cause } from "../failures/which-failed.ts";
import { isUnlinked, isWithoutSudo } from "../connection/connection-advice.ts";
import { noConnection, NOT_FOUND, SSH_FAILED } from "../connection/connection-failure.ts";
import { type Endpoint, hostLabel, type RemoteEndpoint } from "../connection/endpoint.ts";
import {
  commandText,
  loginCommandOf,
  type RemoteOptions,
  remoteShellCommand,
} from "../connection/remote-command.ts";
import {
  type HostReport,
  hostReportIn,
  installLine,
  keepSingleLine,
  REPORT,
  type Sent,
} from "../connection/host-lines.ts";
import { loginTo, runWithLogin } from "../connection/login.ts";
import type { SyncContext } from "../listener.ts";
import type { Side } from "../side.ts";
import { Silence } from "../silence.ts";
import { SyncError } from "../failures/sync-error.ts";
import {
  COPY_OR_INSTALL,
  INSTALL,
  missingError,
  type Obstacle,
  obstacleOf,
  OTHER_OBSTACLES,
  withoutSingle,
} from "./missing-program.ts";
import {
  cpuOf,
  findSingles,
  type PackedSingle,
  packSingle,
  type SingleFile,
} from "./single-file.ts";
import { installScript, type Package, readPackage } from "./make-package.ts";
import { type Sendable, Sending } from "./sending.ts";
import { messageOf } from "../../errors/message-of.ts";

/** The services that a bootstrap uses. */
type BootstrapContext = Pick<SyncContext, "native" | "warn" | "tell" | "debug">;

/** Lines that are kept from the output of a program. */
const LAST_LINES = 5;

const NO_INPUT = new Uint8Array();

/** The first line that a host prints: from then on, no login is asking for a password. What ssh prints before may be a banner. */
const FIRST_WORD = "blockcopy: logged in";

/** The end of a program on another host. */
interface RemoteRun {
  lastLines: string[];
  status: ExitStatus;
}

/** Splits what a host says about a folder in which it does not keep this program: the reason, and the advice if it has given any itself. */
function adviceIn(line: string): { reason: string; advice: string | undefined } {
  const [, reason = line, advice] = /^(.*?); (.*\bXDG_CACHE_HOME\b.*)$/.exec(line) ?? [];
  return { reason, advice };
}

/** True if a copy failed because a remote host has no blockcopy. A lack of sudo, or of a library, ends with the same exit code. */
export function isMissing({ side: { end, hello, error, lastLines }, status }: Cause): boolean {
  return (
    !lastLines.some((line) => isWithoutSudo(line) || isUnlinked(line)) &&
    end.kind === "remote" &&
    hello === undefined &&
    error === undefined &&
    "code" in status &&
    status.code === NOT_FOUND
  );
}

/** Returns this program as a package; undefined if files of it are missing, which only a bootstrap needs. */
async function packageHere({ debug }: BootstrapContext): Promise<Package | undefined> {
  // The single executable has no files. It can be sent itself.
  if (SINGLE !== undefined) {
    return undefined;
  }
  try {
    return await readPackage();
  } catch (error) {
    debug(`blockcopy cannot be sent: ${messageOf(error)}`);
    return undefined;
  }
}

/** The facts about a host that has not found blockcopy. */
interface Missing {
  /** The words of the command that connects to it. */
  host: string;
  /** The report that the line has printed which looks for blockcopy; undefined if it has found one that does not run. */
  reported: HostReport | undefined;
  report: HostReport | undefined;
}

/** Sends this program to the hosts of a copy that have no blockcopy, to each host at most once per run. */
export class Bootstrap {
  readonly #context: BootstrapContext;
  readonly #remote: RemoteOptions;
  readonly #sendable: Sendable;
  readonly #sending: Sending;
  readonly #sentTo = new Set<string>();

  private constructor(
    context: BootstrapContext,
    remote: RemoteOptions,
    { sendable, sending }: { sendable: Sendable; sending: Sending },
  ) {
    this.#context = context;
    this.#remote = remote;
    this.#sendable = sendable;
    this.#sending = sending;
  }

  /**
   * Prepares for a copy between these ends.
   *
   * @param sending shared by all copies of a run
   */
  static async of(
    context: BootstrapContext,
    remote: RemoteOptions,
    { ends, sending = new Sending() }: { ends: readonly Endpoint[]; sending?: Sending | undefined },
  ): Promise<Bootstrap> {
    const mode =
      remote.remoteCommand === undefined && ends.some(({ kind }) => kind === "remote")
        ? remote.bootstrap
        : "never";
    const sendable =
      mode === "never"
        ? { package: undefined, singles: [] }
        : await sending.sendable(async () => ({
            package: mode === "single" ? undefined : await packageHere(context),
            singles: mode === "node" ? [] : await findSingles(context.debug),
          }));
    return new Bootstrap(context, remote, { sendable, sending });
  }

  /** The forms of this program that may be on hosts already, and may be run there. */
  get sent(): Sent {
    return this.#sendable;
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
    const choice = this.#choose({ host, reported, report });
    if ("what" in choice) {
      const lastLine = reported === undefined ? lastLines.at(-1) : undefined;
      throw missingError(hostLabel(end), { lastLine, report }, choice);
    }
    this.#sentTo.add(host);
    await this.#sending.deliver(host, () =>
      "cpu" in choice ? this.#keepSingle(end, choice) : this.#install(end, choice),
    );
  }

  /** Chooses what is sent to a host, or finds the reason why nothing is. */
  #choose({ host, reported, report }: Missing): Package | SingleFile | Obstacle {
    const { package: toSend, singles } = this.#sendable;
    // The facts about its Node do not matter to a single executable.
    const onHost =
      report === undefined || SINGLE !== undefined ? undefined : obstacleOf(report, toSend?.glibc);
    const { remoteCommand, bootstrap } = this.#remote;
    if (remoteCommand !== undefined || bootstrap === "never") {
      const byOption =
        remoteCommand === undefined ? OTHER_OBSTACLES.noBootstrap : OTHER_OBSTACLES.remoteCommand;
      // Leaving out the option would not help.
      return onHost === undefined ? byOption : { what: onHost.what, advice: COPY_OR_INSTALL };
    }
    if (reported === undefined) {
      return onHost ?? OTHER_OBSTACLES.broken;
    }
    if (this.#sentTo.has(host)) {
      return OTHER_OBSTACLES.alreadySent;
    }
    if (toSend !== undefined && onHost === undefined) {
      return toSend;
    }
    const forNode =
      onHost ?? (SINGLE === undefined ? OTHER_OBSTACLES.incomplete : OTHER_OBSTACLES.noPackage);
    if (bootstrap === "node") {
      return forNode;
    }
    const cpu = cpuOf(reported.system);
    const single = singles.find((known) => known.cpu === cpu);
    const wanted = bootstrap === "auto" && SINGLE === undefined;
    return single ?? withoutSingle(wanted ? forNode : undefined, reported.system);
  }

  async #askForReport(end: RemoteEndpoint): Promise<HostReport | undefined> {
    const { lastLines } = await this.#run(end, REPORT, NO_INPUT);
    return hostReportIn(lastLines);
  }

  async #install(end: RemoteEndpoint, toSend: Package): Promise<void> {
    await this.#deliver(end, installLine(toSend), installScript(toSend));
  }

  async #keepSingle(end: RemoteEndpoint, single: SingleFile): Promise<void> {
    let packed: PackedSingle;
    try {
      packed = await packSingle(single);
    } catch (error) {
      throw new SyncError(
        `${single.path} cannot be sent to ${hostLabel(end)}: ${messageOf(error)}`,
        INSTALL,
        ExitCode.unavailable,
      );
    }
    await this.#deliver(end, keepSingleLine(single, packed.digest), packed.bytes);
  }

  /** Runs a line that keeps what is sent to it. */
  async #deliver(end: RemoteEndpoint, line: string, bytes: Uint8Array): Promise<void> {
    const where = hostLabel(end);
    const { lastLines, status } = await this.#run(end, line, bytes);
    const lastLine = lastLines.at(-1);
    const folder = /^kept in (.*)$/.exec(lastLine ?? "")?.[1];
    if (!("code" in status) || status.code !== 0 || folder === undefined) {
      if ("code" in status && status.code === SSH_FAILED) {
        throw noConnection({ end, lastLines, loginCommand: loginCommandOf(end, this.#remote) });
      }
      const { reason, advice } = adviceIn(lastLine ?? "");
      throw new SyncError(
        `blockcopy was sent to ${where} and could not be stored there${reason === "" ? "" : `: ${reason}`}`,
        advice ??
          "remove that cause, or set XDG_CACHE_HOME there to another folder, or install blockcopy there",
        ExitCode.unavailable,
      );
    }
    this.#context.tell(
      `sent blockcopy ${VERSION} to ${where} (${formatBytes(bytes.length)}, kept in ${folder})`,
    );
  }

  /** Runs a line of sh(1) on a host. */
  async #run(end: RemoteEndpoint, line: string, input: Uint8Array): Promise<RemoteRun> {
    const { native, warn, debug } = this.#context;
    const command = remoteShellCommand(end, `echo "${FIRST_WORD}" >&2; ${line}`, this.#remote);
    debug(`${hostLabel(end)}: ${commandText(end, this.#remote, () => command)}`);
    const lastLines: string[] = [];
    const givenUp = new AbortController();
    const silence = new Silence({
      timeout: this.#remote.timeout,
      warn,
      giveUp: (error) => givenUp.abort(error),
    });
    const watch = silence.watch(end, {
      what: "the installation of blockcopy",
      loginCommand: loginCommandOf(end, this.#remote),
    });
    const program = {
      command,
      input,
      onLine: (text: string) => {
        watch.printed();
        if (text === FIRST_WORD) {
          watch.loggedIn();
        } else if (text.trim() !== "") {
          lastLines.push(text);
        }
        lastLines.splice(0, lastLines.length - LAST_LINES);
      },
      onWrite: watch.heard,
      signal: givenUp.signal,
    };
    const login = loginTo(end, this.#remote, { lastLines, warn });
    const run = async (): Promise<ExitStatus> => {
      lastLines.splice(0);
      // The waits before it are no silence of the host.
      watch.begin();
      const status = await runWithInput(native, program);
      watch.end();
      return status;
    };
    const status = await runWithLogin(login, run, givenUp.signal);
    givenUp.signal.throwIfAborted();
    return { lastLines: lastLines.map((text) => printable(text)), status };
  }
}
