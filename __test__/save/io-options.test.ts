// --threads and --queue-depth: from one to the most, always the same result; anything else is refused.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, assertSucceeded, EXIT, run } from "../support/programs/cli.ts";
import { BLOCK, noise, scratch, text } from "../support/files/files.ts";
import { COMMANDS, files, perform } from "../support/programs/stages.ts";
import { untilDone } from "../support/wire/trailer.ts";

const MOST = { "--threads": 1024, "--queue-depth": 32 } as const;
const OPTIONS = ["--threads", "--queue-depth"] as const;

const source = Buffer.concat([noise("noise", 8 * BLOCK), text("text", 3 * BLOCK + 77)]);
const before = noise("before", source.length);

for (const command of COMMANDS) {
  test(`${command} --help names what is to be given`, async () => {
    const { stdout } = await run([command, "--help"]);
    for (const option of ["--direct WHEN", "--threads COUNT", "--queue-depth COUNT"])
      assert.match(stdout.toString(), new RegExp(`^ *${option} `, "m"));
  });

  test(`${command} with one thread or many, one read or write at a time or many`, async (t) => {
    const task = { command, ...files(scratch(t), source, before) };
    const compressed = command === "retrieve" ? ["--lzma"] : [];
    const usual = await perform(task, compressed);
    assertSucceeded(usual);
    for (const [threads, depth] of [
      [1, MOST["--queue-depth"]],
      ...(command === "sync" ? [[MOST["--threads"], 1]] : []),
    ] as [number, number][]) {
      writeFileSync(task.destination, before);
      const counts = [`--threads=${threads}`, `--queue-depth=${depth}`];
      const { code, stdout, stderr } = await perform(task, [...compressed, ...counts, "-v"]);
      assert.equal(code, EXIT.ok, stderr);
      assertSame(
        command === "retrieve" ? untilDone(stdout) : stdout,
        command === "retrieve" ? untilDone(usual.stdout) : usual.stdout,
        `the stream with ${counts.join(" ")}`,
      );
      assert.match(stderr, new RegExp(`hash: ${threads}, .* in flight: ${depth}$`, "m"));
      if (command === "save" || command === "sync")
        assertSame(
          readFileSync(task.destination),
          source,
          `the destination with ${counts.join(" ")}`,
        );
    }
  });

  test(`${command}: numbers that are not valid, or too large`, async (t) => {
    const task = { command, ...files(scratch(t), source, before) };
    // Of one parser it is enough to try one command with everything.
    const bad = command === "checksum" ? ["", "-1", "1.5", "1e1", "0x1", " 1"] : [];
    for (const option of OPTIONS) {
      const most = MOST[option];
      const values = command === "checksum" || option === "--threads" ? ["0", `${most + 1}`] : [];
      const others = option === "--threads" ? bad : [];
      const refusals = [...values, ...others].map(async (value) => {
        const outcome = await perform(task, [`${option}=${value}`]);
        const what = `${option}: ${JSON.stringify(value)} is not a number from 1 to ${most}`;
        assertFailed(outcome, EXIT.usage, command, new RegExp(`${what}\\b`));
        assert.equal(outcome.stdout.length, 0);
      });
      await Promise.all(refusals);
    }
    if (command === "checksum")
      assertFailed(await perform(task, ["--threads"]), EXIT.usage, command, /--threads/);
    assertSame(readFileSync(task.destination), before, "the destination");
  });
}
