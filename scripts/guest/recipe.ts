import { readFileSync } from "node:fs";

const MANUAL = new URL("../../docs/manual.md", import.meta.url);

/** The commands of the manual for LVM thin volumes, so that the manual cannot say what does not work. */
export function thinDeltaRecipe(): string {
  const [, after] = readFileSync(MANUAL, "utf8").split("**LVM thin volumes.**");
  const lines = after?.split("\n") ?? [];
  const first = lines.findIndex((line) => line.startsWith("    "));
  const length = lines.slice(first).findIndex((line) => !line.startsWith("    "));
  const recipe = lines.slice(first, first + length).map((line) => line.trim());
  if (!recipe.some((line) => line.startsWith("thin_delta "))) {
    throw new Error("docs/manual.md has no recipe with thin_delta after **LVM thin volumes.**");
  }
  return `${recipe.join("\n")}\n`;
}
