import type * as Binding from "../native/binding.js";
import type { Hashing } from "../protocol/digest.ts";
import type { RootDigest } from "../protocol/root-digest.ts";
import type { StageContext } from "./context.ts";
import { Root } from "./root.ts";
import { scanSource } from "./scan.ts";

/**
 * Reads a file or device up to `end` and returns its root digest.
 *
 * @throws the engine's failures
 */
export async function rootOf(
  context: StageContext,
  source: Binding.Source,
  hashing: Hashing,
  end = source.size,
): Promise<RootDigest> {
  const root = new Root(context.native, hashing);
  await scanSource(context, source, [{ start: 0, end }], hashing, (_position, _length, digests) =>
    root.add(digests),
  );
  return root.finish(end);
}
