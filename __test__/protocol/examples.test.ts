// The examples in docs/protocol.md say what they say they do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readBlockStream, readHashStream } from "../support/wire/read-legacy.ts";
import { field, u64 } from "../support/wire/description-frames.ts";
import {
  blckFrame,
  decodeExtendedBlocks,
  headFrame,
  rootValue,
  sealedHello,
  sealedStream,
  whole,
  zeroFrame,
} from "../support/wire/extended.ts";
import { readBlocks, readHashes } from "../support/wire/read-extended.ts";
import { rootOf, sha3Digests } from "../support/wire/root-digest.ts";
import { hashFrame, restFrame, sha3 } from "../support/wire/frames.ts";

const page = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```hex\n(.*?)^```$/gms)].map(([, listing = ""]) =>
  Buffer.from(listing.replaceAll(/#.*$|\s/gm, ""), "hex"),
);
const [hashes, blocks, extendedHashes, extendedBlocks, ...others] = examples;

const destination = Buffer.from("block");

test("there are four", () => assert.equal(others.length, 0));

test("a hash stream and its answer", () => {
  assert.ok(hashes !== undefined && blocks !== undefined);
  assert.deepEqual(readHashStream([hashes]), [
    { kind: "hash", position: 0, length: 5, digest: sha3(destination) },
    { kind: "rest", offset: 5 },
  ]);
  assert.deepEqual(
    readBlockStream([blocks]).map(({ payload, ...rest }) => ({
      ...rest,
      payload: Buffer.from(payload).toString(),
    })),
    [
      { command: "data", position: 0, streamOffset: 0, payload: "clock" },
      { command: "data", position: 5, streamOffset: 21, payload: "wise" },
    ],
  );
});

test("an extended hash stream", () => {
  assert.ok(extendedHashes !== undefined);
  const root = Buffer.from(rootOf(5, "sha3-512", sha3Digests(destination)), "hex");
  const frames = [hashFrame(0, 5, sha3(destination)), restFrame(5)].map(whole);
  assert.deepEqual(extendedHashes, sealedStream(sealedHello(), frames, rootValue(root)));
  const read = readHashes([extendedHashes]);
  assert.deepEqual(read.hello?.accepts, ["raw", "xz", "zstd", "lz4"]);
  assert.deepEqual(
    read.frames.map(({ kind }) => kind),
    ["hash", "rest"],
  );
  assert.deepEqual(Buffer.from(read.root?.root ?? []), root);
});

test("an extended block stream", () => {
  assert.ok(extendedBlocks !== undefined);
  const payload = Buffer.from("clock");
  const frames = [blckFrame({ position: 0, digest: sha3(payload), payload }), zeroFrame(5, 4)];
  const source = [field(1, u64(9)), field(2, "file")];
  assert.deepEqual(extendedBlocks, sealedStream(headFrame({ source }), frames));
  const read = readBlocks([extendedBlocks]);
  assert.deepEqual(read.head?.source, { size: 9, kind: "file" });
  assert.equal(read.root, undefined);
  const { after } = decodeExtendedBlocks(extendedBlocks);
  assert.equal(after.length, 0);
  assert.deepEqual(
    read.frames.map(({ codec, position, block }) => [codec, position, block]),
    [
      ["raw", 0, 5],
      ["zeros", 5, 4],
    ],
  );
});
