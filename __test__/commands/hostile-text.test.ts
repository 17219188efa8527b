// Text from elsewhere, whatever it has: on a terminal, in a log and in JSON there is no control character but the program's own, and no line that it has not written.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { wrapped } from "../../src/ui/people/columns.ts";
import { JsonLine } from "../../src/ui/json-line.ts";
import { mapSvg } from "../../src/ui/people/map-svg.ts";
import { metricsText } from "../../src/ui/programs/metrics.ts";
import { ChangeMap } from "../../src/ui/change-map.ts";
import { printable } from "../../src/errors/printable.ts";
import { bash, blockcopy, quote, run } from "../support/programs/cli.ts";
import { scratch } from "../support/files/files.ts";
import { script } from "../support/hosts/hosts.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

const HOSTILE = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eX\nERROR (sync): forged\r";
const UTF8 = { LC_ALL: "C.UTF-8" };

/** Asserts that a text is safe, apart from ends of lines, and that no line of it was forged. */
function assertSafe(text: string, what: string): void {
  assert.doesNotMatch(text, /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u, what);
  assert.doesNotMatch(text, /^ERROR \(sync\): forged/m, what);
}

test("escapes for characters that are not printed", () => {
  for (const [text, utf8, ascii = utf8] of [
    ["plain \\x1b", "plain \\x1b"],
    ["\x1b\n\r\t\x7f", "\\x1b\\n\\r\\t\\x7f"],
    ["\u009b\u200f\u2028\ufeff", "\\u009b\\u200f\\u2028\\ufeff"],
    ["\udc80\udcff\ud800", "\\x80\\xff\\ud800"],
    ["\u{e0001}", "\\u{e0001}"],
    ["ü→", "ü→", "\\u00fc\\u2192"],
  ] as const) {
    assert.equal(printable(text, { ascii: false }), utf8);
    assert.equal(printable(text, { ascii: true }), ascii);
    assert.equal(printable(printable(text, { ascii: true }), { ascii: true }), ascii, "again");
  }
  const long = printable(`${"a".repeat(1e6)}; do this`, { ascii: true });
  assert.equal(long.length, 4096);
  assert.match(long, / \[\.\.\.\] a+; do this$/);
  const value = { text: `${HOSTILE}\udc80ü` };
  const json = new JsonLine(value).text;
  assert.match(json, /^[ -~]*$/);
  assert.deepEqual(JSON.parse(json), value);
});

test("lines break at words", () => {
  assert.deepEqual(wrapped("  one two three four five six", 20), [
    "  one two three four",
    "    five six",
  ]);
  assert.deepEqual(wrapped("short", 80), ["short"]);
});

test("metrics and maps", () => {
  const counts = { read: 0, changed: 0, sent: 0 };
  const about = { exitCode: 0, seconds: 1, at: 1, dryRun: false, ...counts };
  assertSafe(metricsText({ source: HOSTILE, destination: "/d", ...about }, ""), "metrics");
  assertSafe(mapSvg(new ChangeMap(4096), HOSTILE), "map");
});

/** Commands that are given hostile text, each in its own way. */
const INPUTS: [what: string, args: (t: TestContext) => string[], env?: Record<string, string>][] = [
  ["a source", (t) => ["sync", HOSTILE, pair(t).to]],
  ["a destination", (t) => ["sync", pair(t).from, `/nowhere/${HOSTILE}`]],
  ["a cache", (t) => ["sync", "--digest-cache", `/nowhere/${HOSTILE}`, ...files(t)]],
  ["a file of metrics", (t) => ["sync", "--metrics", `/nowhere/${HOSTILE}`, ...files(t)]],
  ["a map", (t) => ["sync", "--map-file", `/nowhere/${HOSTILE}.svg`, ...files(t)]],
  ["ranges", (t) => ["sync", "--ranges", `/nowhere/${HOSTILE}`, ...files(t)]],
  ["a command", () => [HOSTILE]],
  ["an option", (t) => ["sync", `--${HOSTILE}`, ...files(t)]],
  ["the value of an option", (t) => ["sync", "--compress", HOSTILE, ...files(t)]],
  ["a host", (t) => ["sync", "-e", "false", `${HOSTILE}:/s`, pair(t).to]],
  [
    "a command for a host",
    (t) => ["sync", "-e", "false", "--remote-command", HOSTILE, "h:/s", pair(t).to],
  ],
  [
    "-e",
    (t) => ["sync", "-e", `/nowhere/${HOSTILE.replaceAll(/[ \n\r();]/g, "")}`, "h:/s", pair(t).to],
  ],
  ["an instruction set", (t) => ["checksum", pair(t).from], { BLOCKCOPY_SIMD: HOSTILE }],
  ["a wire", (t) => ["checksum", pair(t).from], { BLOCKCOPY_WIRE: HOSTILE }],
  ["ssh", (t) => ["sync", "-v", "-e", saying(t, HOSTILE), "h:/s", pair(t).to]],
  [
    "a PATH",
    (t) => [
      "sync",
      "-v",
      "-e",
      saying(t, `blockcopy is missing; node=; system=${HOSTILE.split("\n")[0]}; PATH=${HOSTILE}`),
      "h:/s",
      pair(t).to,
    ],
  ],
  ["events", (t) => ["sync", "-v", "-e", telling(t), "--remote-command", "x", "h:/s", pair(t).to]],
];

function files(t: TestContext): [string, string] {
  const { from, to } = pair(t);
  return [from, to];
}

/** A remote shell whose host prints a text, and ends. */
function saying(t: TestContext, text: string): string {
  const folder = scratch(t);
  writeFileSync(join(folder, "text"), text);
  script(join(folder, "ssh"), `cat ${folder}/text >&2; exit 1`);
  return join(folder, "ssh");
}

/** A remote shell whose host has a stage with hostile events. */
function telling(t: TestContext): string {
  const events = [
    { event: "hello", blockcopy: "0.1.0", events: 1 },
    { event: "warning", message: `W${HOSTILE}` },
    { event: "begin", total: 5, instance: `x${HOSTILE}` },
    { event: "aside", aside: { what: `A${HOSTILE}`, total: 10, done: 1 } },
    { event: "error", message: `E${HOSTILE}`, advice: `V${HOSTILE}`, code: 74, consequence: false },
  ];
  return saying(t, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}

for (const [what, args, env] of INPUTS)
  test(`${what} reaches neither log nor JSON as it is`, async (t) => {
    const words = args(t);
    const outcome = await run(words, { env: { ...UTF8, ...env } });
    assert.notEqual(outcome.code, 0);
    assert.notEqual(outcome.stderr, "");
    assertSafe(outcome.stderr, what);
    if (words[0] === "sync") {
      const { stdout } = await run(["sync", "--json", ...words.slice(1)], { env: UTF8 });
      assertSafe(stdout.toString(), `JSON: ${what}`);
    }
  });

test("a terminal is not told what another host says", { skip: lacking("script") }, async (t) => {
  const command = blockcopy("sync", "-e", telling(t), "--remote-command", "x", "h:/s", pair(t).to);
  const { stdout } = await bash(
    `TERM=xterm script -qec ${quote([command])} /dev/null < /dev/null`,
    {
      env: UTF8,
    },
  );
  assertSafe(stdout.toString().replaceAll(/\x1b\[[\d?]*[A-Za-z]|\r/g, ""), "terminal");
  assert.doesNotMatch(stdout.toString(), /\x1b\[2J|\x1b\]/);
});

test(
  "a locale that is not of UTF-8, or a dumb terminal, gets ASCII",
  { skip: lacking("script") },
  async (t) => {
    const { folder, from } = pair(t);
    const missing = await run(["sync", from, join(folder, "ü")], { env: { LC_ALL: "C" } });
    assert.match(missing.stderr, /\\u00fc/);
    for (const env of [
      { LC_ALL: "C", TERM: "xterm" },
      { LC_ALL: "C.UTF-8", TERM: "dumb" },
    ]) {
      const command = `stty cols 40; ${blockcopy("sync", "--map", ...files(t))}`;
      const { stdout } = await bash(`script -qec ${quote([command])} /dev/null < /dev/null`, {
        env,
      });
      assert.match(stdout.toString(), /Sync done/);
      assert.match(stdout.toString(), /^[\x00-\x7f]*$/);
      for (const line of stdout.toString().split("\r\n"))
        assert.ok(line.replaceAll(/\x1b\[[\d?]*[A-Za-z]|\r/g, "").length <= 80, line);
    }
  },
);
