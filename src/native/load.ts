import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type * as Binding from "./binding.js";
import { explainLoading, faultOf, type LoadFailure } from "./load-failure.ts";
import {
  packageOf,
  type Platform,
  platformHere,
  platformName,
  PLATFORMS,
  PLATFORMS_IN_WORDS,
} from "./platform.ts";
import { requireFromRoot, ROOT } from "./root.ts";
import { engineOfSingle, SINGLE } from "./single.ts";

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
    return { path: resolved(name), package: name };
  } catch (error) {
    throw unfound(platform, error);
  }
}

/**
 * Resolves a package from where npm puts it: `node_modules` in the folder of the program, or a folder of that name that the program is in.
 * Node itself would also look in others, such as `$HOME/.node_modules` and `/tmp/node_modules`, where another user may have put an engine.
 *
 * @throws Error as that of Node
 */
function resolved(name: string): string {
  let place = join(ROOT, "node_modules", name);
  for (let folder = ROOT; !existsSync(place) && folder !== dirname(folder);) {
    folder = dirname(folder);
    if (basename(folder) === "node_modules") {
      place = join(folder, name);
    }
  }
  return requireFromRoot.resolve(place);
}

/** Explains why the package for a platform is not found. */
function unfound(platform: Platform, error: unknown): AddonError {
  const name = platformName(platform);
  if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") {
    return new AddonError(
      `the engine for ${name} cannot be found (package ${packageOf(platform)}): ${String(error)}`,
      "install blockcopy again",
      error,
    );
  }
  if (existsSync(join(ROOT, "npm", name, "package.json"))) {
    return new AddonError(
      `the engine for ${name} is not built in the checkout ${ROOT}`,
      "run `npm run build` there",
      error,
    );
  }
  const other = PLATFORMS.find((known) => isInstalled(packageOf(known)));
  return other === undefined
    ? new AddonError(
        `the engine for ${name} is not installed, or this user may not read it (package ${packageOf(platform)})`,
        `install blockcopy again without --omit=optional (--include=optional where that is the setting of npm), or install ${packageOf(platform)} of the same version too`,
        error,
      )
    : new AddonError(
        `this installation is for ${platformName(other)}, and this Node is for ${name}`,
        "install blockcopy on this host, by the npm of this Node, instead of copying its files",
        error,
      );
}

function isInstalled(name: string): boolean {
  try {
    resolved(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Loads the engine.
 *
 * @throws AddonError saying why the dynamic linker refused it
 */
export function loadAddon(): typeof Binding {
  if (SINGLE !== undefined) {
    return loadFrom(engineOfSingle, "this executable");
  }
  const { path: file } = addonFile();
  const broken = faultOf(file);
  if (broken !== undefined) {
    throw unloadable(file, broken);
  }
  return loadFrom(() => requireFromRoot(file) as typeof Binding, file);
}

function loadFrom(load: () => typeof Binding, file: string): typeof Binding {
  try {
    return load();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw unloadable(file, explainLoading(message, file), error);
  }
}

function unloadable(file: string, { why, advice }: LoadFailure, cause?: unknown): AddonError {
  return new AddonError(`the engine cannot be loaded from ${file}: ${why}`, advice, cause);
}
