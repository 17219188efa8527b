import { createRequire } from "node:module";

import type * as Binding from "./binding.js";
import { explainLoading, faultOf, type LoadFailure } from "./load-failure.ts";

const require = createRequire(import.meta.url);

/** Package that carries the addon for this platform, or undefined where there is none. */
function packageOf(platform: string, arch: string): string | undefined {
  return platform === "linux" && arch === "x64" ? "blockcopy-linux-x64-gnu" : undefined;
}

/** The addon is missing, or this machine cannot load it. */
export class AddonError extends Error {
  override readonly name = "AddonError";

  /** What to do about it. */
  readonly advice: string;

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, { cause });
    this.advice = advice;
  }
}

/** Where the addon is. */
export interface AddonFile {
  path: string;
  /** The name of the package that carries it. */
  package: string;
}

/**
 * Finds the addon.
 *
 * @throws AddonError
 */
export function addonFile(): AddonFile {
  const platform = `${process.platform}-${process.arch}`;
  const name = packageOf(process.platform, process.arch);
  if (name === undefined) {
    throw new AddonError(
      `there is no engine for ${platform}`,
      "run blockcopy on Linux on x86-64 with glibc",
    );
  }
  try {
    return { path: require.resolve(name), package: name };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new AddonError(
      code === "MODULE_NOT_FOUND"
        ? `the engine for ${platform} is not installed, or this user may not read it (package ${name})`
        : `the engine for ${platform} cannot be found (package ${name}): ${String(error)}`,
      `install ${name} of the same version too (it is an optional dependency: not with --omit=optional), or run \`npm run build\` in a checkout`,
      error,
    );
  }
}

/**
 * Loads the engine.
 *
 * @throws AddonError saying why the dynamic linker refused it
 */
export function loadAddon(): typeof Binding {
  const { path: file } = addonFile();
  const broken = faultOf(file);
  if (broken !== undefined) {
    throw unloadable(file, broken);
  }
  try {
    return require(file) as typeof Binding;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw unloadable(file, explainLoading(message, file), error);
  }
}

function unloadable(file: string, { why, advice }: LoadFailure, cause?: unknown): AddonError {
  return new AddonError(`the engine cannot be loaded from ${file}: ${why}`, advice, cause);
}
