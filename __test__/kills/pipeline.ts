// A pipeline whose processes are killed, and the files of its runs.
import type { Bare } from "../support/hosts/bare-host.ts";
import type { Role } from "./roles.ts";

/** One way to copy. */
export interface Pipeline {
  name: string;
  roles: readonly Role[];
  /** The words after `blockcopy sync`; for a pipeline joined by hand, a line of bash for each of its programs. */
  words: (place: Place) => string[];
  /** True for programs that were joined by hand. */
  byHand: boolean;
  /** Bytes of both ends. */
  size: number;
  /** The rate of the link, as `tc` writes it; undefined without one. */
  rate?: string;
  /** A command that starts `sync`. */
  prefix?: readonly string[];
  /** The file that the copy makes, unless it is the destination. */
  result?: "delta" | "nothing";
  /** The destination has a digest cache. */
  isCached?: boolean;
  /** The copy makes its destination. */
  isNew?: boolean;
  /** The destinations after the first one: what follows its name in theirs. */
  more?: readonly string[];
  /** The hosts have no blockcopy, and are sent it in this form. */
  bare?: "node" | "single";
  /** True if `sync` gives up each stage that is silent: those of 0.0.2 say nothing. */
  isWatched: boolean;
  /** Reason why it cannot be tried here. */
  skip?: string | false;
}

/** The files of all destinations. */
export function destinationsOf(
  { destination }: Pick<Place, "destination">,
  { more = [] }: Pick<Pipeline, "more">,
): string[] {
  return ["", ...more].map((suffix) => destination + suffix);
}

/** The folders and commands that all runs use. */
export interface Place {
  source: string;
  destination: string;
  cache: string;
  delta: string;
  /** The folder of these. */
  data: string;
  /** TMPDIR of all processes. */
  temporary: string;
  /** The folder of what the programs print. */
  output: string;
  /** A script that runs ssh as its child. */
  wrapper: string;
  /** An ssh that shares its connection. */
  master: string;
  /** The socket of that connection. */
  socket: string;
  /** An ssh to hosts that have no blockcopy, in each form that it may be sent in. */
  bareSsh: { node: string; single: string };
  bare: { node: Bare; single: Bare };
  /** The environment of what runs here. */
  environment: NodeJS.ProcessEnv;
}
