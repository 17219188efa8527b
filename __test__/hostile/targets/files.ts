// Streams in files: what `inspect` shows of them, and digest caches.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheError, DigestCache } from "../../../src/digests/digest-cache.ts";
import { loadAddon } from "../../../src/native/load.ts";
import { readFrames } from "../../../src/inspect/frames.ts";
import type { PayloadCheck } from "../../../src/inspect/payload-check.ts";
import { Summary } from "../../../src/inspect/summary.ts";
import { Window } from "../../../src/inspect/window.ts";
import { ProtocolError } from "../../../src/protocol/error.ts";
import { blockDataEnded } from "../../../src/protocol/block-stream/decoder.ts";
import type { Input } from "../../../src/transport/streams/input.ts";
import { BLOCK } from "../../support/files/files.ts";
import { rootOf } from "../../support/wire/root-digest.ts";
import { rootValue, sealedHello, sealedStream, whole } from "../../support/wire/extended.ts";
import { hashFrame, restFrame } from "../../support/wire/frames.ts";
import { BLOCK_STREAM, HASH_STREAM } from "../../support/wire/sample-streams.ts";
import { chunked, type Target } from "../target.ts";
import { arriving, recordedStreams, withArrival } from "./streams.ts";

const native = loadAddon();

/** An input that returns these chunks. */
function inputOf(chunks: readonly Uint8Array[]): Input {
  let [index, at] = [0, 0];
  const input = {
    bytes: 0,
    read: async (target: Uint8Array): Promise<number> => {
      const chunk = chunks[index]?.subarray(at, at + target.length) ?? new Uint8Array(0);
      target.set(chunk);
      at += chunk.length;
      if (at === chunks[index]?.length) [index, at] = [index + 1, 0];
      input.bytes += chunk.length;
      return Promise.resolve(chunk.length);
    },
  };
  return input as unknown as Input;
}

/** Skips payloads as the check of them does, without the engine. */
const SKIP = {
  pass: async (window, header) => {
    const { headerLength, length } = header;
    window.consume(headerLength);
    const skipped = await window.skip(length);
    if (skipped < length) throw blockDataEnded(header, headerLength + skipped);
  },
} as Pick<PayloadCheck, "pass"> as PayloadCheck;

/** All that `inspect` prints of a stream. */
async function shown(chunks: readonly Uint8Array[]): Promise<string> {
  const input = inputOf(chunks);
  const [lines, total] = [[] as string[], new Summary()];
  try {
    for await (const frames of readFrames(new Window(input), SKIP))
      for (const frame of frames) {
        total.add(frame);
        lines.push(
          `${frame.offset} ${frame.name} ${frame.text()} ${JSON.stringify(frame.fields())}`,
        );
      }
    total.end({ size: input.bytes, sound: true });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    lines.push(error.message);
    total.end({ size: error.offset, sound: false });
  }
  return [...lines, total.text(), total.json()].join("\n");
}

/** Output of `inspect`. */
export const inspected: Target = {
  name: "inspect",
  seeds: () =>
    withArrival([
      HASH_STREAM,
      BLOCK_STREAM,
      ...recordedStreams("hashes"),
      ...recordedStreams("blocks"),
    ]),
  words: ["helo", "Hash", "rest", "head", "data", "dlzm", "blck", "zero", "root", "done", "tail"],
  async check(bytes) {
    const { stream, how } = arriving(bytes);
    assert.equal(await shown(chunked(stream, how)), await shown([stream]), "other lines in pieces");
  },
};

/** A digest cache, as docs/protocol.md describes a kept stream. */
function cacheOf(count: number): Buffer {
  const digests = Array.from({ length: count }, (_, index) => Buffer.alloc(64, index + 1));
  const size = count * BLOCK - (count > 0 ? 4000 : 0);
  const root = Buffer.from(rootOf(size, "sha3-512", digests), "hex");
  const frames = digests.map((digest, index) =>
    whole(hashFrame(index * BLOCK, Math.min(BLOCK, size - index * BLOCK), digest)),
  );
  const begin = sealedHello({ size, identity: "file fsid:1 2 3.4", root, end: 2 ** 53 - 1 });
  return sealedStream(begin, [...frames, whole(restFrame(size))], rootValue(root));
}

const FOLDER = mkdtempSync(join(tmpdir(), "blockcopy-hostile-"));
process.once("exit", () => rmSync(FOLDER, { recursive: true, force: true }));

/** Number of descriptors of this process for a file. */
function descriptorsOf(path: string): number {
  const isIt = (descriptor: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      // The one that has listed them is gone.
      return false;
    }
  };
  return readdirSync("/proc/self/fd").filter(isIt).length;
}

/** A digest cache. */
export const digestCache: Target = {
  name: "digest_cache",
  seeds: () => withArrival([cacheOf(0), cacheOf(1), cacheOf(9), HASH_STREAM]),
  words: ["helo", "Hash", "rest", "root", "done", "sha3-512", "blake3"],
  async check(bytes) {
    const { stream } = arriving(bytes);
    const path = join(FOLDER, "cache");
    writeFileSync(path, stream, { mode: 0o600 });
    let cache: DigestCache | undefined;
    try {
      cache = await DigestCache.open(path);
      assert.ok(cache !== undefined);
      const { size, blockSize, digest } = cache.hello;
      const digests: Buffer[] = [];
      let next = 0;
      for await (const blocks of cache.blocks(native))
        for (const { position, length, digest: found } of blocks) {
          assert.equal(position, next, "a gap");
          assert.equal(length, Math.min(blockSize, size - position), "a part of a block");
          next += length;
          digests.push(Buffer.from(found));
        }
      assert.equal(next, size, "not all blocks");
      // It is believed only with the root of all that it holds.
      assert.equal(
        Buffer.from(cache.hello.root).toString("hex"),
        rootOf(size, digest, digests, blockSize),
      );
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
    } finally {
      await cache?.close();
    }
    assert.equal(descriptorsOf(path), 0, "the file is still open");
  },
};
