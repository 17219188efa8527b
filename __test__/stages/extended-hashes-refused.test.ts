// Extended hash streams that are refused, by who would write them and by who reads them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertFailed, assertSucceeded, EXIT, lastLine, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import {
  dataFrame,
  DIGEST_TAG,
  DONE,
  hello,
  helloField,
  helloFrame,
  rawHello,
  restFrame,
  unequalHash,
} from "../support/wire/frames.ts";
import { untilDone } from "../support/wire/trailer.ts";

const content = noise("refused", 5000);

function file(t: TestContext): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  return path;
}

const mistakes: [options: string[], wire: string, ...patterns: RegExp[]][] = [
  [["--digest", "blake3"], "", /blake3/, /add --extended/],
  [["--digest", "blake3"], "0.0.2", /blake3/],
  [["--extended"], "0.0.2", /--extended/, /BLOCKCOPY_WIRE=0\.0\.2/],
  [["--extended", "--digest", "blake3"], "0.0.2", /--extended/, /BLOCKCOPY_WIRE=0\.0\.2/],
  [["--extended", "--digest", "md5"], "", /"md5"/, /sha3-512 or blake3/],
  [["--extended", "--digest", "BLAKE3"], "", /"BLAKE3"/, /sha3-512 or blake3/],
  [["--extended", "--digest", ""], "", /""/, /sha3-512 or blake3/],
  [["--extended", "--digest", "toString"], "", /"toString"/, /sha3-512 or blake3/],
  [["--digest", "sha3-256"], "", /"sha3-256"/, /sha3-512 or blake3/],
];
for (const [index, [options, wire, ...patterns]] of mistakes.entries())
  // Options are refused before the input is opened, so two of them are enough for standard input.
  for (const input of index < 2 ? ["FILE", "-"] : ["FILE"])
    test(`checksum ${[input, ...options].join(" ")} with BLOCKCOPY_WIRE=${wire}`, async (t) => {
      const outcome = await run(["checksum", input === "-" ? input : file(t), ...options], {
        env: { BLOCKCOPY_WIRE: wire },
        stdin: content,
      });
      assertFailed(outcome, EXIT.usage, "checksum", ...patterns);
      assert.equal(outcome.stdout.length, 0);
    });

test("--digest without a value, and with the options of other stages", async (t) => {
  for (const args of [
    ["checksum", file(t), "--extended", "--digest"],
    ["retrieve", file(t), "--extended"],
    ["retrieve", file(t), "--digest", "blake3"],
    ["save", file(t), "--extended"],
  ]) {
    const outcome = await run(args, { stdin: DONE });
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.match(lastLine(outcome.stderr), /^ERROR \((blockcopy|checksum|retrieve|save)\): /);
    assert.equal(outcome.stdout.length, 0);
  }
});

const named = helloField(DIGEST_TAG, "blake3");
const newer = /install the newer of the two versions/;
const damaged = /damaged on the way/;
const cut = /the stage before this one failed/;
const refused: [what: string, hashes: Uint8Array, ...patterns: RegExp[]][] = [
  ["another major version", helloFrame([named], [2, 0]), /version 2\.0, not 1/, newer],
  [
    "a required field",
    helloFrame([named, helloField(0x8123, "x")]),
    /field 291, which is unknown/,
    newer,
  ],
  ["another digest", hello("sha3-256"), /digest `sha3-256` is unknown/, newer],
  ["a digest that a terminal obeys", hello("\x1b[2J\x07"), /`\\x1b\[2J\\x07`/, newer],
  ["no digest", helloFrame([]), /names no digest/, damaged],
  ["a field beyond the end", helloFrame([helloField(DIGEST_TAG, "blake3", 7)]), damaged],
  ["a length of 0", rawHello(0), /length 0 in a `helo` frame/, damaged],
  ["a huge length", rawHello(2 ** 32 - 1), /length 4294967295 in a `helo` frame/, damaged],
  ["a second hello", Buffer.concat([hello("blake3"), hello("blake3")]), /at byte 24 of/, damaged],
  [
    "a hello after a frame",
    Buffer.concat([unequalHash(0, 5), hello("blake3")]),
    /not at the beginning, at byte 80 of/,
    damaged,
  ],
  ["nothing after the hello", hello("blake3"), /without receiving the `done` command/, cut],
  ["a hello cut in its length", hello("blake3").subarray(0, 6), /hello .*\(6 of 8 bytes\)/, cut],
  ["a hello cut in its body", hello("blake3").subarray(0, 19), /\(19 of 24 bytes\)/, cut],
  [
    "a frame with the digest of another algorithm",
    Buffer.concat([hello("blake3"), unequalHash(0, 5)]),
    /unknown command received: b'\\xee\\xee\\xee\\xee', at byte 72 of/,
  ],
  [
    "a frame whose digest is cut",
    Buffer.concat([hello("blake3"), unequalHash(0, 5, 31)]),
    /hash from hash input stream, at byte 24 \(47 of 48 bytes\)/,
    cut,
  ],
];
for (const [what, hashes, ...patterns] of refused) {
  const cutOff = patterns.includes(cut);
  for (const end of cutOff ? [Buffer.alloc(0)] : [Buffer.alloc(0), DONE])
    test(`retrieve: ${what}${end.length === 0 ? "" : ", then done"}`, async (t) => {
      const stdin = Buffer.concat([hashes, end]);
      const outcome = await run(["retrieve", file(t)], { stdin });
      assertFailed(outcome, EXIT.protocol, "retrieve", ...patterns, /hash input stream/);
      assert.match(outcome.stderr, /^[ -~\n]*$/);
      assert.equal(outcome.stdout.length, 0);
    });
}

test("retrieve: what came whole before the stream was cut is answered", async (t) => {
  const stdin = Buffer.concat([hello("blake3"), unequalHash(10, 20, 32), Buffer.from("Ha")]);
  const outcome = await run(["retrieve", file(t)], { stdin });
  assertFailed(outcome, EXIT.protocol, "retrieve", /at byte 72 \(2 of 4 bytes\)/, cut);
  assert.deepEqual(outcome.stdout, dataFrame(10, content.subarray(10, 30)));
});

test("retrieve: a later minor version with more optional fields is read", async (t) => {
  const fields = [helloField(1, "sha3-512"), named, helloField(0x7fff, Buffer.alloc(4000))];
  const greeting = helloFrame(fields, [1, 255]);
  const stdin = Buffer.concat([greeting, unequalHash(0, 100, 32), restFrame(4990), DONE]);
  const outcome = await run(["retrieve", file(t)], { stdin });
  assertSucceeded(outcome);
  const blocks = [
    dataFrame(0, content.subarray(0, 100)),
    dataFrame(4990, content.subarray(4990)),
    DONE,
  ];
  assert.deepEqual(untilDone(outcome.stdout), Buffer.concat(blocks));
});

test("save: a hello is no frame of the block stream", async (t) => {
  const outcome = await run(["save", file(t)], { stdin: Buffer.concat([hello("blake3"), DONE]) });
  assertFailed(outcome, EXIT.protocol, "save", /a `helo` frame of a hash stream, at byte 0 of/);
});
