import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import type { DigestOptions } from "./digest-options.ts";

/** Returns the storage that a file lies on, for the hello; undefined if it is not to be sent or the kernel does not tell. */
export async function storageFor(
  { engine, debug }: StageContext,
  source: Binding.Source,
  { file, located }: Pick<DigestOptions, "file" | "located">,
): Promise<string | undefined> {
  if (located !== true) {
    return undefined;
  }
  const storage = await engine.storageOf(source);
  debug(`${file}: lies on ${storage ?? "unknown storage (is /proc mounted?)"}`);
  return storage ?? undefined;
}
