// Lines that a stage on another host prints: events, and other text.
import assert from "node:assert/strict";
import { printable } from "../../../src/errors/printable.ts";
import { hostReportIn } from "../../../src/sync/connection/host-lines.ts";
import { HostWarnings } from "../../../src/sync/host-warnings.ts";
import { incompatibility } from "../../../src/sync/failures/versions.ts";
import { Side } from "../../../src/sync/side.ts";
import { LineReader } from "../../../src/transport/streams/line-reader.ts";
import { parseEvent } from "../../../src/ui/programs/parse-event.ts";
import { chunked, type Target } from "../target.ts";

const END = { kind: "local", path: "/dev/sda" } as unknown as ConstructorParameters<typeof Side>[0];

const LINES = [
  '{"event":"hello","blockcopy":"0.1.0","events":1}',
  '{"event":"begin","total":1048576,"instance":"a b"}',
  '{"event":"progress","done":1,"counts":{"changed":0},"spent":{"elapsed":1,"cpu":2.5,"threads":3,"input":4,"output":5},"rate":6,"limit":{"what":"link","side":null,"host":"h"}}',
  '{"event":"aside","aside":{"what":"reading","total":9,"done":3}}',
  '{"event":"warning","message":"\\u001b[2J\\u202e"}',
  '{"event":"error","message":"m","advice":"a","code":74,"consequence":true,"synced":4096,"foreign":false,"firstStreamGone":true}',
  '{"event":"map","length":100,"bucket":10,"changed":[0,1,9]}',
  '{"event":"end","outcome":"done","summary":{"read":1,"same":1,"blocks":0,"changed":0,"sent":null,"plain":0,"packed":0,"verified":"full","dryRun":false,"sizes":{"source":1,"destination":null},"seconds":0.1},"proof":{"verified":"none","changed":0}}',
  '{"event":"later","new":[[{}]]}',
  "blockcopy is missing; node=v20.1.0,linux,x64,2.36; system=Linux x86_64; PATH=/bin",
  "\x1b]0;title\x07ssh: connect to host\r\n",
];

/** Returns the lines in some bytes. */
function linesOf(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line));
  for (const chunk of chunks) reader.add(Buffer.from(chunk));
  reader.end();
  return lines;
}

/** Output of a stage on another host. */
export const events: Target = {
  name: "events",
  seeds: () => [
    ...LINES.map((line) => Buffer.from(`\0${line}\n`)),
    Buffer.from(`\x01${LINES.join("\r\n")}`),
  ],
  words: [
    '{"event":"',
    '"event":"',
    ":null",
    ":-1",
    ":1e999",
    ":0.5",
    ":9007199254740993",
    ":[",
    ":{",
    '"__proto__":',
    '"constructor":',
    "\\u0000",
    "\\ud800",
    "\xff",
    "\r",
    "\n",
    "counts",
    "proof",
    "summary",
  ],
  check(bytes) {
    const [how = 0] = bytes;
    const text = bytes.subarray(1);
    const lines = linesOf([text]);
    assert.deepEqual(linesOf(chunked(text, how)), lines, "other lines in pieces");
    const side = new Side(END, "source");
    const shown: string[] = [];
    const warnings = new HostWarnings((message) => shown.push(message));
    for (const line of lines) {
      const event = side.take(line);
      // An event of a newer version is ignored, whatever else is in it.
      if (event !== undefined && event.event !== "unknown") {
        const again = JSON.stringify(event);
        // A field that is not known may have a number that is too large, which JSON has as null.
        assert.deepEqual(parseEvent(again), JSON.parse(again), "another event when it is repeated");
      }
      if (event?.event === "warning") warnings.add(END, event.message);
    }
    shown.push(...side.lastLines, incompatibility(side)?.message ?? "");
    const report = hostReportIn(lines);
    shown.push(report?.node ?? "", report?.path ?? "");
    for (const message of shown) {
      assert.match(printable(message), /^[^\p{C}\p{Zl}\p{Zp}]*$/u, "it goes to a terminal");
      assert.ok(printable(message).length < 64 * 1024, "it is too long");
    }
    assert.ok(side.lastLines.length <= 5);
    assert.ok(Number.isSafeInteger(side.done) && side.done >= 0);
    assert.ok((side.changeMap?.changed.length ?? 0) <= 4096);
  },
};
