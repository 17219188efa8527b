import { createRequire } from "node:module";

import type * as Binding from "./binding.js";
import { explainLoading, faultOf, type LoadFailure } from "./load-failure.ts";
import { packageOf, platformHere, platformName, PLATFORMS_IN_WORDS } from "./platform.ts";

const require = createRequire(import.meta.url);

/** The addon is missing, or this machine cannot load it. */
export class AddonError extends Error {
  override readonly name = "AddonError";

  readonly advice: string;

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, { cause });
    this.advice = advice;
  }
}

/** The file of the addon. */
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
  const platform = platformHere();
  if (platform === undefined) {
    throw new AddonError(
      `there is no engine for ${process.platform}-${process.arch}`,
      `run blockcopy on ${PLATFORMS_IN_WORDS}`,
    );
  }
  const name = packageOf(platform);
  try {
    return { path: require.resolve(name), package: name };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new AddonError(
      code === "MODULE_NOT_FOUND"
        ? `the engine for ${platformName(platform)} is not installed, or this user may not read it (package ${name})`
        : `the engine for ${platformName(platform)} cannot be found (package ${name}): ${String(error)}`,
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
