// A run leaves its surroundings as they were: other files, times, and shared descriptors.
import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertCopied,
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  COMMAND,
  execute,
  EXIT,
  isSingle,
  pipeline,
  quote,
  type Outcome,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { lacking, lackingRoot } from "../support/programs/tools.ts";

const source = noise("surroundings", 3 * BLOCK + 11);
const other = noise("other", 3 * BLOCK + 11);

for (const options of [["--verify=written"], ["--verify=full"], ["--update-digests"]])
  test(`the time of the last access that -t has set stays with ${options.join()}`, async (t) => {
    const folder = scratch(t);
    const [from, to] = [join(folder, "source"), join(folder, "destination")];
    writeFileSync(from, source);
    writeFileSync(to, other);
    utimesSync(from, 1_000_000_000, 1_100_000_000);
    const save = options[0] === "--update-digests" ? [`${options[0]}=${folder}/digests`] : options;
    assertCopied(
      await pipeline({
        source: from,
        destination: to,
        checksum: ["--extended"],
        save: ["-t", ...save],
      }),
    );
    assert.equal(statSync(to).atimeMs, 1e12);
    assert.equal(statSync(to).mtimeMs, 1.1e12);
  });

test("digests are kept next to any other files, whatever their names", async (t) => {
  const folder = scratch(t);
  const names = ["digests.new", "digests.blockcopy-new", ".digests", "digests~"];
  for (const name of names) writeFileSync(join(folder, name), "precious");
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, source);
  writeFileSync(to, other);
  const save = ["--update-digests", join(folder, "digests")];
  assertCopied(await pipeline({ source: from, destination: to, checksum: ["--extended"], save }));
  for (const name of names) assert.equal(readFileSync(join(folder, name), "utf8"), "precious");
  assert.equal(readdirSync(folder).length, names.length + 3);
  assert.ok(existsSync(join(folder, "digests")));
});

test("an extended stream is answered as one, whatever wire the environment asks for", async (t) => {
  const folder = scratch(t);
  const [from, to] = [join(folder, "source"), join(folder, "destination")];
  writeFileSync(from, noise("longer", 20 * BLOCK));
  writeFileSync(to, noise("other", 5 * BLOCK + 77));
  const stages = [
    blockcopy("checksum", "--extended", to),
    `BLOCKCOPY_WIRE=0.0.2 ${blockcopy("retrieve", from)}`,
    blockcopy("save", "--verify=full", to),
  ];
  assertSucceeded(await bash(`set -o pipefail; ${stages.join(" | ")}`));
  assert.ok(readFileSync(to).equals(readFileSync(from)));
});

const skip = lacking("python3");
test("standard input is left as it was for whoever reads it next", { skip }, async (t) => {
  const path = join(scratch(t), "file");
  writeFileSync(path, source);
  const reader = quote(["python3", "-c", "import os; print(os.get_blocking(0))"]);
  const { stdout } = await bash(
    // A pipe that stays open, and whose writer the shell does not wait for.
    `(${blockcopy("checksum", path)} > /dev/null; ${reader}) < <(exec sleep 60)`,
  );
  assert.equal(stdout.toString().trim(), "True");
});

for (const [missing, are] of [
  ["/proc", "/proc is"],
  ["/sys", "/sys is"],
  ["/sys /proc", "/proc and /sys are"],
] as const)
  test(
    `without ${missing}, nothing is written unless it is forced`,
    { skip: (missing.includes("/proc") && isSingle) || lackingRoot("unshare") },
    async (t) => {
      const folder = scratch(t);
      const [from, to] = [join(folder, "source"), join(folder, "destination")];
      writeFileSync(from, source);
      writeFileSync(to, other);
      const bare = `mount --make-rprivate /; umount -l ${missing}; exec "$@"`;
      const start = (...args: string[]): Promise<Outcome> =>
        execute(["unshare", "-m", "sh", "-c", bare, "sh", ...COMMAND, ...args]);
      const why = new RegExp(`whether it is in use, because ${are} not mounted; mount .*--force`);
      for (const [command, ...rest] of [
        ["sync", from, to],
        ["sync", "-n", from, to],
        ["save", to],
      ] as const) {
        assertFailed(await start(command, ...rest), EXIT.busy, command, why);
        assert.ok(readFileSync(to).equals(other));
      }
      assertSucceeded(await start("sync", "--force", from, to));
      assert.ok(readFileSync(to).equals(source));
    },
  );
