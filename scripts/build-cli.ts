// Bundles the program and the libraries that it uses into dist/: fewer and smaller files for Node to look up and compile at each start.
// The library, dist/index.js, is bundled too; the compiler writes its types. Types are not checked here (`npm run check:types`).
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { bundleProgram } from "./bundle-program.ts";
import { writeTypes } from "./library-types.ts";
import {
  ASIDE,
  LEAST_FILES,
  LEAST_TASKS,
  NO_INSPECTOR,
  NODE_VARIABLES,
  POOL_THREADS,
} from "../src/native/node-start.ts";
import { NODE_VERSIONS, OLDEST_NODE } from "../src/native/node-version.ts";

const OUT = "dist";
const INSTALLER = "src/sync/bootstrap/install.ts";
const LAUNCHER = "src/cli/launcher.sh";
const LIBRARY = "src/library/index.ts";

// Not the single executables, which take long to build.
for (const name of existsSync(OUT) ? readdirSync(OUT) : [])
  if (name !== "single") rmSync(join(OUT, name), { recursive: true, force: true });
const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: `node${OLDEST_NODE}`,
  logLevel: "warning",
} as const;
const modules = await bundleProgram(join(OUT, "cli"));
// It runs where nothing else of the program is.
await build({ ...common, outfile: join(OUT, "cli/install.mjs"), entryPoints: [INSTALLER] });
await build({ ...common, outdir: OUT, entryPoints: [LIBRARY] });
writeTypes(LIBRARY, join(OUT, "types"));
chmodSync(join(OUT, "cli/main.js"), 0o755);
writeFileSync(join(OUT, "cli/blockcopy"), launcher(), { mode: 0o755 });
writeFileSync(join(OUT, "THIRD-PARTY-LICENSES.txt"), notices(modules));

/** The shell script that starts the program. */
function launcher(): string {
  const values: Record<string, string> = {
    VARIABLES: NODE_VARIABLES.join(" "),
    ASIDE,
    THREADS: String(POOL_THREADS),
    FILES: String(LEAST_FILES),
    TASKS: String(LEAST_TASKS),
    NODE: NODE_VERSIONS,
    INSPECTOR: NO_INSPECTOR,
  };
  return readFileSync(LAUNCHER, "utf8").replaceAll(/@([A-Z]+)@/g, (all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${LAUNCHER} asks for ${all}`);
    return value;
  });
}

/** The licences of the packages that these files are from: they ask to go where the code goes. */
function notices(files: readonly string[]): string {
  const folders = files.flatMap(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  return [...new Set(folders)]
    .toSorted()
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        name: string;
        version: string;
      };
      return `${name} ${version}\n\n${licenceIn(folder)}`;
    })
    .join(`\n\n${"-".repeat(80)}\n\n`);
}

/** A file of its own, or a section at the end of the README. */
function licenceIn(folder: string): string {
  const files = readdirSync(folder);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8").trim();
  const own = files.find((name) => /^licen[cs]e/i.test(name));
  if (own !== undefined) return read(own);
  const readme = files.find((name) => /^readme/i.test(name));
  const section = readme && /^## Licen[cs]e.*\n([\s\S]*)$/m.exec(read(readme))?.[1];
  if (!section) throw new Error(`${folder} is bundled and has no licence`);
  return section.trim();
}
