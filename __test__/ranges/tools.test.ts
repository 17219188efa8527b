// checksum --ranges with maps as the tools of this host print them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertSucceeded, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { hashBlocks } from "../support/wire/range-maps.ts";
import { lacking, system } from "../support/programs/tools.ts";

const SIZE = 32 * BLOCK;
const content = noise("tools", SIZE);

async function assertBlocks(
  t: TestContext,
  map: string,
  blocks: readonly number[],
  rest = false,
): Promise<void> {
  const file = join(scratch(t), "file");
  writeFileSync(file, content);
  const outcome = await run(["checksum", file, "--ranges", "-"], { stdin: Buffer.from(map) });
  assertSucceeded(outcome);
  assertSame(outcome.stdout, hashBlocks(content, blocks, rest));
}

/** Metadata of a pool with two volumes: of 64 KiB blocks, 5 and 6 differ, 20 and 21 are gone, 30 to 32 are new. */
const METADATA = `<superblock uuid="" time="1" transaction="2" version="2" data_block_size="128" nr_data_blocks="100">
  <device dev_id="1" mapped_blocks="12" transaction="0" creation_time="0" snap_time="0">
    <range_mapping origin_begin="0" data_begin="0" length="10" time="0"/>
    <range_mapping origin_begin="20" data_begin="40" length="2" time="0"/>
  </device>
  <device dev_id="2" mapped_blocks="13" transaction="1" creation_time="1" snap_time="1">
    <range_mapping origin_begin="0" data_begin="0" length="5" time="0"/>
    <range_mapping origin_begin="5" data_begin="20" length="2" time="1"/>
    <range_mapping origin_begin="7" data_begin="7" length="3" time="0"/>
    <range_mapping origin_begin="30" data_begin="50" length="3" time="1"/>
  </device>
</superblock>
`;

for (const options of [[], ["--verbose"]]) {
  test(
    ["thin_delta", ...options].join(" "),
    { skip: lacking("thin_delta", "thin_restore") },
    async (t) => {
      const folder = scratch(t);
      const [xml, metadata] = [join(folder, "xml"), join(folder, "metadata")];
      writeFileSync(xml, METADATA);
      writeFileSync(metadata, Buffer.alloc(4 << 20));
      system("thin_restore", "-i", xml, "-o", metadata);
      const delta = (one: number, other: number): string =>
        system("thin_delta", ...options, "--snap1", `${one}`, "--snap2", `${other}`, metadata);
      await assertBlocks(t, delta(1, 2), [2, 3, 10, 15, 16]);
      await assertBlocks(t, delta(1, 1), []);
    },
  );
}

const skip = lacking("qemu-img", "qemu-io", "qemu-nbd", "nbdinfo");

/** An image over a backing file: block 1 and 2 are of that, 16 and, since the bitmap began, 24 of its own. */
function image(t: TestContext): string {
  const folder = scratch(t);
  const [backing, top] = [join(folder, "backing"), join(folder, "top")];
  system("qemu-img", "create", "-q", "-f", "qcow2", backing, `${SIZE}`);
  system("qemu-io", "-c", `write ${BLOCK} ${2 * BLOCK}`, backing);
  system("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, top);
  system("qemu-io", "-c", `write ${16 * BLOCK} ${BLOCK}`, top);
  system("qemu-img", "bitmap", "--add", top, "nightly");
  system("qemu-io", "-c", `write ${24 * BLOCK} 65536`, top);
  return top;
}

test("qemu-img map", { skip }, async (t) => {
  const top = image(t);
  await assertBlocks(t, system("qemu-img", "map", "--output=json", top), [16, 24]);
});

test("qemu-img map of a raw file that is larger than the destination", { skip }, async (t) => {
  const raw = join(scratch(t), "raw");
  writeFileSync(raw, noise("raw", SIZE + BLOCK));
  const all = Array.from({ length: 32 }, (_, block) => block);
  await assertBlocks(t, system("qemu-img", "map", "--output=json", "-f", "raw", raw), all, true);
});

const CONTEXTS = {
  "qemu:dirty-bitmap:nightly": [24],
  "qemu:allocation-depth": [16, 24],
  "base:allocation": [1, 2, 16, 24],
};
for (const [context, blocks] of Object.entries(CONTEXTS)) {
  test(`nbdinfo --map=${context}`, { skip }, async (t) => {
    const server = ["qemu-nbd", "--read-only", "-f", "qcow2", "-B", "nightly", "-A", image(t)];
    const map = system("nbdinfo", `--map=${context}`, "--json", "--", "[", ...server, "]");
    await assertBlocks(t, map, blocks);
  });
}
