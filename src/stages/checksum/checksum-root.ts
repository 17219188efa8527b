import type { Hashing } from "../../protocol/digest.ts";
import { Output } from "../../transport/streams/streams.ts";
import type { StageContext } from "../../blocks/context.ts";
import { openInput } from "./open-input.ts";
import { rootOf } from "../../blocks/root-of.ts";
import { Root, rootLine } from "../../blocks/root.ts";
import { scanStream } from "../../blocks/scan.ts";

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
  // On a terminal the line of progress goes first.
  context.progress.finish(true);
  await output.finish([new TextEncoder().encode(line)]);
}

/** The line for standard input, as it comes. */
async function rootOfStream(context: StageContext, hashing: Hashing): Promise<string> {
  const root = new Root(hashing);
  const size = await scanStream(context, undefined, hashing, (_position, _length, digests) =>
    root.add(digests),
  );
  return rootLine(root.finish(size), size);
}
