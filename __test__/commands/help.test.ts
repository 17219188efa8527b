// Help and the version, as they are asked for and as wide as the terminal.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ENVIRONMENT } from "../../src/cli/manual-tables/environment.ts";
import {
  assertFailed,
  assertSucceeded,
  blockcopy,
  EXIT,
  PROJECT,
  run,
} from "../support/programs/cli.ts";
import { onTerminal } from "../support/programs/terminal.ts";
import { lacking } from "../support/programs/tools.ts";

const COMMANDS = ["checksum", "retrieve", "save", "sync", "inspect", "completion"] as const;

/** Set by what starts the program, for the program alone. */
const INTERNAL = ["BLOCKCOPY_CLOSED", "BLOCKCOPY_FILES", "BLOCKCOPY_IGNORED", "UV_THREADPOOL_SIZE"];

test("the reference has every environment variable that the program reads", () => {
  const files = readdirSync(join(PROJECT, "src"), { recursive: true, encoding: "utf8" });
  const sources = files.filter((name) => name.endsWith(".ts"));
  const read = sources.flatMap((name) => {
    const text = readFileSync(join(PROJECT, "src", name), "utf8");
    const uses = /process\.env\["(\w+)"\]|givenVariable\("(\w+)"\)|_VARIABLE = "(\w+)"/g;
    return Array.from(text.matchAll(uses), (found) => found[1] ?? found[2] ?? found[3] ?? "");
  });
  assert.ok(read.includes("TMPDIR"));
  const documented = ENVIRONMENT.map(([names]) => names)
    .join(", ")
    .split(", ");
  const missing = read.filter((name) => ![...documented, ...INTERNAL].includes(name));
  assert.deepEqual(missing, []);
});

test("the version", async () => {
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
    version: string;
  };
  for (const args of [["--version"], ["-V"], ["version"], ["sync", "--version"]]) {
    const outcome = await run(args);
    assertSucceeded(outcome);
    assert.equal(outcome.stdout.toString(), `blockcopy ${version}\n`);
  }
  const named = await run(["checksum", "--", "--version"]);
  assertFailed(named, EXIT.missing, "checksum", /--version/);
});

test("help on the program names every command, the environment and the exit codes", async () => {
  for (const word of ["--help", "-h", "help"]) {
    const outcome = await run([word]);
    assertSucceeded(outcome);
    const text = outcome.stdout.toString();
    for (const command of COMMANDS) assert.match(text, new RegExp(`^  blockcopy ${command} `, "m"));
    for (const code of Object.values(EXIT)) assert.match(text, new RegExp(`^  ${code} +\\S`, "m"));
    assert.match(text, /^ {2}BLOCKCOPY_WIRE +0\.0\.2/m);
  }
});

test("help on a command, however it is asked for", async () => {
  const [first, ...others] = await Promise.all(
    [
      ["help", "sync"],
      ["sync", "-h"],
      ["-h", "sync"],
      ["sync", "a", "--help"],
    ].map((args) => run(args)),
  );
  assert.match(first?.stdout.toString() ?? "", /^blockcopy sync - /);
  for (const other of others) assert.deepEqual(other, first);
  assertFailed(await run(["help", "snyc"]), EXIT.usage, "blockcopy", /did you mean `sync`\?/);
});

test("options of sync stand under headings", async () => {
  const text = (await run(["sync", "--help"])).stdout.toString();
  const headings = Array.from(text.matchAll(/^([A-Z][\w ]+):$/gm), ([, heading]) => heading);
  const groups = ["What to copy", "Safety", "Attributes of the destination", "Connection"];
  assert.deepEqual(headings, [...groups, "Speed", "Output", "Examples"]);
});

test("without a command there is an overview, and an exit code that scripts notice", async () => {
  const outcome = await run([]);
  assertFailed(outcome, EXIT.usage, "blockcopy", /no command given/);
  for (const command of COMMANDS)
    assert.match(outcome.stderr, new RegExp(`^  ${command} +[a-z]`, "m"));
  assert.match(outcome.stderr, /^ {2}version +print .*--version/m);
});

test("help names the values of options", async () => {
  for (const command of ["checksum", "sync"]) {
    const outcome = await run([command, "--help"]);
    assert.match(outcome.stdout.toString(), /--start OFFSET[^]*--digest ALGORITHM/);
    assert.doesNotMatch(outcome.stdout.toString(), /#0|VALUE/);
  }
  const overview = (await run(["--help"])).stdout.toString();
  assert.match(overview, /^ {2}blockcopy sync \[OPTIONS\] SOURCE DESTINATION\.\.\.$/m);
  assert.match(overview, /^ {2}blockcopy inspect \[OPTIONS\] \[STREAM\]$/m);
  assert.match(overview, /^ {2}blockcopy version\n +print .*--version/m);
});

for (const command of COMMANDS) {
  test(`${command} --help has an example`, async () => {
    const outcome = await run([command, "--help"]);
    assertSucceeded(outcome);
    assert.match(
      outcome.stdout.toString(),
      new RegExp(`example[^]*blockcopy ${command} .*/\\S+`, "i"),
    );
  });
}

test("help is as wide as the terminal, or 80 columns", async () => {
  const widest = (text: string): number =>
    Math.max(...text.split(/\r?\n/).map((line) => (line.includes("$ ") ? 0 : line.length)));
  const piped = widest((await run(["sync", "-h"])).stdout.toString());
  assert.ok(piped > 70 && piped <= 80, String(piped));
  if (lacking("script") !== false) return;
  for (const columns of [60, 132]) {
    const shown = await onTerminal(`stty cols ${columns}; ${blockcopy("sync", "-h")}`);
    const width = widest(shown.stdout.toString());
    assert.ok(width > columns - 10 && width <= columns, `${width} of ${columns}`);
  }
});
