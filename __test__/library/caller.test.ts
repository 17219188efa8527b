// Effects of the library on the process that calls it, and of the end of that process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defer } from "../support/cleanup.ts";
import { scratch } from "../support/files/files.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { PROJECT } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { pair } from "../support/programs/sync-pair.ts";

/** A rate at which three blocks take three minutes. */
const SLOW = "2K";

/** Runs a program that uses the library. */
function program(t: TestContext, text: string): ReturnType<typeof spawn> {
  const file = join(scratch(t), "program.mjs");
  writeFileSync(
    file,
    text.replaceAll('"blockcopy"', JSON.stringify(join(PROJECT, "dist/index.js"))),
  );
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  killAtEnd(t, child);
  return child;
}

async function outputOf(
  child: ReturnType<typeof spawn>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

test("the process of the caller stays as it is", async (t) => {
  const { from, to } = pair(t);
  // NODE_OPTIONS would keep any Node from starting.
  const child = program(
    t,
    `import { readFileSync } from "node:fs";
     const state = () => JSON.stringify({
       env: process.env,
       listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
       flags: readFileSync("/proc/self/fdinfo/1", "utf8").match(/flags:.*/)[0],
       handlers: readFileSync("/proc/self/status", "utf8").match(/Sig(?:Blk|Ign):.*/g),
     });
     process.env.NODE_OPTIONS = "--require /does-not-exist";
     process.env.DEBUG = "*";
     const before = state();
     const { sync } = await import("blockcopy");
     const loaded = state();
     const run = sync({ source: ${JSON.stringify(from)}, destination: ${JSON.stringify(to)} });
     for await (const event of run) if (event.event === "line") console.log(event.line);
     await run.result;
     const after = state();
     console.log(before === loaded && before === after ? "the same" : [before, loaded, after].join("\\n"));`,
  );
  assert.deepEqual(await outputOf(child), { code: 0, stdout: "the same\n", stderr: "" });
});

test("a copy ends when the program that has started it is killed", async (t) => {
  const { from, to } = pair(t);
  const child = program(
    t,
    `import { sync } from "blockcopy";
     const run = sync({ source: ${JSON.stringify(from)}, destination: ${JSON.stringify(to)}, bwlimit: "${SLOW}", compress: "none" });
     for await (const { event } of run) if (event === "begin") console.log(run.pid);`,
  );
  const [line] = (await once(child.stdout ?? assert.fail(), "data")) as [Buffer];
  const pid = Number(line.toString());
  assert.ok(existsSync(`/proc/${pid}`));
  defer(t, () => void (existsSync(`/proc/${pid}`) && process.kill(pid, "SIGKILL")));
  child.kill("SIGKILL");
  await eventually(() => !existsSync(`/proc/${pid}`), { what: "the copy has ended" });
});

test("an error that the program does not handle ends it", async (t) => {
  const child = program(
    t,
    `import { sync } from "blockcopy"; sync({ source: "missing", destination: "other" });`,
  );
  const { code, stderr } = await outputOf(child);
  assert.equal(code, 1);
  assert.match(stderr, /BlockcopyError: .*missing/);
  assert.match(stderr, /advice: /);
});

test("an error of a stream is handled by whoever listens for it, or has destroyed the stream", async (t) => {
  const { from: file } = pair(t);
  const child = program(
    t,
    `import { checksum } from "blockcopy";
     process.on("unhandledRejection", ({ message }) => console.log(/none|data|error|stream/.exec(message)[0]));
     checksum({ file: "none" });
     checksum({ file: "data" }).output.on("data", () => undefined);
     checksum({ file: "error" }).output.on("error", () => undefined);
     checksum({ file: ${JSON.stringify(file)} }).output.destroy();`,
  );
  const { code, stdout, stderr } = await outputOf(child);
  assert.deepEqual([code, stdout.trim().split("\n").toSorted(), stderr], [0, ["data", "none"], ""]);
});
