// Two runs at once: one waits for the other, or is refused.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { scratch } from "../support/files/files.ts";
import { eventually } from "../support/programs/eventually.ts";
import { lackingRoot } from "../support/programs/tools.ts";

const skip = lackingRoot("unshare", "mount", "dmsetup");

/** Returns a function that runs `locked.ts` with this folder as /var/lib, and with a pool whose snapshot of the metadata is in a file. */
function rig(t: TestContext): { folder: string; run: (...words: string[]) => Promise<string> } {
  const folder = scratch(t);
  const program = join(folder, "dmsetup");
  writeFileSync(
    program,
    `#!/bin/sh
cd ${folder}
case "$*" in
  status*) echo "0 98304 thin-pool 1 15/512 33/768 $(cat root) rw discard_passdown queue_if_no_space - 1024" ;;
  *reserve_metadata_snap) [ "$(cat root)" = - ] || { echo busy; exit 1; }; echo 77 >root ;;
  *release_metadata_snap) : >releasing; sleep 1; echo - >root ;;
esac
`,
  );
  chmodSync(program, 0o755);
  mkdirSync(join(folder, "lib"));
  const setup = [
    `mount --bind ${join(folder, "lib")} /var/lib`,
    `mount --bind ${program} "$(readlink -f /usr/sbin/dmsetup)"`,
    'exec "$@"',
  ].join(" && ");
  const script = join(import.meta.dirname, "locked.ts");
  const prefix = ["--mount", "sh", "-c", setup, "sh", process.execPath, "--import", "tsx", script];
  return {
    folder,
    run: async (...words) => (await promisify(execFile)("unshare", [...prefix, ...words])).stdout,
  };
}

test("two runs find the metadata snapshot of a run that was killed", { skip }, async (t) => {
  const { folder, run } = rig(t);
  const state = join(folder, "lib", "blockcopy");
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(join(folder, "root"), "77\n");
  const claim = join(state, "uuid.metadata");
  writeFileSync(claim, "# blockcopy: a metadata snapshot of a thin pool\n77\n");
  const first = run("pool");
  // By now, it has removed the claim, and the snapshot is still there.
  await eventually(() => existsSync(join(folder, "releasing")), { what: "releases it" });
  assert.deepEqual(await Promise.all([first, run("pool")]), ["done\n", "done\n"]);
  assert.equal(readFileSync(join(folder, "root"), "utf8"), "-\n");
  assert.deepEqual(readdirSync(state), ["uuid.metadata.lock"]);
  // One without a claim is that of another program.
  writeFileSync(join(folder, "root"), "77\n");
  await assert.rejects(run("pool"), /another program has made/);
  assert.equal(readFileSync(join(folder, "root"), "utf8"), "77\n");
});

test("one copy at a time records a destination, whatever its name is", { skip }, async (t) => {
  const { run } = rig(t);
  const names = ["a,/x,one", "a,/y,two", "a,/x,three", "b,/z,two", "b,/x,", "b,/x,four"];
  const lines = (await run("destination", ...names)).trimEnd().split("\n");
  const refused = /or to the same destination, is running/;
  assert.deepEqual(
    lines.map((line) => line === "locked" || refused.test(line)),
    names.map(() => true),
    lines.join("\n"),
  );
  assert.deepEqual(
    lines.map((line) => line === "locked"),
    [true, true, false, false, true, false],
  );
});
