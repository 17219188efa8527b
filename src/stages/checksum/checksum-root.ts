import type { StageContext } from "../../blocks/context.ts";
import { rootOf } from "../../blocks/root-of.ts";
import { Root, rootLine } from "../../blocks/root.ts";
import { scanStream } from "../../blocks/scan.ts";
import type { Hashing } from "../../protocol/digest.ts";
import { Output } from "../../transport/streams/output.ts";
import { openInput } from "./open-input.ts";

/**
 * Writes the root digest of a file, device or stream to standard output, as a line of text.
 *
 * @throws the engine's failures, and those of the streams
 */
export async function checksumRoot(
  context: StageContext,
  { file, hashing }: { file: string; hashing: Hashing },
): Promise<undefined> {
  context.debug(context.engine.hashing(hashing.digest));
  const output = new Output(context.native, "root digest");
  const source = await openInput(context, file);
  context.progress.begin(source?.size);
  const line =
    source === null
      ? await rootOfStream(context, hashing)
      : rootLine(await rootOf(context, source, hashing), source.size);
  // Clear the progress from the terminal before the line is written to it.
  context.progress.finish({ succeeded: true });
  await output.finish([new TextEncoder().encode(line)]);
}

/** Returns the line for a standard input that cannot be read by offset. */
async function rootOfStream(context: StageContext, hashing: Hashing): Promise<string> {
  const root = new Root(context.native, hashing);
  const size = await scanStream(context, undefined, hashing, (_position, _length, digests) =>
    root.add(digests),
  );
  return rootLine(root.finish(size), size);
}
