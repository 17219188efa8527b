import type { Answers } from "../blocks/answers.ts";
import { reachOf } from "../blocks/bounds.ts";
import type { StageContext } from "../blocks/context.ts";
import type * as Binding from "../native/binding.js";
import type { Head } from "../protocol/block-stream/head.ts";
import type { HashEncoder } from "../protocol/hash-stream/encoder.ts";
import { Input } from "../transport/streams/input.ts";
import type { Output } from "../transport/streams/output.ts";
import type { DigestCoverage } from "./checksum/digest-options.ts";
import { readHead } from "./read-head.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import { preflight } from "./save/preflight.ts";

/** An open destination, and the hash stream about it. */
export interface SharedDestination {
  sink: Binding.Sink;
  reader: Binding.Source;
  output: Output;
}

/** The request of the first stream, before it knows the size of the source. */
interface Asking {
  /** The blocks that the destination has. */
  coverage: DigestCoverage;
  encoder: HashEncoder;
  answers: Answers;
}

/** True if the copy makes the destination longer when the source is. */
export function mayGrow(
  { isDevice }: Binding.Source,
  { sizes = "any" }: Pick<ReceiveOptions, "sizes">,
  { openEnded }: DigestCoverage,
): boolean {
  return !isDevice && openEnded && (sizes === "new" || sizes === "any");
}

/**
 * Begins the hash stream, and finds the size of the source in the head of the answer. A mark without a part before it makes the source answer
 * at once. Refuses what is refused before the first write.
 *
 * @returns the block stream, to be read from its beginning, and the size
 * @throws ProtocolError, the errors of `preflight`, and those of the streams
 */
export async function askForSize(
  context: StageContext,
  { sink, reader, output }: SharedDestination,
  options: Omit<ReceiveOptions, "queue">,
  { coverage, encoder, answers }: Asking,
): Promise<{ answer: Input; size: number }> {
  const answer = new Input(context.native, "block stream");
  let head: Head | undefined;
  await output.whileRead(async () => {
    answers.expect(0);
    await output.write([...encoder.begin(), encoder.mark(0)]);
    head = await readHead(answer);
  });
  const { size } = reader;
  const { extents, openEnded } = coverage;
  const asked = { ...coverage, hashing: options.hashing, size, openFrom: size, extended: true };
  const request = { ...asked, ...reachOf(extents, { size, openEnded }) };
  await preflight(context, { target: sink, options, head, request });
  const found = head?.source.size;
  if (found === undefined) {
    throw new TypeError("a stream without a size was accepted");
  }
  return { answer, size: found };
}
