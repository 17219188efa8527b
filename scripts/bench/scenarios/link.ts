import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../common/processes.ts";
import { ours, timed } from "../contenders.ts";
import { halfEmpty, part, programs, random, type Image } from "../data/image.ts";
import { EXTENDED, keepHashes } from "../data/kept-hashes.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";

const SCRIPT = fileURLToPath(new URL("../machine/link.py", import.meta.url));
/** Networks of their own for whoever may have them, root or not. */
const APART = ["unshare", "--map-root-user", "--net", "python3", "-I", "-S", SCRIPT] as const;
const LZMA = "lzma";
/** MiB that lzma gets. */
const PART = 32;
/** MiB of everything else on a slow link. */
const LESS = 256;

/** A link on which compressing must not be what takes the time. */
export const fastLink: Scenario = {
  name: "link",
  title: "A link of 1 Gbit/s",
  about: about("1 Gbit/s (125 MB/s", "up to 1 GiB"),
  ...overLink("1gbit", ["none", "lz4", "zstd", "auto", LZMA], (image) => image),
};

/** A link that is worth some compression. */
export const slowLink: Scenario = {
  name: "slow-link",
  title: "A link of 100 Mbit/s",
  about: about("100 Mbit/s (12.5 MB/s", `${LESS} pieces of 1 MiB of each`),
  ...overLink("100mbit", ["none", "zstd", "zstd:9", "auto", LZMA], (image) => part(image, LESS)),
};

function about(rate: string, size: string): string {
  return `\`retrieve --compress …\` in one network namespace and \`save\` in another, onto the disk and synced, over a plain TCP connection, to an empty destination; between them veth(4) with tc-tbf(8) at ${rate}, headers and all) each way. The files of /usr/bin and /usr/lib one after another, the same with zeros for every other 16 MiB, and random data, ${size}; ${LZMA} gets ${PART} MiB. MB of source.`;
}

/** `retrieve` and `save` with a link of `rate` between them, for as much as `some` takes of an image. */
function overLink(
  rate: string,
  methods: readonly string[],
  some: (image: Image) => Image,
): Pick<Scenario, "unit" | "whyNot" | "contenders" | "reference" | "setUp"> {
  return {
    unit: "MB/s",
    whyNot: () => whyNot(rate),
    contenders: (bench) => {
      const hashes = join(bench.folder, "hashes");
      keepHashes(bench.tools.blockcopy, hashes, 0, EXTENDED);
      const all = some(programs(bench));
      const half = halfEmpty(all);
      const noise = some(random(bench));
      const copying = (name: string, method: string, image: Image): Contender =>
        copyingOver(bench, { rate, hashes, name, method, image });
      return [
        ...methods.map((method) =>
          copying(method, method, method === LZMA ? part(all, PART) : all),
        ),
        ...["none", "zstd", "auto"].map((method) => copying(`${method}, half empty`, method, half)),
        ...["none", "auto"].map((method) => copying(`${method}, random data`, method, noise)),
      ];
    },
    reference: () => ["none"],
    setUp: ({ pair }) => writeFileSync(pair.destination, ""),
  };
}

function whyNot(rate: string): string | undefined {
  try {
    run([...APART, rate, '["true"]', '["true"]']);
    return undefined;
  } catch (error) {
    return `no such link can be made: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Copies one image with one way to compress. */
interface Copy {
  readonly rate: string;
  readonly hashes: string;
  readonly name: string;
  readonly method: string;
  readonly image: Image;
}

function copyingOver(
  { tools: { blockcopy }, pair: { destination } }: Bench,
  { rate, hashes, name, method, image: { path, size } }: Copy,
): Contender {
  const near = [...blockcopy.command, "retrieve", "--compress", method, path];
  const far = [...blockcopy.command, "save", destination];
  const pipeline = [
    ["cat", hashes],
    [...APART, rate, JSON.stringify(near), JSON.stringify(far)],
  ] as const;
  const contender = timed(name, [pipeline], ({ seconds }) => size / seconds / 1e6);
  if ("missing" in contender) return contender;
  return ours({
    ...contender,
    run: () => {
      const taken = contender.run();
      run(["cmp", path, destination]);
      return taken;
    },
  });
}
