// The check for dead links, missing files and wide lines in Markdown.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

const GOOD = `# A heading, with \`code\`

[the heading](#a-heading-with-code), [another page](other.md#two), [elsewhere](https://example.org/)

| cell | \`src/cli/main.ts\` |
| ---- | ------------------- |
`;

const CASES: readonly { name: string; line: string; problem: RegExp }[] = [
  { name: "a link to no file", line: "[x](none.md)", problem: /none\.md leads to no file/ },
  { name: "a link to no heading", line: "[x](other.md#one)", problem: /#one leads to no heading/ },
  { name: "a link to no heading here", line: "[x](#nowhere)", problem: /#nowhere leads to no/ },
  {
    name: "a file that is missing",
    line: "`src/cli/none.ts`",
    problem: /none\.ts` does not exist/,
  },
  { name: "a wide cell", line: `| a | ${"b".repeat(101)} |`, problem: /a table cell has 101/ },
  {
    name: "a wide line of code",
    line: `    ${"b".repeat(100)}`,
    problem: /a line of code has 104/,
  },
];

test("a long README is found", () => {
  assert.match(check("long\n".repeat(2000), "README.md").stdout, /has \d+ bytes, more than 8192/);
});

test("a page without faults", () => {
  assert.deepEqual(check(""), { status: 0, stdout: "" });
});

for (const { name, line, problem } of CASES) {
  test(`${name} is found`, () => {
    const { status, stdout } = check(line);
    assert.equal(status, 1);
    assert.match(stdout, problem);
    assert.equal(stdout.trim().split("\n").length, 1, stdout);
  });
}

function check(line: string, name = "page.md"): { status: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-docs-"));
  try {
    const page = join(folder, name);
    writeFileSync(page, `${GOOD}\n${line}\n`);
    writeFileSync(join(folder, "other.md"), "# One page\n\n## Two\n");
    const words = ["--import", "tsx", "scripts/check-docs.ts", page];
    const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
    return { status, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
