// The program as it is put into the single executable: one file of CommonJS, which is all that Node 24 takes there, with V8's code cache.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { NO_INSPECTOR } from "../../src/native/node-start.ts";

/** The version of the program. */
export const VERSION: string = (
  JSON.parse(readFileSync("package.json", "utf8")) as { version: string }
).version;

/** Bundles the program into a file. */
export async function bundle(file: string): Promise<void> {
  await build({
    entryPoints: ["src/cli/main.ts"],
    outfile: file,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    logLevel: "warning",
    minify: true,
    keepNames: true,
    legalComments: "none",
    define: {
      BLOCKCOPY_SINGLE: JSON.stringify({ version: VERSION }),
      "import.meta.dirname": "SINGLE_FOLDER",
    },
    banner: { js: 'const SINGLE_FOLDER=require("node:path").dirname(process.execPath);' },
  });
}

/**
 * Has Node prepare a bundle for an executable. The code cache is only accepted by the same version of Node for the same CPU.
 *
 * @param node a command that runs that Node
 * @param folder for files in between
 */
export function prepare(main: string, node: readonly string[], folder: string): Buffer {
  const output = join(folder, "program.blob");
  const config = join(folder, "program.json");
  const settings = {
    main,
    output,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: [NO_INSPECTOR],
    execArgvExtension: "none",
  };
  writeFileSync(config, JSON.stringify(settings));
  const [program = "", ...words] = node;
  execFileSync(program, [...words, "--experimental-sea-config", config], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: process.env["PATH"] },
  });
  return readFileSync(output);
}
