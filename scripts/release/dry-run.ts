// npm run release:dry-run [-- --skip STEP,...]: runs the steps of a release that can run on this host, and says which cannot, and why. Nothing is published.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { lacking, lackingRoot } from "../../__test__/support/programs/tools.ts";
import { hasGo, installTool } from "../packages/tools.ts";

interface Step {
  name: string;
  command: string[];
  /** The reason that it cannot run here; false if it can. */
  lacks?: () => string | false;
}

const npm = (name: string, lacks?: Step["lacks"], ...args: string[]): Step => ({
  name,
  command: ["npm", "run", "--silent", name, ...(args.length > 0 ? ["--", ...args] : [])],
  ...(lacks && { lacks }),
});

const go = (): string | false => (hasGo() ? false : "needs Go 1.25 or later");
const docker = (): string | false =>
  spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0 ? false : "needs a Docker daemon";

/** In the order of the workflow. */
const STEPS: readonly Step[] = [
  npm("release:version"),
  npm("build"),
  npm("build:platforms", () => lacking("rustup", "python3")),
  npm("build:single", () => lacking("rustup", "python3", "apt-get")),
  npm("test:single"),
  npm("test:platforms", () => lacking("apt-get", "python3")),
  npm("build:deb", go),
  npm("build:rpm", go),
  npm("test:packages", () => lackingRoot("debootstrap", "lintian", "rpm")),
  npm("test:image", docker),
  npm("release:files", undefined, "--partial"),
  npm("release:publish", undefined, "--dry-run"),
  { name: "actionlint", command: [], lacks: go },
];

/** Steps that only the workflow can do. */
const ELSEWHERE = ["provenance of npm packages", "attestation of files", "release on GitHub"];

const skipped = argument("--skip")?.split(",") ?? [];
const unknown = skipped.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0)
  throw new Error(
    `no step ${unknown.join(", ")}; expected ${STEPS.map(({ name }) => name).join(", ")}`,
  );
const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
  scripts: Record<string, string>;
};

const lines = STEPS.map((step) => `${step.name}: ${outcomeOf(step)}`);
console.log(`\n${lines.join("\n")}`);
for (const name of ELSEWHERE) console.log(`${name}: skipped, needs GitHub Actions`);
if (lines.some((line) => line.includes(": failed"))) process.exitCode = 1;

/** Runs a step, and returns how it ended. */
function outcomeOf({ name, command, lacks }: Step): string {
  if (skipped.includes(name)) return "skipped, as --skip says";
  if (command.length > 0 && !(name in scripts)) return "skipped, package.json has no such script";
  const reason = lacks?.() ?? false;
  if (reason !== false) return `skipped, ${reason}`;
  console.log(`\n== ${name}`);
  const begin = Date.now();
  const [program = "", ...args] = name === "actionlint" ? [installTool(name)] : command;
  const { status, signal, error } = spawnSync(program, args, {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const how =
    status === 0 ? "passed" : `failed (${error?.message ?? signal ?? `exit code ${status}`})`;
  return `${how}, ${Math.round((Date.now() - begin) / 1000)} s`;
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
