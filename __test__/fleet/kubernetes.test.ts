// examples/kubernetes: the manifests against the schemas of Kubernetes, and the copy in parts with as many processes as it has pods.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { CronJob, Job } from "kubernetes-models/batch/v1";
import { PersistentVolumeClaim } from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";
import { assertSame } from "../support/files/bytes.ts";
import {
  assertFailed,
  assertSucceeded,
  execute,
  EXIT,
  type Outcome,
  PROJECT,
} from "../support/programs/cli.ts";
import { example, type Installation, installation } from "../support/fleet/fleet.ts";
import { noise, scratch } from "../support/files/files.ts";
import { attach, deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { mountExt4 } from "../support/files/mount.ts";
import { eventually } from "../support/programs/eventually.ts";

const MIB = 2 ** 20;

/** The objects of a manifest. */
function objects(name: string): Record<string, unknown>[] {
  return parseAllDocuments(readFileSync(example("kubernetes", name), "utf8")).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], []);
    return document.toJS() as Record<string, unknown>;
  });
}

const KINDS = [{ Model: CronJob }, { Model: Job }, { Model: PersistentVolumeClaim }];

const MANIFESTS = ["job.yaml", "indexed-job.yaml", "cronjob.yaml"];

/** The job of a manifest. */
function jobOf(name: string): Pick<Job, "spec"> {
  const found = objects(name).find(({ kind }) => kind === "Job" || kind === "CronJob");
  assert.ok(found);
  return found["kind"] === "Job" ? new Job(found) : new CronJob(found).spec!.jobTemplate;
}

test("manifests are what the schemas of Kubernetes say", async (t) => {
  // Schemas know the right values; types also refuse unknown fields.
  const folder = scratch(t, join(PROJECT, "node_modules"));
  const files = MANIFESTS.map((name) => {
    const lines = objects(name).map(({ apiVersion, kind, ...rest }, i) => {
      const known = KINDS.find(
        ({ Model }) => Model.kind === kind && Model.apiVersion === apiVersion,
      );
      assert.ok(known, `${String(kind)} of ${String(apiVersion)}`);
      new known.Model(rest).validate();
      const type = `import("kubernetes-models/${String(apiVersion)}").I${String(kind)}`;
      return `export const object${i}: ${type} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
    });
    const file = join(folder, `${name}.ts`);
    writeFileSync(file, lines.join("\n"));
    return file;
  });
  const tsc = join(PROJECT, "node_modules/.bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--ignoreConfig", "--types", ""];
  const outcome = await execute([tsc, ...options, "--module", "nodenext", ...files]);
  assert.equal(outcome.code, 0, outcome.stdout.toString());
});

test("the indexed job has as many parts as it says", () => {
  const { spec } = jobOf("indexed-job.yaml");
  const env = spec?.template.spec?.containers[0]?.env;
  assert.equal(spec?.completionMode, "Indexed");
  assert.equal(env?.find(({ name }) => name === "INDEXES")?.value, String(spec.completions));
  assert.equal(spec.parallelism, spec.completions);
});

test("only failures that another run can help with are run again", () => {
  const final = Object.values(EXIT).filter(
    (code) => ![EXIT.ok, EXIT.busy, EXIT.cut, EXIT.readerGone].includes(code as never),
  );
  for (const name of MANIFESTS) {
    const rules = jobOf(name).spec?.podFailurePolicy?.rules;
    const codes = rules?.find(({ onExitCodes }) => onExitCodes)?.onExitCodes?.values;
    assert.deepEqual(codes, final, name);
  }
});

/** Runs one part of a copy, as a pod of the indexed job does. */
function part(
  { env }: Installation,
  index: number,
  from: string,
  to: string,
  extra: Record<string, string> = {},
): Promise<Outcome> {
  return execute([example("kubernetes", "copy-range.sh")], {
    env: {
      ...env,
      SOURCE: `root@host:${from}`,
      DESTINATION: to,
      INDEXES: "4",
      JOB_COMPLETION_INDEX: String(index),
      OPTIONS: "--verify written",
      ...extra,
    },
  });
}

/** A source of three parts of 2 MiB, the last one shorter, so that nothing is left for a fourth. */
function source(t: TestContext): Installation & { from: string; content: Buffer } {
  const host = installation(t);
  const from = join(host.folder, "it's the source");
  const content = noise("source", 4 * MIB + 123_392);
  writeFileSync(from, content);
  return { ...host, from, content };
}

test("each part copies what is its own, and all of them everything", async (t) => {
  const { from, content, ...host } = source(t);
  const expected = noise("destination", 6 * MIB);
  const file = join(host.folder, "it's the copy");
  writeFileSync(file, expected);
  // A device allows a single writer; a file allows several.
  const to = lackingLoop === false ? attach(t, file).path : file;
  const destination = (): Buffer =>
    to === file ? readFileSync(to) : deviceContent({ path: to, backing: file });
  assertSucceeded(await part(host, 1, from, to));
  content.subarray(2 * MIB, 4 * MIB).copy(expected, 2 * MIB);
  assertSame(destination(), expected, "the destination after part 1");
  // Others write while this one has the device, and waits for its source.
  const first = part(host, 0, from, to, { SOURCE: `waits:${from}` });
  await eventually(() => existsSync(join(host.bin, "waiting")), { what: "began to wait" });
  const others = await Promise.all([2, 3].map((index) => part(host, index, from, to)));
  writeFileSync(join(host.bin, "go"), "");
  for (const { code, stderr } of [await first, ...others]) assert.equal(code, EXIT.ok, stderr);
  content.copy(expected);
  assertSame(destination(), expected, "the destination after all parts");
});

test("a device that is mounted is refused", { skip: lackingLoop }, async (t) => {
  const { from, content, ...host } = source(t);
  const device = loopWith(t, host.folder, Buffer.alloc(content.length));
  mountExt4(t, host.folder, device);
  const before = deviceContent(device);
  const outcome = await part(host, 0, from, device.path, { ATTEMPTS: "1" });
  assertFailed(outcome, EXIT.busy, "save", /mounted/);
  assertSame(deviceContent(device), before);
});

test("a destination that is too small, and parts that there are not, are refused", async (t) => {
  const { from, ...host } = source(t);
  const to = join(host.folder, "small");
  writeFileSync(to, Buffer.alloc(MIB));
  const small = await part(host, 0, from, to);
  assert.equal(small.code, EXIT.usage);
  assert.match(small.stderr, /small has 1048576 bytes, .* has 4317696$/m);
  const beyond = await part(host, 4, from, to);
  assert.equal(beyond.code, EXIT.usage);
  assert.match(beyond.stderr, /no part 4 of 4/);
  const missing = await part(host, 0, join(host.folder, "none"), to);
  assert.equal(missing.code, EXIT.missing);
  assertSame(readFileSync(to), Buffer.alloc(MIB));
});
