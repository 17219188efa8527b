import { ExitCode } from "../../errors/exit-codes.ts";
import { isOlder } from "./glibc.ts";
import { NODE_VERSIONS, runsOnNode } from "../../native/node-version.ts";
import { platformHere } from "../../native/platform.ts";
import { SyncError } from "../failure.ts";
import type { Found } from "../connection/remote-shell.ts";

/** What helps in any case. */
export const INSTALL =
  "install blockcopy there, in that PATH, or give its path with --remote-command";

/** Why the program that runs here cannot be sent to a host, and what to do about that. */
export interface Obstacle {
  /** Words that follow those that there is none. */
  what: string;
  advice: string;
}

/**
 * Finds what is in the way of running there what runs here.
 *
 * @param needed the version of glibc that the engine here asks for, if that is known
 * @param libc the C library that the engine here is for
 */
export function obstacleOf(
  { node, platform, glibc }: Found,
  needed?: string,
  libc = platformHere()?.libc ?? "glibc",
): Obstacle | undefined {
  if (!runsOnNode(node)) {
    return {
      what: node === "" ? ", nor a Node that could run it" : ", and its Node is too old",
      advice: `install ${NODE_VERSIONS} there, in that PATH: then blockcopy is sent; or ${INSTALL}`,
    };
  }
  if (platform !== undefined && platform !== `${process.platform}-${process.arch}`) {
    return { what: `, and that of this host is for ${process.arch}`, advice: INSTALL };
  }
  if (platform !== undefined && libcThere(glibc) !== libc) {
    return { what: `, and that of this host needs ${libc}`, advice: INSTALL };
  }
  return glibc !== undefined && needed !== undefined && isOlder(glibc, needed)
    ? {
        what: `, and that of this host needs glibc ${needed}, where there is only ${glibc}`,
        advice: `build it there from a checkout, or ${INSTALL}`,
      }
    : undefined;
}

function libcThere(glibc: string | undefined): string {
  return glibc === undefined ? "musl" : "glibc";
}

/** What else is in the way. */
export const CHOSEN = {
  /** Nothing may be sent. */
  bootstrap: { what: "", advice: `${INSTALL}, or leave out --no-bootstrap: then it is sent` },
  /** It is not what was said that it is called. */
  command: {
    what: "",
    advice: "give its path with --remote-command, or leave that out: then it is found, or sent",
  },
  /** Something of that name is there, and what was sent would not be looked for. */
  broken: { what: " that runs", advice: INSTALL },
  /** There is something wrong with how it is looked for. */
  sent: {
    what: " that runs, although it was sent",
    advice: `see that id, find, wc and sha256sum are there; or ${INSTALL}`,
  },
  /** Files are missing here. */
  incomplete: {
    what: ", and this installation cannot be sent (-v says why)",
    advice: `install blockcopy here again; or ${INSTALL}`,
  },
} satisfies Readonly<Record<string, Obstacle>>;

/**
 * There is no blockcopy on a host.
 *
 * @param where the host, in words
 * @param last what was said of it last, by whoever did not find it
 */
export function missingError(
  where: string,
  last: string | undefined,
  found: Found | undefined,
  { what, advice }: Obstacle,
): SyncError {
  const said = last === undefined ? "" : `: ${last}`;
  return new SyncError(
    `there is no blockcopy on ${where}${what}${found === undefined ? "" : ` (${wordsOf(found)})`}${said}`,
    advice,
    ExitCode.unavailable,
  );
}

function wordsOf({ node, platform, glibc, system, path }: Found): string {
  const libc = glibc === undefined ? [] : [`glibc ${glibc}`];
  const kind = platform === undefined ? system : platform;
  return [
    `${node === "" ? "no Node" : `Node ${node}`}, ${[kind, ...libc].join(", ")}`,
    `PATH there: ${path}`,
  ].join("; ");
}
