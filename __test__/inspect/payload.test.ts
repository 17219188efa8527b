// `inspect` of extended streams whose headers are sound and whose payloads are not.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { readBlockStream } from "../support/wire/records.ts";

for (const codec of ["none", "lz4", "zstd", "lzma"])
  for (const digest of ["sha3-512", "blake3"])
    test(`a changed byte of a payload is found: ${codec}, ${digest}`, async (t) => {
      const folder = scratch(t);
      const [from, to] = [join(folder, "source"), join(folder, "destination")];
      writeFileSync(
        from,
        Buffer.concat([Buffer.alloc(3 * BLOCK, "text of a block, "), noise("x", 9)]),
      );
      writeFileSync(to, "");
      const hashes = await run(["checksum", "--extended", "--digest", digest, to]);
      assertSucceeded(hashes);
      const blocks = await run(["retrieve", "--compress", codec, from], { stdin: hashes.stdout });
      assertSucceeded(blocks);
      assertSucceeded(await run(["inspect"], { stdin: blocks.stdout }));
      const [first, second] = readBlockStream(blocks.stdout).records;
      assert.ok(first !== undefined && second !== undefined);
      const damaged = Buffer.from(blocks.stdout);
      const at = second.headerEnd + Math.floor((second.end - second.headerEnd) / 2);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      const outcome = await run(["inspect"], { stdin: damaged });
      const where = new RegExp(`offset ${BLOCK} .*at byte ${second.at} `);
      assertFailed(outcome, EXIT.protocol, "inspect", where);
      // Shown up to there: the head and the first block.
      assert.equal(outcome.stdout.toString().trimEnd().split("\n").length, 2);
      const cut = await run(["inspect"], { stdin: blocks.stdout.subarray(0, second.end - 1) });
      assertFailed(cut, EXIT.protocol, "inspect", new RegExp(`at byte ${second.at} \\(`));
    });
