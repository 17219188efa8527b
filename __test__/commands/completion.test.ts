// Completions and manual pages, as the shells and man(1) read them.
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { scratch } from "../support/files/files.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  EXIT,
  PROJECT,
  quote,
  run,
} from "../support/programs/cli.ts";
import { lacking } from "../support/programs/tools.ts";

/** A command line that ends where Tab is pressed, and words that are offered or not offered for its last word. */
interface Case {
  words: readonly string[];
  offered: readonly string[];
  not?: readonly string[];
}

const CASES: readonly Case[] = [
  { words: ["s"], offered: ["save", "sync"], not: ["receive", "checksum"] },
  { words: ["help", "ins"], offered: ["inspect"] },
  { words: ["sync", "--ver"], offered: ["--verify", "--verbose"], not: ["--version"] },
  { words: ["sync", "--verify", ""], offered: ["none", "written", "full"] },
  { words: ["save", "--map"], offered: [], not: ["--map", "--map-file"] },
  { words: ["checksum", "--digest", "b"], offered: ["blake3"] },
  { words: ["sync", "--bwlimit", ""], offered: [], not: ["a file"] },
  { words: ["sync", "--metrics", "a"], offered: ["a file"] },
  { words: ["sync", "a"], offered: ["a file"] },
  { words: ["completion", ""], offered: ["bash", "zsh", "fish"], not: ["a file"] },
];

/** A folder with a file, and the completions for a shell. */
async function prepared(
  t: TestContext,
  shell: string,
): Promise<{ folder: string; script: string }> {
  const folder = scratch(t);
  writeFileSync(join(folder, "a file"), "");
  const outcome = await run(["completion", shell]);
  assertSucceeded(outcome);
  const script = join(scratch(t), "script");
  writeFileSync(script, outcome.stdout);
  return { folder, script };
}

function assertOffered(found: readonly string[], { words, offered, not = [] }: Case): void {
  for (const word of offered)
    assert.ok(found.includes(word), `${words.join(" ")}: ${found.join()}`);
  for (const word of not) assert.ok(!found.includes(word), `${words.join(" ")}: ${found.join()}`);
}

test("completions of bash", async (t) => {
  const { folder, script } = await prepared(t, "bash");
  const splitting = { words: ["sync", "--verify", "=", "fu"], offered: ["full"], not: ["none"] };
  for (const each of [...CASES, splitting]) {
    const line = `COMP_WORDS=(blockcopy ${quote(each.words)}); COMP_CWORD=${each.words.length}`;
    const { code, stdout, stderr } = await bash(
      `cd ${folder} && . ${script} && ${line} && { _blockcopy; printf '%s\\n' "\${COMPREPLY[@]}"; }`,
    );
    assert.deepEqual([code, stderr], [0, ""]);
    assertOffered(stdout.toString().split("\n"), each);
  }
});

test("completions of fish", { skip: lacking("fish") }, async (t) => {
  const { folder, script } = await prepared(t, "fish");
  const lines = CASES.map(({ words }) => `complete -C ${quote([`blockcopy ${words.join(" ")}`])}`);
  const commands = `cd ${folder}; source ${script}; ${lines.join("; echo -----; ")}`;
  const { code, stdout, stderr } = await bash(
    `HOME=${folder} fish --no-config -c ${quote([commands])}`,
  );
  assert.deepEqual([code, stderr], [0, ""]);
  const answers = stdout.toString().split("-----\n");
  for (const [at, each] of CASES.entries()) {
    const found = (answers[at] ?? "").split("\n").map((line) => line.split("\t")[0] ?? "");
    assertOffered(
      found.map((word) => word.replace("\\ ", " ")),
      each,
    );
  }
});

/** Defines the functions that zsh completes with, so that they print what they would offer. */
const ZSH = `
_files() { print -rl -- *(N) }
_describe() { local -a all=("\${(@P)2}"); print -rl -- "\${(@)all%%:*}" }
compdef() { : }
_arguments() { print -rl -- "$@"; state=\${STATE:-argument} }
`;

test("completions of zsh", { skip: lacking("zsh") }, async (t) => {
  const { folder, script } = await prepared(t, "zsh");
  const checked = await bash(`zsh -f -n ${script}`);
  assert.deepEqual([checked.code, checked.stderr], [0, ""]);
  const of = async (state: string, ...words: string[]): Promise<string> => {
    const call = `words=(${quote(words)}); STATE=${state}; _blockcopy`;
    const outcome = await bash(
      `cd ${folder} && zsh -f -c ${quote([`${ZSH}\n. ${script}\n${call}`])}`,
    );
    assert.equal(outcome.stderr, "");
    return outcome.stdout.toString();
  };
  assert.match(await of("command", "s"), /^sync\n(.*\n)*save\n/m);
  const sync = await of("argument", "sync");
  assert.match(sync, /^--verify=\[Read back .*\]:WHAT:\(none written full\)$/m);
  assert.match(sync, /^\(-t --times\)-t\[Copy the times/m);
  assert.match(sync, /^1:SOURCE:_files\n\*:DESTINATION:_files$/m);
  assert.match(await of("argument", "completion"), /^1:SHELL:\(bash zsh fish\)$/m);
});

test("completions of zsh, where it completes itself", { skip: lacking("zsh") }, async (t) => {
  const { folder, script } = await prepared(t, "zsh");
  const commands = [
    "zmodload zsh/zpty || exit 3",
    "zpty shell zsh -f -i",
    `zpty -w shell ${quote([`PS1=; cd ${folder}; autoload -U compinit; compinit -u -D; . ${script}; print REA''DY`])}`,
    "zpty -r shell out '*READY*'",
    "zpty -w -n shell 'blockcopy sync --allow\t'",
    "zpty -r shell out '*--allow-larger*' && print -r offered",
    "zpty -d shell",
  ];
  const { code, stdout } = await bash(
    `TERM=dumb timeout 20 zsh -f -c ${quote([commands.join("\n")])}`,
  );
  if (code === 3) {
    t.skip("zsh has no module zpty");
    return;
  }
  assert.match(stdout.toString(), /offered/);
});

test("an unknown shell is refused", async () => {
  for (const args of [["completion"], ["completion", "tcsh"], ["completion", "bash", "zsh"]])
    assertFailed(await run(args), EXIT.usage, "completion");
});

test("manual pages have no mistakes", { skip: lacking("man", "groff") }, async () => {
  const folder = join(PROJECT, "man");
  const pages = readdirSync(folder);
  assert.ok(pages.includes("blockcopy.1") && pages.includes("blockcopy-sync.1"));
  for (const page of pages) {
    const { stdout, stderr } = await bash(
      `LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l ${quote([join(folder, page)])}`,
    );
    assert.equal(stderr, "", page);
    assert.match(stdout.toString(), /NAME[^]*SYNOPSIS[^]*blockcopy [^]*EXIT STATUS|OPTIONS/);
  }
});
