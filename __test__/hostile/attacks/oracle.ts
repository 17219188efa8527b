// Reads a block stream in the plainest way, as far as it is sound, and says what it may do to a destination.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { sha3 } from "../../support/wire/frames.ts";

/** A range that a frame names. */
interface Named {
  start: number;
  end: number;
  /** Its bytes; undefined if this reader cannot decode them. */
  content: Buffer | undefined;
  /** The digest that it must have. */
  digest: Buffer | undefined;
}

/** All frames of a stream up to the first that is not sound, and if it is complete. */
interface Read {
  named: Named[];
  done: boolean;
}

function read(stream: Buffer): Read {
  const named: Named[] = [];
  for (let at = 0; at + 4 <= stream.length;) {
    const command = stream.toString("latin1", at, at + 4);
    if (command === "done") return { named, done: true };
    if (command === "head" || command === "root") {
      if (at + 8 > stream.length) break;
      at += 8 + stream.readUInt32BE(at + 4);
      continue;
    }
    const header = { data: 16, dlzm: 16, blck: 89, zero: 20 }[command];
    if (header === undefined || at + header > stream.length) break;
    const start = Number(stream.readBigUInt64BE(at + 4));
    const length = stream.readUInt32BE(at + 12);
    const payloadLength =
      command === "zero" ? 0 : command === "blck" ? stream.readUInt32BE(at + 16) : length;
    const payload = stream.subarray(at + header, at + header + payloadLength);
    at += header + payloadLength;
    if (payload.length < payloadLength) break;
    if (command === "dlzm") {
      const content = unpacked(payload);
      named.push({ start, end: start + (content?.length ?? 2 ** 24), content, digest: undefined });
    } else {
      const content = { data: payload, zero: Buffer.alloc(length <= 2 ** 24 ? length : 0) }[
        command
      ];
      const digest =
        command === "blck"
          ? stream.subarray(at - payloadLength - 68, at - payloadLength - 4)
          : undefined;
      named.push({ start, end: start + length, content, digest });
    }
  }
  return { named, done: false };
}

function unpacked(payload: Buffer): Buffer | undefined {
  try {
    return execFileSync("xz", ["-dc"], {
      input: payload,
      maxBuffer: 2 ** 26,
      stdio: ["pipe", "pipe", "ignore"],
    });
  } catch {
    return undefined;
  }
}

/** Asserts that a copy that has succeeded has done what the stream says, and nothing else. */
export function assertApplied(before: Buffer, stream: Buffer, after: Buffer): void {
  const { named, done } = read(stream);
  assert.ok(done, "success without the end of the stream");
  assertOnlyNamed(before, named, after);
  const later: Named[] = [];
  for (const each of named.toReversed()) {
    const { start, end, content, digest } = each;
    const isLast = later.every((other) => other.end <= start || end <= other.start);
    later.push(each);
    if (!isLast) continue;
    const found = after.subarray(start, end);
    if (content !== undefined) assert.ok(found.equals(content), `other bytes at ${start}`);
    if (digest !== undefined) assert.deepEqual(sha3(found), digest, `the digest at ${start}`);
  }
}

/** Asserts that a copy that has failed has written nothing that the stream does not name. */
export function assertWithin(before: Buffer, stream: Buffer, after: Buffer): void {
  assertOnlyNamed(before, read(stream).named, after);
}

function assertOnlyNamed(before: Buffer, named: readonly Named[], after: Buffer): void {
  const [expected, found] = [
    Buffer.alloc(Math.max(before.length, after.length)),
    Buffer.from(after),
  ];
  before.copy(expected);
  for (const { start, end } of named) {
    if (start >= found.length) continue;
    expected.fill(0, start, Math.min(end, expected.length));
    found.fill(0, start, Math.min(end, found.length));
  }
  const reach = named.reduce((most, { end }) => Math.max(most, end), before.length);
  assert.ok(after.length <= reach, `${after.length} bytes, and nothing after ${reach} was named`);
  assert.ok(
    expected.subarray(0, found.length).equals(found),
    "bytes that no frame names were written",
  );
}
