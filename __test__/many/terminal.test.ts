// Several destinations on a terminal: a line for each that changes in place, and the lines that stay above them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { noise } from "../support/files/files.ts";
import { blockcopy, EXIT } from "../support/programs/cli.ts";
import { many } from "../support/programs/many.ts";
import { onTerminal } from "../support/programs/terminal.ts";
import { lacking } from "../support/programs/tools.ts";

/** The text that is on a terminal that was sent `output`. It knows the sequences that move up, and those that clear a line. */
function screenOf(output: string): string[] {
  const rows = [""];
  let [row, column] = [0, 0];
  for (const [token] of output.matchAll(/\x1b\[[?\d;]*[A-Za-z]|[^]/gu)) {
    const [, count = "", kind = ""] = /^\x1b\[(\d*)([A-Za-z])$/.exec(token) ?? [];
    const text = rows[row] ?? "";
    if (token === "\r" || kind === "G") column = 0;
    else if (token === "\n") row += 1;
    else if (kind === "A") row -= Number(count || "1");
    else if (kind === "K") rows[row] = text.slice(0, column);
    else if (!token.startsWith("\x1b")) {
      rows[row] = text.slice(0, column).padEnd(column) + token + text.slice(column + 1);
      column += 1;
    }
    rows[row] ??= "";
  }
  return rows.map((text) => text.trimEnd()).filter((text) => text !== "");
}

test("lines change in place, and none is left", { skip: lacking("script") }, async (t) => {
  const source = noise("large", 6 * 2 ** 20);
  const { from, to } = many(t, [[], [], []], source);
  for (const path of to) writeFileSync(path, Buffer.alloc(source.length));
  const missing = `${from}-missing`;
  const command = blockcopy("sync", "--bwlimit", "3M", from, ...to, missing);
  const { code, stdout } = await onTerminal(`stty cols 200 rows 30; ${command}`);
  assert.equal(code, EXIT.missing, stdout.toString());
  const output = stdout.toString();
  for (const path of to) assert.match(output, new RegExp(`${path}  .* %`), "it is shown");
  const screen = screenOf(output);
  const [last, ...others] = screen.toReversed();
  assert.match(last ?? "", /^ERROR \(sync\): 1 of 4 destinations failed/);
  assert.equal(others.filter((line) => line.startsWith(`ERROR (sync): ${missing}: `)).length, 1);
  for (const path of to)
    assert.equal(others.filter((line) => line.startsWith(`${path}: Sync done`)).length, 1);
  assert.equal(others.length, 1 + 3 * to.length, screen.join("\n"));
});
