// npm run build:single [-- x64 arm64]: makes dist/single/blockcopy-linux-CPU, an executable that needs nothing else, for each CPU that is named, or for both. Run
// `npm run build:platforms` before: the engines for musl go into it. It needs Linux on x86-64 or ARM64, with rustup, pip and Debian's apt-get.
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Platform } from "../../src/native/platform.ts";
import { commandOfNode } from "../platforms/hosts.ts";
import { builtEngine } from "../platforms/targets.ts";
import { assemble } from "./assemble.ts";
import { materialsFor, NODE } from "./materials.ts";
import { bundle, prepare, VERSION } from "./program.ts";
import { buildStart } from "./start.ts";

const CPUS: readonly Platform["cpu"][] = ["x64", "arm64"];

const OUT = "dist/single";

/** The CPUs on which Node prepares the program: with no instructions that the baseline lacks, whatever CPU this host has. */
const EMULATED = { x64: "qemu64", arm64: "cortex-a53" } as const;

const names = process.argv.slice(2);
const unknown = names.filter((name) => !CPUS.some((cpu) => cpu === name));
if (unknown.length > 0)
  throw new Error(`unknown CPU ${unknown.join(", ")}; expected ${CPUS.join(", ")}`);
const scratch = mkdtempSync(join(tmpdir(), "blockcopy-single-"));
try {
  const main = join(scratch, "main.cjs");
  await bundle(main);
  for (const cpu of CPUS) if (names.length === 0 || names.includes(cpu)) build(cpu, main);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Returns the line at the end of an executable, by which `sync` knows it (src/sync/bootstrap/single-file.ts), with the digest of all before it. */
function lastLine(content: Buffer, cpu: Platform["cpu"]): Buffer {
  const digest = createHash("sha256").update(content).update("\n").digest("hex");
  return Buffer.from(`\nblockcopy ${VERSION} ${cpu} ${digest}\n`);
}

/** Makes the executable for a CPU. */
function build(cpu: Platform["cpu"], main: string): void {
  const name = `blockcopy-linux-${cpu}`;
  console.log(`\n== ${name}`);
  const { node, musl, libraries, licenses } = materialsFor(cpu);
  const command = commandOfNode({ cpu, libc: "musl", node: NODE, emulated: EMULATED[cpu] });
  const content = assemble({
    node,
    musl,
    libraries,
    program: prepare(main, command, scratch),
    start: buildStart(cpu),
    engine: readFileSync(builtEngine({ os: "linux", cpu, libc: "musl" })),
  });
  mkdirSync(OUT, { recursive: true });
  const file = join(OUT, name);
  // Not into the file itself: a process may run from it.
  writeFileSync(`${file}.new`, Buffer.concat([content, lastLine(content, cpu)]), { mode: 0o755 });
  renameSync(`${file}.new`, file);
  writeFileSync(join(OUT, "LICENSES.txt"), licenses.join(`\n\n${"-".repeat(80)}\n\n`) + "\n");
  console.log(`${file}: ${statSync(file).size} bytes`);
}
