// Output of other programs takes a bounded amount of memory, in chunks of any size.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LastWords } from "../../src/transport/streams/last-words.ts";
import { LineReader } from "../../src/transport/streams/line-reader.ts";

const KIB = 1024;
const CUT = " […]";
const EVENT = '{"event":"';

/** The lines that are passed on of what is added in chunks of one length. */
function linesOf(text: string, chunk: number): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) reader.add(bytes.subarray(at, at + chunk));
  reader.end();
  return lines;
}

const x = (length: number): string => "x".repeat(length);

for (const chunk of [1, 7, 64 * KIB, 2 ** 20])
  test(`lines in chunks of ${chunk} bytes`, () => {
    for (const [text, lines] of [
      ["", []],
      ["a\nb", ["a", "b"]],
      ["a\r\n\nb\rc\n", ["a", "", "b", "c"]],
      [x(8 * KIB), [x(8 * KIB)]],
      [`${x(8 * KIB + 1)}\nnext`, [x(8 * KIB) + CUT, "next"]],
      [x(300 * KIB), [x(8 * KIB) + CUT]],
      [EVENT + x(200 * KIB), [EVENT + x(200 * KIB)]],
      [`${EVENT}${x(300 * KIB)}\nnext`, [EVENT + x(256 * KIB - EVENT.length) + CUT, "next"]],
      // It begins as an event does, but is not one.
      [`{"even${x(300 * KIB)}`, [`{"even${x(8 * KIB - 6)}${CUT}`]],
    ] as const)
      assert.deepEqual(linesOf(text, chunk), lines, text.slice(0, 20));
  });

test("a line that has not ended keeps no more than itself", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = held();
  const readers = Array.from({ length: 64 }, () => new LineReader(() => undefined));
  // The end of a large chunk, and what never ends.
  for (const reader of readers) reader.add(Buffer.from(`${x(2 ** 20)}\nrest`));
  for (let count = 0; count < 64; count++) readers[0]?.add(Buffer.alloc(2 ** 20, "x"));
  const grown = held() - before;
  for (const reader of readers) reader.end();
  assert.ok(grown < 8 * 2 ** 20, `${grown} bytes are held`);
});

test("the last words of a program are its last lines, whatever chunks they come in", () => {
  const many = Array.from({ length: 100 }, (_, number) => `line ${number}\r\n`).join("");
  for (const [text, words] of [
    ["", ""],
    ["one\n\n  two \nthree", "one | two | three"],
    [many, "line 95 | line 96 | line 97 | line 98 | line 99"],
    [`${"é".repeat(2000)}\nlast\n`, "last"],
    [`first\n${x(3000)}`, x(2048)],
    [`first\n${x(3000)}\n\n`, x(2046)],
  ] as const)
    for (const chunk of [1, 7, 64 * KIB]) {
      const last = new LastWords();
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += chunk) last.add(bytes.subarray(at, at + chunk));
      assert.equal(last.text, words, `${text.slice(0, 10)} in chunks of ${chunk}`);
    }
});
