// examples/slurm on a Slurm of one node: an array of copies, one a line of the list.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bash, EXIT } from "../support/programs/cli.ts";
import { assertAllCopied, example, installation, OPTIONS, volume } from "../support/fleet/fleet.ts";
import { inCluster, lackingSlurm } from "../support/fleet/slurm.ts";
import { lacking } from "../support/programs/tools.ts";

const SCRIPT = example("slurm", "copy-volumes.sh");

test("an array job copies each volume of a list", { skip: lackingSlurm() }, async (t) => {
  const { folder, env } = installation(t);
  const volumes = ["one", "two", "three"].map((name) => volume(folder, name));
  const hosts = ["host1", "cut-once", "host3"];
  writeFileSync(
    join(folder, "volumes"),
    [
      ...volumes.map(({ source, destination }, i) => `${hosts[i]}:${source} ${destination}`),
      `host4:${join(folder, "missing")} ${volumes[0]?.destination}`,
    ].join("\n") + "\n",
  );
  const outcome = await inCluster(
    folder,
    `sbatch --quiet --mem=256M --cpus-per-task=1 --array="1-$(wc -l < volumes)%4" '${SCRIPT}' volumes
while [[ -n $(squeue --noheader) ]]; do sleep 0.1; done
scontrol --oneliner show job`,
    { ...env, OPTIONS, RETRY_SECONDS: "0" },
  );
  const logs = readdirSync(folder)
    .filter((name) => name.startsWith("copy-volumes-"))
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8"));
  assert.equal(outcome.code, 0, outcome.stderr);
  const jobs = new Map(
    Array.from(
      outcome.stdout.toString().matchAll(/ArrayTaskId=(\d+) .*?JobState=(\w+) .*?ExitCode=(\d+):/g),
      ([, task, state, code]) => [Number(task), `${state} ${code}`],
    ),
  );
  assert.deepEqual(
    [1, 2, 3, 4].map((task) => jobs.get(task)),
    ["COMPLETED 0", "COMPLETED 0", "COMPLETED 0", `FAILED ${EXIT.missing}`],
    logs.join("\n"),
  );
  assertAllCopied(...volumes);
  assert.match(logs[1] ?? "", /attempt 1 of 5 was cut off/);
  assert.match(logs[3] ?? "", /^ERROR \(sync\): on host4: .*missing/m);
});

test("a line that is no pair of volumes is refused", { skip: lacking("bash") }, async (t) => {
  const { folder, env } = installation(t);
  const list = join(folder, "volumes");
  for (const line of ["", "# /a /b", "/a", "/a /b /c"]) {
    writeFileSync(list, `/a /b\n${line}\n`);
    const surroundings = { env: { ...env, SLURM_ARRAY_TASK_ID: "2" } };
    const outcome = await bash(`'${SCRIPT}' '${list}'`, surroundings);
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.match(outcome.stderr, /line 2 of .* is not SOURCE DESTINATION/);
  }
});
