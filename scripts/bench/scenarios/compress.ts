import { join } from "node:path";
import { ours, PEER } from "../contenders.ts";
import { EXTENDED, keepHashes } from "../data/kept-hashes.ts";
import { part, programs, random, type Image } from "../data/image.ts";
import { sample, type Bench, type Contender, type Scenario } from "../scenario.ts";
import type { Tool } from "../machine/tools.ts";
import { measure, type Pipeline } from "../machine/usage.ts";

/** MiB that lzma gets: it would take minutes for all. */
const PART = 32;
const LZMA = "lzma";

/** The cost of each way to compress, and its gain. */
export const compress: Scenario = {
  name: "compress",
  title: "Compression",
  about: `\`retrieve --compress …\` for an empty destination, into a pipe that is only counted, from the page cache: the files of /usr/bin and /usr/lib one after another, up to 1 GiB, and what cannot be compressed. MB of source; \`sent\` is what of it goes out. ${LZMA} gets ${PART} pieces of 1 MiB of the same. CPU seconds are for a GB of source. blockcopy.py compares with zeros, as it sends nothing to an empty destination.`,
  unit: "MB/s",
  contenders: (bench) => {
    const files = prepare(bench);
    const { blockcopy, peer } = bench.tools;
    return [
      ...["none", "lz4", "zstd:1", "zstd", "zstd:9"].map((method) =>
        ours(retrieving(method, blockcopy, ["--compress", method], files.programs, files.hashes)),
      ),
      ours(retrieving(LZMA, blockcopy, ["--lzma"], files.part, files.hashes)),
      theirs(peer, files),
      ...["none", "zstd", LZMA].map((method) =>
        ours(
          retrieving(
            `${method}, random data`,
            blockcopy,
            ["--compress", method],
            files.random,
            files.hashes,
          ),
        ),
      ),
    ];
  },
  reference: () => [LZMA],
};

interface Files {
  readonly programs: Image;
  readonly part: Image;
  readonly random: Image;
  /** The hash stream of an empty destination. */
  readonly hashes: string;
  /** That of as many zeros as there are in the part. */
  readonly hashesOfZeros: string;
}

function prepare(bench: Bench): Files {
  const all = programs(bench);
  const files: Files = {
    programs: all,
    part: part(all, PART),
    random: random(bench),
    hashes: join(bench.folder, "hashes"),
    hashesOfZeros: join(bench.folder, "hashes-of-zeros"),
  };
  keepHashes(bench.tools.blockcopy, files.hashes, 0, EXTENDED);
  keepHashes(bench.tools.blockcopy, files.hashesOfZeros, files.part.size, []);
  return files;
}

function theirs(tool: Tool | undefined, files: Files): Contender {
  const name = `${PEER} --lzma`;
  if (tool === undefined) return { name, missing: "no --peer given" };
  return retrieving(name, tool, ["--lzma"], files.part, files.hashesOfZeros);
}

function retrieving(
  name: string,
  { command }: Tool,
  options: readonly string[],
  { path, size }: Image,
  hashes: string,
): Contender {
  const pipeline: Pipeline = [
    ["cat", hashes],
    [...command, "retrieve", ...options, path],
    ["wc", "-c"],
  ];
  return {
    name,
    run: () => {
      const usage = measure([pipeline], "keep");
      const { cpuSeconds, ...rest } = sample(usage, size / usage.seconds / 1e6);
      return {
        ...rest,
        cpuSeconds: cpuSeconds === null ? null : cpuSeconds / (size / 1e9),
        more: { sent: Number(usage.stdout) / size },
      };
    },
  };
}
