import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

/** Returns the text of a module so that it finds the files next to `path`, its own place, from inside a bundle too. */
export function placed(code: string, path: string): string {
  return code
    .replaceAll("import.meta.url", () => JSON.stringify(pathToFileURL(path).href))
    .replaceAll("import.meta.dirname", () => JSON.stringify(dirname(path)));
}
