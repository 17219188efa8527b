// The tools that are written in Go: nfpm makes packages, actionlint checks workflows. Go builds them from their sources, whose digests are in tools/go.sum, into
// target/tools.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const LIST = "scripts/packages/tools";

/** A tool of the list. */
export type GoTool = "nfpm" | "actionlint";

/** Returns the path of a tool that has been built; undefined if it has not. */
function builtTool(tool: GoTool): string | undefined {
  const file = join(folder(), tool);
  return existsSync(file) ? file : undefined;
}

/** True if Go is installed, which builds the tools. */
export function hasGo(): boolean {
  return spawnSync("go", ["version"], { stdio: "ignore" }).status === 0;
}

/**
 * Returns the path of a tool. Builds all tools the first time, which takes a minute.
 *
 * @throws Error if Go is missing, or a source does not have the digest that the list names
 */
export function installTool(tool: GoTool): string {
  if (builtTool(tool) === undefined) build();
  return join(folder(), tool);
}

function build(): void {
  if (!hasGo())
    throw new Error(
      "building nfpm and actionlint needs Go 1.25 or later: install it (https://go.dev/dl)",
    );
  const scratch = `${folder()}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  try {
    console.error("building nfpm and actionlint, which takes a minute");
    execFileSync("go", ["build", "-trimpath", "-mod=readonly", "-o", `${scratch}/`, "tool"], {
      cwd: LIST,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
      stdio: "inherit",
    });
    // A folder of that name is complete.
    renameSync(scratch, folder());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns the folder of the tools. A change of the list makes another one. */
function folder(): string {
  const list = ["go.mod", "go.sum"].map((name) => readFileSync(join(LIST, name)));
  const digest = createHash("sha256").update(Buffer.concat(list)).digest("hex");
  return resolve(`target/tools/go-${digest.slice(0, 8)}`);
}
