import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { engineFileOf, type Platform, platformName } from "../../src/native/platform.ts";
import { faultsOf } from "./binary.ts";

/**
 * Fails if the engine for a platform is not in its npm package, or runs only on hosts as new as this one: `npm run build` puts such a build in the same place.
 */
export function assertPortable(platform: Platform): void {
  const name = platformName(platform);
  const file = join("npm", name, engineFileOf(platform));
  const faults = existsSync(file) ? faultsOf(readFileSync(file), platform) : ["does not exist"];
  if (faults.length > 0)
    throw new Error(`${file} ${faults.join("; ")}: npm run build:platforms -- ${name}`);
}
