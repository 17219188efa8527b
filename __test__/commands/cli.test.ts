// Output for people: help, usage errors, offsets, progress, and the refusal to write binary data to a terminal.
import assert from "node:assert/strict";
import {
  chmodSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  lastLine,
  PROJECT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lacking } from "../support/programs/tools.ts";
import { DONE, hashStream } from "../support/wire/frames.ts";

const COMMANDS = ["checksum", "retrieve", "save", "sync", "inspect", "completion"] as const;
const content = noise("cli", 2 * BLOCK + 5);

function file(t: TestContext): string {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  return path;
}

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
  assert.match(overview, /^ {2}blockcopy sync \[OPTIONS\] SOURCE DESTINATION$/m);
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

const mistakes: string[][] = [
  [],
  ["frobnicate"],
  ["checksum"],
  ["retrieve"],
  ["save"],
  ["--frobnicate"],
  ["checksum", "a", "b"],
  ["checksum", "FILE", "--frobnicate"],
  ["checksum", "FILE", "--end"],
  ["retrieve", "FILE", "--start", "0"],
  ["save", "FILE", "--lzma"],
  ["checksum", "FILE", "--start", "--progress"],
];
for (const mistake of mistakes) {
  test(`a mistake in the command line: blockcopy ${mistake.join(" ")}`, async (t) => {
    const path = file(t);
    const outcome = await run(
      mistake.map((word) => (word === "FILE" ? path : word)),
      { stdin: DONE },
    );
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.equal(outcome.stdout.length, 0);
    assert.match(lastLine(outcome.stderr), /^ERROR \((blockcopy|checksum|retrieve|save)\): /);
    assert.doesNotMatch(outcome.stderr, /^\s+at .*:\d+:\d+/m);
    assert.ok(readFileSync(path).equals(content));
  });
}

const offsets: [text: string, bytes: number][] = [
  ["0", 0],
  ["1000", 1000],
  ["100K", 102_400],
  ["100KiB", 102_400],
  ["100KB", 100_000],
  ["3s", 1536],
];
for (const [text, bytes] of offsets) {
  test(`--start ${text} is ${bytes} bytes`, async (t) => {
    const outcome = await run(["checksum", file(t), `--start=${text}`]);
    assertSucceeded(outcome);
    assert.deepEqual(outcome.stdout, hashStream(content, { start: bytes }));
  });
}

test("--start and --end in large units reach into a large sparse file", async (t) => {
  const path = join(scratch(t), "sparse");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 40);
  for (const [start, end, from] of [
    ["1GiB", "1048577K", 2 ** 30],
    ["1GB", "1000001KB", 10 ** 9],
    ["1T", undefined, 2 ** 40],
    ["1023G", "1072693249K", 1023 * 2 ** 30],
  ] as const) {
    const outcome = await run([
      "checksum",
      path,
      "--start",
      start,
      ...(end === undefined ? [] : ["--end", end]),
    ]);
    assertSucceeded(outcome);
    if (end === undefined) assert.equal(outcome.stdout.subarray(0, 4).toString(), "rest");
    else assert.equal(Number(outcome.stdout.readBigUInt64BE(4)), from);
  }
});

for (const bad of [
  "",
  "-1",
  "1.5",
  "x",
  "1X",
  "1 K",
  "0x10",
  "1e3",
  "9007199254740992",
  "99999T",
  "99999999999999999999999",
]) {
  test(`not an offset: ${JSON.stringify(bad)}`, async (t) => {
    for (const option of ["--start", "--end"]) {
      const outcome = await run(["checksum", file(t), `${option}=${bad}`]);
      assert.equal(outcome.code, EXIT.usage, outcome.stderr);
      assert.equal(outcome.stdout.length, 0);
      assert.match(lastLine(outcome.stderr), /^ERROR \((blockcopy|checksum)\): /);
    }
  });
}

test("an empty range, or one beyond the file", async (t) => {
  const path = file(t);
  const beyond = String(content.length + 1);
  for (const range of [
    ["--start", beyond],
    ["--end", beyond],
    ["--start", "2000", "--end", "1000"],
    ["--start", beyond, "--end", beyond],
  ]) {
    const outcome = await run(["checksum", path, ...range]);
    assertFailed(outcome, EXIT.usage, "checksum", /\d/);
    assert.equal(outcome.stdout.length, 0);
  }
});

test("a pipe: --start is a mistake, --end works, --end beyond it is an error after its frames", async () => {
  assertFailed(
    await run(["checksum", "-", "--start", "1"], { stdin: content }),
    EXIT.usage,
    "checksum",
    /--start/,
  );
  const within = await run(["checksum", "-", "--end", "131073"], { stdin: content });
  assertSucceeded(within);
  assert.deepEqual(within.stdout, hashStream(content, { end: 131_073 }));
  const beyond = await run(["checksum", "-", "--end", "300000"], { stdin: content });
  assertFailed(beyond, EXIT.usage, "checksum", /--end/);
  assert.deepEqual(beyond.stdout, hashStream(content, { rest: false }).subarray(0, -DONE.length));
});

for (const stage of ["retrieve", "save"]) {
  test(`${stage} takes no - and no /dev/stdin`, async () => {
    assertFailed(
      await run([stage, "-"], { stdin: DONE }),
      EXIT.usage,
      stage,
      /must be actual file or device, not `-`/,
    );
    assertFailed(
      await run([stage, "/dev/stdin"], { stdin: DONE }),
      EXIT.usage,
      stage,
      /\/dev\/stdin/,
    );
  });
}

test("-a copies times and permissions, -z is accepted", async (t) => {
  for (const command of ["sync", "save"]) {
    const [from, to] = [file(t), file(t)];
    chmodSync(from, 0o640);
    chmodSync(to, 0o600);
    utimesSync(from, 1_000_000, 2_000_000);
    const outcome =
      command === "sync"
        ? await run(["sync", "-az", from, to])
        : await bash(
            `${blockcopy("checksum", to)} | ${blockcopy("retrieve", from)} | ${blockcopy("save", "-a", to)}`,
          );
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    const { mode, mtimeMs } = statSync(to);
    assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 2_000_000_000], command);
  }
});

test("BLOCKCOPY_WIRE takes 0.0.2 only", async (t) => {
  const path = file(t);
  assertSucceeded(await run(["checksum", path], { env: { BLOCKCOPY_WIRE: "0.0.2" } }));
  const outcome = await run(["checksum", path], { env: { BLOCKCOPY_WIRE: "0.0.3" } });
  assert.equal(outcome.code, EXIT.usage);
  assert.match(
    lastLine(outcome.stderr),
    /^ERROR \(\w+\): .*BLOCKCOPY_WIRE.*0\.0\.3|^ERROR \(\w+\): .*0\.0\.3.*BLOCKCOPY_WIRE/,
  );
});

test("-v before or after the command, or DEBUG, says more on stderr and changes nothing on stdout", async (t) => {
  const path = file(t);
  const runs = [
    run(["-v", "checksum", path]),
    run(["checksum", "-v", path]),
    run(["checksum", path, "--verbose"]),
    run(["--verbose", "checksum", path]),
    run(["checksum", path], { env: { DEBUG: "1" } }),
  ];
  for (const outcome of await Promise.all(runs)) {
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
    assert.notEqual(outcome.stderr, "");
    assert.deepEqual(outcome.stdout, hashStream(content));
  }
  assertSucceeded(await run(["checksum", path], { env: { DEBUG: "" } }));
});

test("--progress off a terminal writes lines that only go up", async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, content);
  truncateSync(path, 64 * 2 ** 20);
  const { code, stderr } = await run(["checksum", path, "--progress"]);
  assert.equal(code, EXIT.ok);
  const lines = stderr.trimEnd().split("\n");
  assert.match(lines.pop() ?? "", /^Checksum done in \d+\.\d{3} seconds$/);
  const percents = lines.map((line) => {
    const found = /^Checksum progress: +\d+\.\d\d GB \/ +\d+\.\d\d GB \( *(\d+\.\d\d)%\)$/.exec(
      line,
    );
    assert.ok(found, line);
    return Number(found[1]);
  });
  assert.ok(percents.length > 0);
  assert.ok(
    percents.every((percent, i) => percent <= 100 && percent > (percents[i - 1] ?? 0)),
    percents.join(" "),
  );
});

test("help is as wide as the terminal, or 80 columns", async () => {
  const widest = (text: string): number =>
    Math.max(...text.split(/\r?\n/).map((line) => (line.includes("$ ") ? 0 : line.length)));
  const piped = widest((await run(["sync", "-h"])).stdout.toString());
  assert.ok(piped > 70 && piped <= 80, String(piped));
  if (skip !== false) return;
  for (const columns of [60, 132]) {
    const shown = await onTerminal(`stty cols ${columns}; ${blockcopy("sync", "-h")}`);
    const width = widest(shown.stdout.toString());
    assert.ok(width > columns - 10 && width <= columns, `${width} of ${columns}`);
  }
});

/** Runs a shell command on a terminal of its own; what the terminal showed is stdout. */
function onTerminal(command: string): ReturnType<typeof bash> {
  return bash(`TERM=xterm script -qec ${quote([command])} /dev/null < /dev/null`);
}

const skip = lacking("script");

test("stdout is a terminal", { skip }, async (t) => {
  const path = file(t);
  const checksum = await onTerminal(blockcopy("checksum", path));
  assert.equal(checksum.code, EXIT.usage);
  assert.match(
    checksum.stdout.toString(),
    /ERROR \(checksum\): hash_output_stream is a tty - will not write binary data to terminal/,
  );
  const retrieve = await onTerminal(`printf done | ${blockcopy("retrieve", path)}`);
  assert.equal(retrieve.code, EXIT.usage);
  assert.match(
    retrieve.stdout.toString(),
    /ERROR \(retrieve\): block_output_stream is a tty - will not write binary data to terminal/,
  );
});

test("stdin is a terminal", { skip }, async (t) => {
  const path = file(t);
  for (const stage of ["retrieve", "save"]) {
    const outcome = await onTerminal(`${blockcopy(stage, path)} > /dev/null`);
    assert.equal(outcome.code, EXIT.usage, outcome.stdout.toString());
    assert.match(outcome.stdout.toString(), new RegExp(`ERROR \\(${stage}\\): .*(tty|terminal)`));
  }
  const inspect = await onTerminal(blockcopy("inspect"));
  assert.equal(inspect.code, EXIT.usage);
  assert.match(inspect.stdout.toString(), /ERROR \(inspect\): input_stream is a tty/);
  assert.ok(readFileSync(path).equals(content));
});

test("on a terminal progress is a live line, and the stream stays clean", { skip }, async (t) => {
  const path = file(t);
  truncateSync(path, 256 * 2 ** 20);
  const out = `${path}.hashes`;
  const outcome = await onTerminal(
    `${blockcopy("checksum", path, "--progress")} > ${quote([out])}`,
  );
  assert.equal(outcome.code, EXIT.ok, outcome.stdout.toString());
  // An escape sequence: the line is drawn over again, not written line by line.
  assert.match(outcome.stdout.toString(), /\x1b\[/);
  const drawn = outcome.stdout.toString();
  const lastHidden = drawn.lastIndexOf("\x1b[?25l");
  assert.ok(lastHidden <= drawn.lastIndexOf("\x1b[?25h"), "the cursor is shown again");
  assert.deepEqual(readFileSync(out), hashStream(readFileSync(path)));
});
