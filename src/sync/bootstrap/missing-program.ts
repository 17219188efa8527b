import { ExitCode } from "../../errors/exit-codes.ts";
import { VERSION } from "../../native/installation.ts";
import { isOlder } from "./glibc.ts";
import { cpuOf, singleFolders, singleName } from "./single-file.ts";
import { NODE_VERSIONS, runsOnNode } from "../../native/node-version.ts";
import { platformHere } from "../../native/platform.ts";
import { SINGLE } from "../../native/single.ts";
import { SyncError } from "../failures/sync-error.ts";
import type { HostReport } from "../connection/host-lines.ts";

/** Advice that always helps. */
export const INSTALL =
  "install blockcopy there, in that PATH, or give its path with --remote-command";

/** Advice for a host that this program, as it runs here, does not suit. */
const COPY_SINGLE =
  "copy the single executable for the CPU of that host to /usr/local/bin/blockcopy there";

/** Advice for a host that the package from here does not suit, where another one might run. */
export const COPY_OR_INSTALL = `${COPY_SINGLE}, or ${INSTALL}`;

/** The reason why this program cannot be sent to a host, with advice. */
export interface Obstacle {
  /** The end of the sentence "there is no blockcopy on HOST". */
  what: string;
  advice: string;
}

/**
 * Finds the reason why this program could not run on a host.
 *
 * @param needed the version of glibc that the addon here needs, if known
 * @param libc the C library that the addon here needs
 */
export function obstacleOf(
  { node, platform, glibc }: HostReport,
  needed?: string,
  libc = platformHere()?.libc ?? "glibc",
): Obstacle | undefined {
  if (!runsOnNode(node)) {
    return {
      what: node === "" ? ", nor a Node to run it" : ", and its Node is too old",
      advice: `install ${NODE_VERSIONS} there in that PATH, so that blockcopy can be sent; or ${COPY_SINGLE}`,
    };
  }
  if (platform !== undefined && platform !== `${process.platform}-${process.arch}`) {
    const own = process.platform === "linux" ? process.arch : `${process.platform}-${process.arch}`;
    return { what: `, and the one on this host is for ${own}`, advice: COPY_OR_INSTALL };
  }
  if (platform !== undefined && libcOf(glibc) !== libc) {
    return { what: `, and the one on this host needs ${libc}`, advice: COPY_OR_INSTALL };
  }
  return glibc !== undefined && needed !== undefined && isOlder(glibc, needed)
    ? {
        what: `, and the one on this host needs glibc ${needed}, where there is only ${glibc}`,
        advice: `build the engine here for older hosts (\`npm run build:platforms\`), or ${COPY_SINGLE}`,
      }
    : undefined;
}

function libcOf(glibc: string | undefined): string {
  return glibc === undefined ? "musl" : "glibc";
}

/**
 * Adds to an obstacle that a single executable could be sent.
 *
 * @param onHost the reason why this program cannot be sent for the Node there; undefined if the user does not want that
 * @param system system and machine of the host, as uname(1) names them
 */
export function withoutSingle(onHost: Obstacle | undefined, system: string): Obstacle {
  const cpu = cpuOf(system);
  if (SINGLE !== undefined && cpu === process.arch) {
    return {
      what: `, and ${process.execPath} cannot be sent (-v says why)`,
      advice: `copy that file there as /usr/local/bin/blockcopy, or ${INSTALL}`,
    };
  }
  const { what, advice } = onHost ?? { what: "", advice: COPY_OR_INSTALL };
  if (cpu === undefined) {
    return onHost ?? { what: `, and there is no single executable for ${system}`, advice };
  }
  const [folder = ""] = singleFolders();
  return {
    what,
    advice: `put ${singleName(cpu)} of ${VERSION} into ${folder} (from the release, or \`npm run build:single\` in a checkout), so that it is sent (it needs no Node); or ${advice}`,
  };
}

/** Reasons that do not come from the report of the host. */
export const OTHER_OBSTACLES = {
  /** The user does not allow it. */
  noBootstrap: {
    what: "",
    advice: `${INSTALL}, or leave out --no-bootstrap (--bootstrap never), so that it is sent`,
  },
  /** The user has named another command. */
  remoteCommand: {
    what: "",
    advice: "give its path with --remote-command, or leave that out: then it is found, or sent",
  },
  /** A program of that name exists and fails. It would be found before the one that was sent. */
  broken: { what: " that runs", advice: COPY_OR_INSTALL },
  /** Only the single executable is here, and the user wants the package to be sent. */
  noPackage: {
    what: ", and a single executable cannot send the package for Node",
    advice: `leave out --bootstrap node, or ${COPY_SINGLE}`,
  },
  /** The package was sent and is not found. */
  alreadySent: {
    what: " that runs, although it was sent",
    advice: `make sure that id, find, wc and sha256sum are there; or ${INSTALL}`,
  },
  /** Files of this installation are missing. */
  incomplete: {
    what: ", and this installation cannot be sent (-v says why)",
    advice: `install blockcopy here again; or ${INSTALL}`,
  },
} satisfies Readonly<Record<string, Obstacle>>;

/**
 * Makes the error for a host without blockcopy.
 *
 * @param where the host, for the message
 */
export function missingError(
  where: string,
  { lastLine, report }: { lastLine: string | undefined; report: HostReport | undefined },
  { what, advice }: Obstacle,
): SyncError {
  const details = report === undefined ? "" : ` (${reportText(report)})`;
  const printed = lastLine === undefined ? "" : `: ${lastLine}`;
  return new SyncError(
    `there is no blockcopy on ${where}${what}${details}${printed}`,
    advice,
    ExitCode.unavailable,
  );
}

function reportText({ node, platform, glibc, system, path }: HostReport): string {
  const libc = glibc === undefined ? [] : [`glibc ${glibc}`];
  const kind = platform === undefined ? system : platform;
  return [
    `${node === "" ? "no Node" : `Node ${node}`}, ${[kind, ...libc].join(", ")}`,
    `PATH there: ${path}`,
  ].join("; ");
}
