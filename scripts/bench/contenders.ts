import { sample, type Bench, type Contender } from "./scenario.ts";
import type { Tool } from "./machine/tools.ts";
import { measure, type Pipeline, type Usage } from "./machine/usage.ts";

/** blockcopy.py, as tables name it. */
export const PEER = "blockcopy.py 0.0.2";
/** rsync, as tables name it. */
export const RSYNC = "rsync --inplace";
/** dd, as tables name it. */
export const DD = "dd (direct)";

/** A contender whose figure is made of what its pipelines took: the seconds, unless told otherwise. */
export function timed(
  name: string,
  pipelines: readonly Pipeline[],
  figure: (usage: Usage) => number = ({ seconds }) => seconds,
): Contender {
  return {
    name,
    run: () => {
      const usage = measure(pipelines);
      return sample(usage, figure(usage));
    },
  };
}

/** Marks a contender as this program. */
export function ours(contender: Contender): Contender {
  return { ...contender, ours: true };
}

/** A contender that copies the source over the destination with one command, and syncs it after that, as the command does not. */
export function copying(
  name: string,
  tool: Tool | undefined,
  { pair: { source, destination } }: Bench,
  args: (source: string, destination: string) => readonly string[],
): Contender {
  if (tool === undefined) return { name, missing: "not installed" };
  return timed(name, [[[...tool.command, ...args(source, destination)]], [["sync", destination]]]);
}

/** The three stages in a pipe, each by the program that is given for it, the first with `options`. Ends with all on the disk. */
export function threeStages(
  { pair: { source, destination }, tools }: Bench,
  [checksum, retrieve, save]: readonly [checksum: Tool, retrieve: Tool, save: Tool],
  options: readonly string[] = [],
): Pipeline[] {
  const pipeline: Pipeline = [
    [...checksum.command, "checksum", ...options, destination],
    [...retrieve.command, "retrieve", source],
    [...save.command, "save", destination],
  ];
  // Ours ends with fdatasync(2), 0.0.2 with nothing of the kind.
  return save === tools.blockcopy ? [pipeline] : [pipeline, [["sync", destination]]];
}

/** blockcopy.py for all three stages. */
export function peer(bench: Bench): Contender {
  const tool = bench.tools.peer;
  if (tool === undefined) return { name: PEER, missing: "no --peer given" };
  return timed(PEER, threeStages(bench, [tool, tool, tool]));
}

/** Ours for all three stages. */
export function blockcopy(bench: Bench): Contender {
  const tool = bench.tools.blockcopy;
  return ours(timed("blockcopy", threeStages(bench, [tool, tool, tool])));
}

/** Ours for all three stages, with a digest that 0.0.2 does not know. */
export function blockcopyWithBlake3(bench: Bench): Contender {
  const tool = bench.tools.blockcopy;
  const options = ["--extended", "--digest", "blake3"];
  return ours(timed("blockcopy, BLAKE3", threeStages(bench, [tool, tool, tool], options)));
}

/** rsync, made to do on one machine what it does between two. */
export function rsync(bench: Bench): Contender {
  // --ignore-times: even if the destination has been written to within the second in which the source was.
  const options = ["--inplace", "--no-whole-file", "--ignore-times"];
  return copying(RSYNC, bench.tools.rsync, bench, (...files) => [...options, ...files]);
}

/** dd past the page cache. */
export function dd({ pair: { source, destination }, tools, noDirectIo }: Bench): Contender {
  if (noDirectIo !== undefined) return { name: DD, missing: noDirectIo };
  const direct = ["bs=1M", "iflag=direct", "oflag=direct", "conv=notrunc,fsync", "status=none"];
  return timed(DD, [[[...tools.dd.command, `if=${source}`, `of=${destination}`, ...direct]]]);
}
