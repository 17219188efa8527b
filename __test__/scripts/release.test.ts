// The workflows, the list of steps of the dry run, and the places that name the version: a release depends on them.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { notesOf, versionFaults } from "../../scripts/release/versions.ts";
import { scratch } from "../support/files/files.ts";
import { PROJECT } from "../support/programs/cli.ts";

interface Workflow {
  permissions?: object;
  jobs: Record<string, Job>;
}

interface Job {
  uses?: string;
  needs?: string | string[];
  permissions?: Record<string, string>;
  "timeout-minutes"?: number;
  steps?: { uses?: string; run?: string; with?: Record<string, unknown> }[];
}

const FOLDER = join(PROJECT, ".github/workflows");

const read = (file: string): string => readFileSync(join(PROJECT, file), "utf8");

function workflow(name: string): Workflow {
  return parse(readFileSync(join(FOLDER, name), "utf8")) as Workflow;
}

function commands({ jobs }: Workflow): string {
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);
  return steps.map(({ run }) => run ?? "").join("\n");
}

test("workflows take actions by their digest, end, and may do no more than they say", () => {
  for (const name of readdirSync(FOLDER)) {
    const lines = readFileSync(join(FOLDER, name), "utf8").split("\n");
    for (const line of lines.filter((text) => /^ *-? *uses: /.test(text)))
      assert.match(line, /uses: (\.\/|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/, name);
    const { permissions, jobs } = workflow(name);
    assert.ok(permissions, `${name} has the permissions of the repository's settings`);
    for (const [job, { uses, "timeout-minutes": limit }] of Object.entries(jobs))
      assert.ok(uses ?? limit, `${name}: ${job} has no time limit`);
  }
});

test("a release publishes only what has passed all checks, with as few rights as it takes", () => {
  const { jobs } = workflow("release.yml");
  const rights = Object.fromEntries(
    Object.entries(jobs).map(([name, { permissions }]) => [
      name,
      Object.entries(permissions ?? {}).flatMap(([scope, right]) =>
        right === "write" ? [scope] : [],
      ),
    ]),
  );
  assert.deepEqual(rights, {
    checks: [],
    build: [],
    npm: ["id-token"],
    github: ["contents", "id-token", "attestations", "artifact-metadata"],
  });
  assert.deepEqual([jobs["npm"]?.needs, jobs["github"]?.needs], [["checks", "build"], "npm"]);
  // Packages of others must not run where the right to publish is.
  for (const name of ["npm", "github"])
    for (const { run } of jobs[name]?.steps ?? []) assert.doesNotMatch(run ?? "", /npm (ci|i)\b/);
});

test("the dry run has all steps of the workflow, and package.json has their scripts", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const steps = read("scripts/release/dry-run.ts");
  const names = [...commands(workflow("release.yml")).matchAll(/npm run ([\w:-]+)/g)];
  assert.ok(names.length > 8);
  for (const [, name = ""] of names) {
    assert.ok(name in scripts, `package.json has no script ${name}`);
    assert.ok(steps.includes(`npm("${name}"`), `the dry run has no step ${name}`);
  }
});

test("a release needs one version everywhere, and its date in the changelog", (t) => {
  const folder = scratch(t);
  const version = "1.2.3";
  const write = (file: string, text: string): void => {
    mkdirSync(join(folder, "npm/one"), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const good: Record<string, string> = {
    "package.json": JSON.stringify({ version, optionalDependencies: { one: version } }),
    "package-lock.json": JSON.stringify({ version }),
    "npm/one/package.json": JSON.stringify({ name: "one", version }),
    "Cargo.toml": `[workspace.package]\nversion = "${version}"\n`,
    "CHANGELOG.md": `# Changelog\n\n## ${version}, 2001-12-31\n\nNew.\n\n## 1.2.2, 2001-11-30\n\nOld.\n`,
  };
  const reset = (): void => {
    for (const [file, text] of Object.entries(good)) write(file, text);
  };
  reset();
  assert.deepEqual(versionFaults(folder, "v1.2.3"), []);
  assert.match(versionFaults(folder, "v1.2.4").join(), /^the tag is v1\.2\.4, expected v1\.2\.3/);
  for (const [file, text] of Object.entries(good)) {
    const dependency = JSON.stringify({ version, optionalDependencies: { one: "1.2.2" } });
    write(file, file === "package.json" ? dependency : text.replace(version, "1.2.2"));
    const faults = versionFaults(folder, "v1.2.3");
    assert.equal(faults.length, 1, `${file}: ${faults.join()}`);
    assert.ok(faults[0]?.includes(file), faults[0]);
    reset();
  }
  write("CHANGELOG.md", `## ${version}, unreleased\n`);
  assert.deepEqual(versionFaults(folder), []);
  assert.match(versionFaults(folder, "v1.2.3").join(), /write the date/);

  assert.equal(notesOf(good["CHANGELOG.md"] ?? "", version), "New.\n");
  assert.throws(() => notesOf("", version), /no section for 1\.2\.3/);
});

test("this checkout has one version everywhere", () => {
  assert.deepEqual(versionFaults(PROJECT), []);
});
