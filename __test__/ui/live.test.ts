// The line that people see while a copy runs: it fits the terminal, and names the bottleneck.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { CopyState } from "../../src/ui/copy-state.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { helloLine } from "../../src/ui/event-lines.ts";
import { formatBriefly } from "../../src/ui/format.ts";
import { Rate } from "../../src/ui/rate.ts";
import { liveLines } from "../../src/ui/people/copies-on-terminal.ts";
import { liveText, statusLine } from "../../src/ui/people/copy-line.ts";
import {
  bash,
  blockcopy,
  COMMAND,
  environment,
  execute,
  PROJECT,
  quote,
} from "../support/programs/cli.ts";
import { readEvents } from "../support/programs/events.ts";
import { noise, scratch, text } from "../support/files/files.ts";
import { shape } from "../support/hosts/host-state.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lacking } from "../support/programs/tools.ts";

test("a rate is that of the last ten seconds", () => {
  const rate = new Rate(1000);
  for (let second = 1; second <= 30; second += 1) rate.add(1000 + second * 1000, second * 100);
  assert.equal(rate.at(31_000, 3000), 100);
  for (let second = 31; second <= 60; second += 1) rate.add(1000 + second * 1000, 3000);
  assert.equal(rate.at(61_000, 3000), 0);
  assert.equal(new Rate(0).at(0, 5), 0);
});

test("bytes in three digits", () => {
  const sizes = [
    0,
    999,
    1000,
    1023,
    9.99 * 1024,
    12.1 * 2 ** 20,
    999.6 * 2 ** 20,
    2 ** 31,
    2 ** 52,
  ];
  const expected =
    "0 bytes, 999 bytes, 0.98 KiB, 1.00 KiB, 9.99 KiB, 12.1 MiB, 0.98 GiB, 2.00 GiB, 4.00 PiB";
  assert.equal(sizes.map(formatBriefly).join(", "), expected);
});

test("a line has what there is room for, and what matters most", () => {
  const state = new CopyState();
  state.begin(2 ** 31);
  state.advance(1.2 * 2 ** 30);
  state.count("changed", 12.1 * 2 ** 20);
  state.count("sent", 8 * 2 ** 20);
  state.bottleneck = { what: "disk", side: "source", host: "root@host" };
  Object.defineProperty(state.work, "rate", { value: 411 * 2 ** 20 });
  const all =
    "Sync  1.20 GiB of 2.00 GiB  60 %  changed 12.1 MiB  sent 8.00 MiB  411 MiB/s  0:00:02 left  (disk of root@host)";
  assert.equal(statusLine(state, Infinity), all);
  assert.equal(statusLine(state, all.length), all);
  assert.equal(
    statusLine(state, 77),
    "Sync  1.20 GiB of 2.00 GiB  60 %  changed 12.1 MiB  411 MiB/s  0:00:02 left",
  );
  assert.equal(statusLine(state, 37), "Sync  60 %  411 MiB/s  0:00:02 left");
  assert.equal(statusLine(state, 12), "Sync  60 %");
  for (let columns = 0; columns < 120; columns += 1) {
    const line = statusLine(state, columns);
    assert.ok(line.length <= columns, line);
    assert.doesNotMatch(line, / {3}|^ | $/);
  }
  const besides = state.aside("reading back", 2 ** 31);
  besides.advance(2 ** 30);
  assert.match(statusLine(state, 80), /^Sync, reading back {2}1\.00 GiB of 2\.00 GiB {2}50 % /);
  besides.finish({ succeeded: true });
  assert.match(statusLine(state, 80), /^Sync {2}1\.20/);
});

test("nothing is shown while a connection is made, and then which host is awaited", () => {
  const state = new CopyState();
  const line = (columns = 80): string | undefined => liveText(state, columns);
  state.connecting = true;
  state.awaited = "root@host";
  state.begin(2 ** 31);
  assert.equal(line(), undefined);
  state.connecting = false;
  assert.equal(line(), "Sync  waiting for root@host");
  assert.equal(line(20), "Sync");
  state.aside("reading back", 2 ** 31);
  assert.match(line() ?? "", /^Sync, reading back/);
  state.finish();
  state.awaited = undefined;
  assert.match(line() ?? "", /^Sync {2}0 bytes of 2\.00 GiB/);
});

test("a copy over a slow link waits for the link", { skip: lackingHosts }, async (t) => {
  shape(t, "one", "10mbit");
  const size = 24 * 2 ** 20;
  const { from, to } = pair(t, { source: noise("long", size), destination: Buffer.alloc(size, 1) });
  const words = [...COMMAND, "sync", "--json", "--compress", "none", from, `one:${to}`];
  const [program = "", ...rest] = [...prefixHere(), ...words];
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
    env: environment(environmentHere()),
  });
  killAtEnd(t, child);
  let limit: unknown;
  for await (const line of createInterface({ input: child.stdout })) {
    const [event] = readEvents(Buffer.from(`${line}\n`));
    assert.notEqual(event?.event, "end");
    if (event?.event === "progress" && event.limit !== null) {
      ({ limit } = event);
      break;
    }
  }
  assert.deepEqual(limit, { what: "link", side: null, host: null });
});

test("without a terminal a line is printed now and then, once it has begun", async () => {
  const state = `new (await import("./src/ui/copy-state.ts")).CopyState()`;
  const script = `
    const state = ${state};
    const display = (await import("./src/ui/people/copy-by-minute.ts")).minuteDisplay(state, 20);
    setTimeout(() => state.begin(900), 100);
    setTimeout(() => display.finish(["the end"]), 200);`;
  const { stderr } = await execute(
    [process.execPath, "--import", "tsx", "--input-type=module", "-e", script],
    { cwd: PROJECT },
  );
  assert.match(stderr, /^(?:Sync {2}0 bytes of 900 bytes {2}0 % .*\n)+the end\n$/);
});

test("--progress prints the end of a copy once", async () => {
  const script = `
    const { CopyState } = await import("./src/ui/copy-state.ts");
    const { stepDisplay } = await import("./src/ui/people/copy-by-step.ts");
    for (const total of [900, undefined]) {
      const state = new CopyState();
      const display = stepDisplay(state);
      state.begin(total);
      state.advance(900);
      await new Promise((resolve) => setTimeout(resolve, 300));
      if (total === undefined) state.advance(1);
      display.finish(["the end"]);
    }`;
  const { stderr } = await execute(
    [process.execPath, "--import", "tsx", "--input-type=module", "-e", script],
    { cwd: PROJECT },
  );
  assert.match(
    stderr,
    /^Sync {2}900 bytes of 900 bytes {2}100 % .*\nthe end\n(?:Sync {2}90[01] bytes .*\n){2}the end\n$/,
  );
});

/** The output of a copy with `options` on a terminal of 40 columns; `host` is that of its destination, with a colon. */
async function onTerminal(
  t: TestContext,
  env: string,
  options: string[],
  host = "",
): Promise<string> {
  const source = text("long", 3 * 2 ** 20);
  const { from, to } = pair(t, { source, destination: Buffer.alloc(source.length) });
  const command = `stty cols 40; ${env} ${blockcopy("sync", ...options, from, host + to)}`;
  const { stdout, code } = await bash(`script -qec ${quote([command])} /dev/null < /dev/null`);
  assert.equal(code, 0, stdout.toString());
  return stdout.toString();
}

test("a terminal", { skip: lacking("script", "stty") }, async (t) => {
  // For a moment, however fast the machine is.
  const slowly = ["--compress", "lzma:9", "--threads", "1"];
  const drawn = await onTerminal(t, "TERM=xterm NO_COLOR=1", slowly);
  const lines = Array.from(drawn.matchAll(/Sync {2}[^\r\n\x1b]*/g), ([line]) => line);
  assert.ok(lines.length > 0, drawn);
  for (const line of lines) assert.ok(line.length <= 36, line);
  assert.doesNotMatch(drawn, /\x1b\[\d+m/, "no colour");
  assert.match(drawn, /✔ Sync done in /);
});

test("a terminal that cannot draw", { skip: lacking("script", "stty") }, async (t) => {
  assert.match(await onTerminal(t, "TERM=dumb", []), /^(?:\r\x1b\[K)?Sync done in .*\r\n[^✔]*$/);
});

/** Draws a line that is as wide as it may be, on terminals of several widths. */
const FULL_LINES = `
  import { TerminalLine } from "${PROJECT}/src/ui/people/terminal-line.ts";
  import { setTimeout } from "node:timers/promises";
  for (const columns of [1, 2, 3, 4, 5, 40]) {
    process.stderr.columns = columns;
    const text = (width) => "x".repeat(Math.max(0, width));
    const line = new TerminalLine({ text, acquire: () => ({ held: true, release() {} }), patience: 0 });
    await setTimeout(600);
    line.finish();
  }
`;

test("a line never erases the line above it", { skip: lacking("script") }, async (t) => {
  const path = join(scratch(t), "lines.mts");
  writeFileSync(path, FULL_LINES);
  const command = quote([process.execPath, "--import", "tsx", path]);
  const { stdout, code } = await bash(
    `TERM=xterm script -qec ${quote([command])} /dev/null < /dev/null`,
    { cwd: PROJECT },
  );
  const drawn = stdout.toString();
  assert.equal(code, 0, drawn);
  assert.match(drawn, /x{36}(?!x)/);
  assert.doesNotMatch(drawn, /\x1b\[\d*A/, "the cursor moves up");
});

/**
 * A program for -e that asks on the terminal, as ssh does, and has an answer two seconds later. With `opening`, the host says hello then, and takes two seconds
 * more to open its file.
 */
function askingRsh(t: TestContext, opening: boolean): string {
  const path = join(scratch(t), "rsh");
  const hello = `printf '%s\\n' ${quote([helloLine().text])} >&2; sleep 2`;
  const script = [
    "#!/bin/sh",
    "printf 'password: ' > /dev/tty",
    "sleep 2",
    "echo answered > /dev/tty",
    ...(opening ? [hello] : []),
    "shift",
    'exec sh -c "$*"',
  ];
  writeFileSync(path, script.map((line) => `${line}\n`).join(""), { mode: 0o755 });
  return path;
}

const slowly = ["--compress", "lzma", "--threads", "1"];
const asking: [what: string, opening: boolean, lines: RegExp, options: string[]][] = [
  ["a host that opens its file slowly", true, /Sync {2}waiting for far/, ["-v"]],
  ["a connection for each stream", false, /Sync/, [...slowly, "--streams", "2"]],
  ["blockcopy 0.0.2", false, /Sync/, [...slowly, "--wire", "0.0.2"]],
];
for (const [what, opening, lines, options] of asking) {
  test(`a question is not drawn over: ${what}`, { skip: lacking("script", "stty") }, async (t) => {
    const far = ["-e", askingRsh(t, opening), "--remote-command", quote(COMMAND)];
    const drawn = await onTerminal(t, "TERM=xterm NO_COLOR=1", [...options, ...far], "far:");
    const end = drawn.lastIndexOf("answered");
    const asked = drawn.slice(drawn.indexOf("password: "), end);
    assert.match(asked, /password: /);
    assert.doesNotMatch(asked, /\x1b|\r(?!\n)/);
    assert.match(drawn.slice(end), lines);
    assert.match(drawn.slice(end), /✔ Sync done in /);
  });
}

test("a line for each of several copies, as many as the terminal has room for", () => {
  const states = ["a:/disk", "b:/disk", "c:/disk\x1b[2J"].map((name) => new CopyState(name));
  assert.equal(liveLines(states, 80, 24), undefined);
  for (const state of states) state.begin(2 ** 30);
  const line = (name: string): string =>
    `${name}  0 bytes of 1.00 GiB  0 %  changed 0 bytes  0 bytes/s`;
  const all = [line("a:/disk"), `  ${line("b:/disk")}`, `  ${line("c:/disk\\x1b[2J")}`];
  assert.deepEqual(liveLines(states, 80, 24), all);
  assert.deepEqual(liveLines(states, 80, 5), all);
  assert.deepEqual(liveLines(states, 80, 4), [...all.slice(0, 2), "  and 1 more"]);
  for (const columns of [10, 20, 40])
    for (const shown of liveLines(states, columns, 24) ?? [])
      assert.ok(shown.trim().length <= columns);
  const [first] = states;
  if (first !== undefined) first.connecting = true;
  assert.equal(liveLines(states, 80, 24), undefined, "a login may be asking");
});
