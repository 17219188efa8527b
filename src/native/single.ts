// The single executable: Node with this program and the engine in it (scripts/single). What runs before Node (crates/start) has put the
// engine and the libraries of Node into files without names.
import { closeSync } from "node:fs";

import type * as Binding from "./binding.js";

/** Set by the build of the single executable. */
declare const BLOCKCOPY_SINGLE: { version: string } | undefined;

/** The single executable that this is; undefined if it is not one. */
export const SINGLE: { version: string } | undefined =
  typeof BLOCKCOPY_SINGLE === "undefined" ? undefined : BLOCKCOPY_SINGLE;

/** The variable with the descriptors of the files: of two libraries, and of the engine. */
const FILES_VARIABLE = "BLOCKCOPY_FILES";

const engineDescriptor = SINGLE === undefined ? undefined : takeFiles();

/**
 * Loads the engine of the single executable. Call it only once.
 *
 * @throws Error with the message of the dynamic linker
 */
export function engineOfSingle(): typeof Binding {
  if (engineDescriptor === undefined) {
    throw new Error(`${FILES_VARIABLE} does not name the engine`);
  }
  const module = { exports: {} };
  process.dlopen(module, `/proc/self/fd/${engineDescriptor}`);
  closeSync(engineDescriptor);
  return module.exports as typeof Binding;
}

/** Closes the files of the libraries, which are loaded, and returns the descriptor of the engine. Child processes get files of their own. */
function takeFiles(): number | undefined {
  const descriptors = (process.env[FILES_VARIABLE] ?? "").split(",").map(Number);
  delete process.env[FILES_VARIABLE];
  const engine = descriptors.pop();
  for (const descriptor of descriptors) {
    closeSync(descriptor);
  }
  return engine;
}
