import { refuseEmpty } from "../../blocks/capacity.ts";
import { checkRange } from "../../blocks/check-range.ts";
import type { StageContext } from "../../blocks/context.ts";
import type * as Binding from "../../native/binding.js";
import type { SourceDescription } from "../../protocol/source-fields.ts";
import { Output } from "../../transport/streams/output.ts";
import { Comparison } from "./comparison.ts";
import { reportWriter } from "./source-in-use.ts";
import type { RetrieveOptions, OpenSource } from "./retrieve-options.ts";

/**
 * Reads a hash stream from standard input and writes the blocks of a file or device that differ to standard output. The
 * block stream is extended if the hash stream asks for that.
 *
 * @throws ProtocolError, UsageError, the engine's failures, and those of the streams
 */
export async function retrieve(
  context: StageContext,
  options: RetrieveOptions,
): Promise<undefined> {
  const output = new Output(context.native, "block stream", options.rate);
  await output.whileRead(async () => {
    const source = await openSource(context, options);
    await new Comparison(context, options, source, output).run();
  });
}

async function openSource(
  context: StageContext,
  { file, needs, whole, inUse }: RetrieveOptions,
): Promise<OpenSource> {
  const { engine, direct, progress, debug } = context;
  const source = await engine.openSource(file, direct);
  debug(`${file}: ${source.size} bytes, ${source.description}`);
  refuseEmpty(file, source);
  checkRange(source, { file, ...needs });
  // Reading changes the time of the last access, so the metadata comes first.
  const description = source.isExport
    ? ({ size: source.size, kind: "device" } as const)
    : describe(source, await engine.metadata(source));
  progress.begin(whole ? source.size : undefined, source.instance());
  if (inUse !== undefined) {
    await reportWriter(context, file, source, inUse);
  }
  return { source, description };
}

function describe(
  { size, isDevice }: Binding.Source,
  { mode, accessed, modified, uid, owner, gid, group }: Binding.Metadata,
): SourceDescription {
  return {
    size,
    kind: isDevice ? "device" : "file",
    mode,
    accessed,
    modified,
    owner: { id: uid, name: owner },
    group: { id: gid, name: group },
  };
}
