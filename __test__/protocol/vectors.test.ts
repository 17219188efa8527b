import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { BLOCK_HEADER_LENGTH, encodeBlockHeader } from "../../src/protocol/block-stream/frames.ts";
import type { ProtocolErrorCode } from "../../src/protocol/error.ts";
import { encodeDone, encodeHashFrames, encodeRest } from "../../src/protocol/hash-stream/frames.ts";
import { DEFAULT_BLOCK_SIZE } from "../../src/protocol/limits.ts";
import {
  assertRefused,
  decodeBlockFrames,
  decodeHashFrames,
  deprecatedHash,
  readBlockStream,
  readHashStream,
  recordedBytes,
  type Block,
} from "../support/wire/read-legacy.ts";
import { cases } from "../support/wire/vectors.ts";
import { sha3 } from "../support/wire/frames.ts";

/** Code and offset of the error for each recorded stream that 0.0.2 refused. */
const refused = new Map<string, [ProtocolErrorCode, number]>([
  ["end-past-eof.hashes", ["closed", 0]],
  ["no-done.hashes", ["closed", 332]],
  ["truncated-frame.hashes", ["truncated-frame", 160]],
  ["unknown-command.hashes", ["unknown-command", 80]],
  ["empty.blocks", ["closed", 0]],
  ["end-past-eof.blocks", ["closed", 0]],
  ["no-done.blocks", ["closed", 237888]],
  ["truncated-frame.blocks", ["closed", 0]],
  ["unknown-command.blocks", ["closed", 0]],
]);

/** The words of blockcopy 0.0.2, from the last line that it wrote to stderr. Here messages begin with a small letter. */
function legacyWords(line: string): string {
  const [, exception] =
    /^ERROR \(\w+\): (?:Collected exceptions: Exception\("(.*)"\)$)?/.exec(line) ?? [];
  const words = exception ?? line.replace(/^ERROR \(\w+\): /, "");
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

describe("streams recorded from blockcopy 0.0.2", () => {
  for (const { name, checksum, retrieve, destination, save } of cases) {
    const hashes = retrieve.stdin ?? "";
    const blocks = save.stdin;

    test(`${name}: hash stream`, () => {
      const bytes = recordedBytes(hashes);
      const expected = refused.get(hashes);
      if (expected !== undefined) {
        const words = legacyWords(retrieve.stderr_last_line);
        assertRefused(() => readHashStream([bytes]), ...expected, words);
        return;
      }
      assert.equal(decodeHashFrames(bytes, 0).consumed, bytes.length);
      const encoded = readHashStream([bytes]).map((decoded) => {
        if (decoded.kind === "rest") return encodeRest(decoded.offset);
        assert.equal(decoded.kind, "hash");
        const { position, length, digest } = decoded;
        return position === undefined
          ? deprecatedHash(length, digest)
          : encodeHashFrames(position, length, length, digest);
      });
      assert.deepEqual(Buffer.concat([...encoded, encodeDone()]), Buffer.from(bytes));
    });

    test(`${name}: block stream`, () => {
      const bytes = recordedBytes(blocks);
      const expected = refused.get(blocks);
      if (expected !== undefined) {
        const words = legacyWords(save.stderr_last_line);
        assertRefused(() => readBlockStream([bytes]), ...expected, words);
        return;
      }
      assert.equal(decodeBlockFrames(bytes, 0, bytes.length, 0).consumed, bytes.length);
      const received = readBlockStream([bytes]);
      const encoded = received.flatMap(({ command, position, payload }) => {
        const header = new Uint8Array(BLOCK_HEADER_LENGTH);
        encodeBlockHeader(header, 0, command, position, payload.length);
        return [header, payload];
      });
      assert.deepEqual(Buffer.concat([...encoded, encodeDone()]), Buffer.from(bytes));
      if (retrieve.args.includes("--lzma")) {
        assert.ok(received.some(({ command }) => command === "dlzm"));
        for (const { command, payload } of received)
          if (command === "dlzm")
            assert.deepEqual(Buffer.from(payload.subarray(0, 6)).toString("latin1"), "\xfd7zXZ\0");
      } else {
        const written = afterSave(recordedBytes(destination), received);
        assert.equal(createHash("sha256").update(written).digest("hex"), save.result_sha256);
      }
    });

    if (checksum === undefined || checksum.exit !== 0) continue;

    test(`${name}: hash stream as made from the destination`, () => {
      const bytes = recordedBytes(destination);
      const option = (flag: string): number | undefined => {
        const at = checksum.args.indexOf(flag);
        return at < 0 ? undefined : Number(checksum.args[at + 1]);
      };
      const start = option("--start") ?? 0;
      const end = option("--end");
      const range = bytes.subarray(start, end);
      const digests: Uint8Array[] = [];
      for (let at = 0; at < range.length; at += DEFAULT_BLOCK_SIZE)
        digests.push(sha3(range.subarray(at, at + DEFAULT_BLOCK_SIZE)));
      const seekable = checksum.args[0] !== "-";
      assert.deepEqual(
        Buffer.concat([
          encodeHashFrames(start, range.length, DEFAULT_BLOCK_SIZE, Buffer.concat(digests)),
          seekable && end === undefined ? encodeRest(bytes.length) : new Uint8Array(),
          encodeDone(),
        ]),
        Buffer.from(recordedBytes(hashes)),
      );
    });
  }
});

/** The destination after save wrote these `data` frames. */
function afterSave(destination: Uint8Array, blocks: Block[]): Uint8Array {
  const size = Math.max(
    destination.length,
    ...blocks.map(({ position, payload }) => position + payload.length),
  );
  const result = new Uint8Array(size);
  result.set(destination);
  for (const { position, payload } of blocks) result.set(payload, position);
  return result;
}

describe("a recorded stream cut anywhere", () => {
  /** Expects what a cut after `length` bytes is called, given where each frame begins. */
  function expectedAt(length: number, begins: readonly number[]): [ProtocolErrorCode, number] {
    const offset = Math.max(...begins.filter((begin) => begin <= length));
    const available = length - offset;
    if (available === 0) return ["closed", offset];
    return [available < 4 ? "truncated-command" : "truncated-frame", offset];
  }

  const words = {
    closed: "was closed unexpectedly without receiving the `done` command",
    "truncated-command": "incomplete read of command from",
  } as Partial<Record<ProtocolErrorCode, string>>;

  for (const [name, begins] of [
    ["changed.hashes", [0, 80, 160, 240, 320, 332]],
    ["deprecated-hash.hashes", [0, 72, 144, 216, 288]],
  ] as const)
    test(name, () => {
      const bytes = recordedBytes(name);
      assert.equal(bytes.length, (begins.at(-1) ?? 0) + 4);
      for (let length = 0; length < bytes.length; length++) {
        const [code, offset] = expectedAt(length, begins);
        const part = bytes[offset] === 0x72 ? "offset" : "hash";
        assertRefused(
          () => readHashStream([bytes.subarray(0, length)]),
          code,
          offset,
          words[code] ?? `incomplete read of ${part} from hash input stream`,
        );
      }
    });

  for (const [name, begins] of [
    ["changed.blocks", [0, 131088, 237888]],
    ["lzma.blocks", [0, 13596, 79724]],
  ] as const)
    test(name, () => {
      const bytes = recordedBytes(name);
      assert.equal(bytes.length, (begins.at(-1) ?? 0) + 4);
      for (let length = 0; length < bytes.length; length++) {
        const [code, offset] = expectedAt(length, begins);
        // All of the frames' edges, and a sample of what is inside a payload.
        if (length - offset > 40 && length % 997 !== 0) continue;
        const part = length - offset < 16 ? "block position and size" : "block data";
        assertRefused(
          () => readBlockStream([bytes.subarray(0, length)]),
          code,
          offset,
          words[code] ?? `incomplete read of ${part} from block input stream`,
        );
      }
    });
});
