// Success needs proof from both sides: an exit code of 0 proves nothing, and neither does a stream that anything may have written.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../support/files/files.ts";
import { assertFailed, assertSucceeded, COMMAND, EXIT, quote } from "../support/programs/cli.ts";
import {
  answer,
  assertPullRefused,
  BEGIN,
  block,
  END,
  ends,
  HELLO,
  OPEN,
  PROGRESS,
  pull,
  syncWith,
} from "../support/programs/stand-in.ts";
import { DONE } from "../support/wire/frames.ts";

test("a source that ends with 0 and has not said all of it", async (t) => {
  const whole = answer([]);
  for (const [events, stream, pattern] of [
    [[], DONE, /has no seal, and a sealed one was requested/],
    [[HELLO, BEGIN, END], DONE, /has no seal/],
    [[HELLO, BEGIN, END], whole.subarray(0, -DONE.length), /closed unexpectedly/],
    [[], whole, /never said that it runs/],
    [[HELLO, END], whole, /never said that its file is open/],
    [[HELLO, BEGIN], whole, /never said that it is done/],
    [[HELLO, BEGIN, END], whole, /compared 0 of 1048576 bytes/],
    [
      [HELLO, BEGIN, '{"event":"progress","done":1048576,"counts":{"changed":9}}', END],
      whole,
      /sent 9 bytes of blocks, .* written 0/,
    ],
    [[HELLO, BEGIN, END], answer([], null), /does not name the size/],
  ] as const) {
    await assertPullRefused(t, { events, stream }, EXIT.protocol, pattern);
  }
  // The changes in this table are what makes it fail.
  const sound = await pull(t, { events: [HELLO, BEGIN, PROGRESS, END], stream: whole });
  assertSucceeded(sound.outcome);
});

test("a destination that ends with 0 and has not said all of it", async (t) => {
  const stage = `${quote(COMMAND)} receive --digest sha3-512`;
  const map = join(scratch(t), "map");
  writeFileSync(map, "0 1\n");
  for (const [args, change, pattern] of [
    [
      [],
      "printf done; exec >&-; cat > /dev/null",
      /from host was not written by blockcopy.*the hash stream has no seal/,
    ],
    [[], `${stage} "$other" 2> >(grep -v '"end"' >&2)`, /never said that it is done/],
    [
      ["--verify", "full"],
      `${stage} "$other"`,
      /did not report the verification that --verify full asks for/,
    ],
    [
      ["--verify", "written"],
      `${stage} --verify full "$other"`,
      /verification that --verify written asks for/,
    ],
    [
      ["--verify", "full"],
      `${stage} --verify full "$other" 2> >(sed -u 's/,"proof":{[^}]*}//' >&2)`,
      /--verify full/,
    ],
    [
      ["--ranges", map, "--audit", "50%"],
      `${stage} --audit 1/2 --preface "$other" 2> >(sed -u 's/,"audit":{[^}]*}//' >&2)`,
      /did not report what --audit has found/,
    ],
    [
      [],
      `${stage} "$other" 2> >(sed -u 's/"changed":0}/"changed":7}/' >&2)`,
      /sent 0 bytes of blocks, .* written 7/,
    ],
  ] as const) {
    const { folder, here, other } = ends(t);
    const script = `other=${quote([other])}; ${change}; sleep 0.2; true`;
    assertFailed(
      await syncWith(folder, script, [...args, here, "host:/d"]),
      EXIT.protocol,
      "sync",
      pattern,
    );
  }
});

test("an error that a stage tells counts although its exit code is lost", async (t) => {
  const { folder, here, other } = ends(t);
  const stages = { receive: [here, "host:/d"], retrieve: ["host:/s", here] };
  for (const [stage, words] of Object.entries(stages)) {
    const script = `${quote([...COMMAND, stage, ...(stage === "retrieve" ? ["--events"] : []), "--", `${other}.none`])}; true`;
    const outcome = await syncWith(folder, script, words);
    assertFailed(outcome, EXIT.missing, "sync", /on host: cannot open .*other\.none: No such file/);
  }
});

test("a source that sends blocks and does not count them", async (t) => {
  const { outcome } = await pull(t, { events: [HELLO, OPEN, END], stream: answer([block(0)]) });
  assertFailed(
    outcome,
    EXIT.protocol,
    "sync",
    /does not say how many bytes of blocks it has sent, .* has written 4096/,
  );
});
