// Command lines that serve refuses, whoever has written them: as sshd hands them over, and to what reads them, without a start of the program.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allowedWords } from "../../src/commands/serve/allowed.ts";
import { RefusedError } from "../../src/commands/serve/refused-error.ts";
import { parseRequest } from "../../src/commands/serve/request.ts";
import { assertFailed, EXIT } from "../support/programs/cli.ts";
import { serve, servedFolders } from "../support/programs/served.ts";

/** Returns the words that a stage is run with for a command line, or the reason that it is refused, without a start of the program. */
function answer(words: readonly string[], line: string): string[] | RefusedError {
  const after = (option: string): string[] =>
    words.flatMap((word, at) => (words[at - 1] === option ? [word] : []));
  const rights = { read: after("--allow-read"), write: after("--allow-write"), create: false };
  try {
    return allowedWords(parseRequest(line), rights);
  } catch (error) {
    if (error instanceof RefusedError) return error;
    throw error;
  }
}

test("where a key may only write, it gets no digest of a few bytes", async (t) => {
  const { words, out, copy } = servedFolders(t);
  const refusal = /where it may only write.*a multiple of 4096/;
  for (const [file, options, allowed] of [
    [copy, "--start=3 --end=4", false],
    [copy, "--start=4096 --end=4097", false],
    [copy, "--root-first --start=4096s", false],
    [out, "--compare --start=3 --end=4", true],
  ] as const) {
    const given = answer(words, `blockcopy receive ${options} -- ${file}`);
    if (allowed) assert.ok(Array.isArray(given), options);
    else
      assert.ok(given instanceof RefusedError && refusal.test(`${given.message} ${given.advice}`));
  }
  const refused = await serve(words, `blockcopy receive --start=3 --end=4 -- ${copy}`);
  assert.deepEqual([refused.code, refused.stdout.length], [EXIT.permission, 0], refused.stderr);
  assert.match(refused.stderr, refusal);
});

test("command lines that sync does not write", async (t) => {
  const { words, out, copy, folder } = servedFolders(t);
  const read = `blockcopy retrieve --events -- ${out}`;
  const isEvent = (stderr: string): boolean => /^\{"event":"error".*"code":77/m.test(stderr);
  for (const [line, event] of [
    [undefined, false],
    [`${read}; touch ${folder}/harm`, false],
    [`${read} ${copy}`, true],
    [`blockcopy retrieve --events --compress=zstd:99 -- ${out}`, true],
  ] as const) {
    const { code, stdout, stderr } = await serve(words, line);
    assert.equal(code, EXIT.permission, `${line}: ${stderr}`);
    assert.equal(stdout.length, 0);
    assert.equal(isEvent(stderr), event, `${line}: ${stderr}`);
    if (!event) assert.match(stderr, /^ERROR \(serve\): this key does not allow .*; .*\n$/);
  }
  for (const [line, event, pattern = / /] of [
    ["", false],
    ["id", false],
    [`${read}; touch ${folder}/harm`, false],
    [`${read} $(touch ${folder}/harm)`, false],
    [`${read}\ntouch ${folder}/harm`, false],
    [`${read} 'unfinished`, false],
    [`${read} "quoted"`, false],
    [`sh -c 'touch ${folder}/harm'`, false],
    [`sh -c 'touch ${folder}/harm' blockcopy`, false],
    [`blockcopy sync ${out} ${copy}`, false],
    [`blockcopy serve --allow-read '/*'`, false],
    [`blockcopy -v retrieve -- ${out}`, false],
    // A stage that a person joins to others does not read events.
    [`blockcopy retrieve ${out}`, false, /any other command; run `blockcopy sync`/],
    [`blockcopy retrieve --`, true],
    [`blockcopy retrieve --events --digest-cache=/tmp/x -- ${out}`, true],
    [`blockcopy retrieve --events --compress -- ${out}`, true],
    [`blockcopy retrieve --no-events -- ${out}`, true],
    [`blockcopy retrieve --embedded -- ${out}`, true],
    ...[
      "snapshot=auto",
      "snapshot-size=1B",
      "hook-timeout=3",
      ...["before", "after", "encoded-before", "encoded-after"].map(
        (option) => `${option}=touch%20${folder}/harm`,
      ),
    ].map((option) => [`blockcopy retrieve --events --${option} -- ${out}`, true] as const),
    [`blockcopy receive --part=2/2 --force -- ${copy}`, true, /--force; leave it out$/],
    [`blockcopy receive --compare --create -- ${folder}/out/new`, true],
    [`blockcopy receive --compare --compare=x -- ${out}`, true],
    [`blockcopy receive --root-first -- ${out}`, true],
    [`blockcopy retrieve --encoded -- %2fetc%2fshadow`, true],
    [`blockcopy retrieve --encoded --home /etc/ -- shadow`, true],
    [`blockcopy retrieve --encoded -- %zz`, true],
    [
      `blockcopy retrieve --events -- ${folder}/out/../destination`,
      true,
      /the path .*; leave out .*\.\./,
    ],
    [`blockcopy retrieve --events -- ~root/file`, true, /the home folder of another user; /],
    [`blockcopy retrieve --events -- nbd://localhost/disk`, true, /an export of an NBD server; /],
    [`blockcopy retrieve --encoded -- nbd%2bunix%3a///%3fsocket%3d/run/x`, true, /an export/],
    [`blockcopy receive --compare -- /etc/passwd`, true],
    [
      `blockcopy retrieve --events --format=qcow2 -- ${out}`,
      true,
      /--format; .*not to the disks in/,
    ],
  ] as const) {
    const refused = answer(words, line);
    assert.ok(refused instanceof RefusedError, line);
    assert.equal(refused.stage !== undefined, event, line);
    assert.match(`${refused.message}; ${refused.advice}`, pattern);
  }
  assert.ok(!existsSync(join(folder, "harm")));
});

test("the command line of serve itself", async () => {
  for (const [words, pattern] of [
    [[], /nothing is allowed; give --allow-read/],
    [["--allow-read", "srv/*"], /"srv\/\*" is not a pattern for absolute paths/],
    [["--allow-write", "/srv/a\\"], /ends with a backslash/],
    // As a shell expands a pattern that is not quoted.
    [["--allow-read", "/srv/a", "/srv/b"], /`\/srv\/b` is not part of an option: put a pattern in/],
  ] as const)
    assertFailed(await serve(words, "id"), EXIT.usage, "serve", pattern);
});
