// Destinations in a file, or from standard input.
import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
import { many, oddHost } from "../support/programs/many.ts";
import { start } from "../support/programs/pipe.ts";
import { changedIn, SOURCE } from "../support/programs/sync-pair.ts";

test("a list with comments, and names of any bytes, next to a name on the command line", async (t) => {
  const { folder, from, to } = many(t, [[0], [1]]);
  const [first = "", second = ""] = to;
  // Not UTF-8, and with blanks at its ends.
  const odd = Buffer.concat([
    Buffer.from(`${folder}/ `),
    Buffer.from([0xff, 0x23]),
    Buffer.from(" "),
  ]);
  writeFileSync(odd, changedIn(SOURCE, 2));
  const list = join(folder, "list");
  const lines = [Buffer.from(`# of tonight\n\n${second}\n#${first}\n`), odd];
  writeFileSync(list, Buffer.concat(lines));
  const outcome = await run(["sync", "--destinations", list, from, first]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assert.match(outcome.stderr, /^3 of 3 destinations complete/m);
  for (const path of [first, second, odd]) assertSame(readFileSync(path), SOURCE);
});

test("a list on standard input, with a single destination", async (t) => {
  const { from, to } = many(t, [[0]]);
  const stdin = Buffer.from(`${to[0]}\n`);
  const outcome = await run(["sync", "--destinations", "-", from], { stdin });
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assertSame(readFileSync(to[0] ?? ""), SOURCE);
});

test("a list gets as many threads as its destinations need", async (t) => {
  const { folder, from, to } = many(t, [[0]]);
  const list = join(folder, "list");
  const places = Array.from({ length: 16 }, (_, place) => `odd:${to[0]}-${place}\n`);
  writeFileSync(list, places.join(""));
  const options = oddHost(folder, "exec sleep 60");
  const running = start(t, ["sync", ...options, "--destinations", list, from], {});
  // Two for each destination, in the pipes to it and from it, next to those that every process of Node has.
  const threads = (): number => readdirSync(`/proc/${running.pid}/task`).length;
  await eventually(() => threads() > 2 * places.length, {
    what: "there were enough threads",
    detail: () => `${threads()} threads`,
  });
  process.kill(running.pid, "SIGTERM");
  await running.ended;
});

test("lists that are refused", async (t) => {
  const { folder, from, to } = many(t, [[0], [1]]);
  const [first = ""] = to;
  const list = join(folder, "list");
  for (const [content, message] of [
    ["# none\n\n", /the list of destinations \S+ has none; /],
    [`${first}\r\n`, /line 1 of the list of destinations \S+ has a character that no name has/],
    [`#\n${first}\0\n`, /line 2 of the list/],
    [`${first}\n`.repeat(2), /copy-1 are the same; /],
    [`${from}-${"\n".repeat(70_000)}`, /has more than 65536 bytes; /],
  ] as const) {
    writeFileSync(list, content);
    const outcome = await run(["sync", "--destinations", list, from]);
    assertFailed(outcome, EXIT.usage, "sync", message);
  }
  writeFileSync(list, `${first}\n`);
  chmodSync(list, 0o666);
  const others = await run(["sync", "--destinations", list, from]);
  assertFailed(
    others,
    EXIT.permission,
    "sync",
    /the list of destinations cannot be trusted: others may/,
  );
  const missing = await run(["sync", "--destinations", `${list}-missing`, from]);
  assertFailed(missing, EXIT.usage, "sync", /list-missing cannot be opened: .*ENOENT/);
  const none = await run(["sync", from]);
  assertFailed(none, EXIT.usage, "sync", /SOURCE or DESTINATION is missing; see/);
  assertSame(readFileSync(first), changedIn(SOURCE, 0));
});
