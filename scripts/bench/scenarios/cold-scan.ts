import { availableParallelism } from "node:os";
import { ours, timed } from "../contenders.ts";
import { diskRate } from "../machine/disk-rate.ts";
import { hashRate } from "../machine/hash-rate.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import type { Usage } from "../machine/usage.ts";

const DISK = "fio (best setting)";
const HASH = `hash alone (${availableParallelism()} cores)`;

/** Reading and hashing what memory does not hold: no faster than the disk, nor than the hash. */
export const coldScan: Scenario = {
  name: "cold-scan",
  title: "A cold checksum",
  about:
    "`checksum` of a file that is not in the page cache, compared with what bounds it: sequential direct reads of the same file by fio, and SHA3-512 with no reading at all, a process for each core. Compared with the lesser of the two in the same round.",
  unit: "MB/s",
  whyNot: ({ noCacheDrop }) => noCacheDrop,
  contenders: (bench) => [checksum(bench), disk(bench), { name: HASH, run: hashRate() }],
  reference: ({ tools }) => (tools.fio === undefined ? [HASH] : [DISK, HASH]),
  setUp: ({ pair }) => pair.cool(),
};

function checksum({ pair: { source, size }, tools: { blockcopy } }: Bench): Contender {
  const rate = ({ seconds }: Usage): number => size / seconds / 1e6;
  const command = [...blockcopy.command, "checksum", source] as const;
  return ours(timed("blockcopy checksum", [[command]], rate));
}

function disk({ pair: { source }, tools: { fio }, noDirectIo }: Bench): Contender {
  if (fio === undefined) return { name: DISK, missing: "not installed" };
  if (noDirectIo !== undefined) return { name: DISK, missing: noDirectIo };
  return { name: DISK, run: diskRate(fio, source) };
}
