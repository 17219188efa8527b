import type { BlockRequest } from "../../blocks/bounds.ts";
import type { StageContext } from "../../blocks/context.ts";
import type { PartQueue } from "../../blocks/part-queue.ts";
import { scanSource } from "../../blocks/scan.ts";
import type * as Binding from "../../native/binding.js";
import { BLOCK_CODECS } from "../../protocol/codec.ts";
import { HashEncoder } from "../../protocol/hash-stream/encoder.ts";
import { MAX_POSITION } from "../../protocol/limits.ts";
import { type Extent, Extents } from "../../ranges/extents.ts";
import type { StreamOutput } from "../../transport/streams/spooled-output.ts";
import type { DigestOptions, SharedParts } from "./digest-options.ts";
import { storageFor } from "./storage.ts";

/**
 * Writes the digests of the parts that this process takes from the queue. It takes a part when all but one of those before are answered: so
 * a stream whose connection is slow, or whose parts differ more, takes fewer.
 *
 * @throws UsageError, SharedListError, the engine's failures, and those of the streams
 */
export async function sendParts(
  context: StageContext,
  source: Binding.Source,
  options: DigestOptions & { parts: SharedParts },
  output: StreamOutput,
): Promise<void> {
  const { hashing, parts } = options;
  const { queue, answers, isFirst } = parts;
  const { size, start, end, openEnded } = queue.copy;
  const extents = new Extents();
  const request: BlockRequest = { hashing, extents, openEnded: false, size, extended: true };
  options.onRequest?.(request);
  const encoder = new HashEncoder(hashing, {
    accepts: BLOCK_CODECS,
    end: openEnded ? MAX_POSITION : end,
    size,
    storage: await storageFor(context, source, options),
    marks: true,
  });
  context.progress.begin(
    isFirst ? end - start : 0,
    source.instance(),
    isFirst ? queue.name : undefined,
  );
  await output.write(encoder.begin());
  const marks: number[] = [];
  const take = async function* (): AsyncGenerator<Extent> {
    for await (const part of takenFrom(parts)) {
      context.debug(`stream ${queue.stream} takes the part from ${part.start} to ${part.end}`);
      extents.append(part);
      if (part.isLast) {
        // Nothing is taken after it, so nothing waits for its answer.
        request.openEnded = openEnded;
      } else {
        answers.expect(part.end);
        marks.push(part.end);
      }
      yield part;
    }
  };
  await scanSource(context, source, take(), hashing, async (position, length, digests) => {
    await output.write([encoder.blocks(position, length, digests)]);
    if (position + length === marks[0]) {
      marks.shift();
      await output.write([encoder.mark(position + length)]);
    }
  });
  const rest = request.openEnded ? [encoder.rest(size)] : [];
  await output.finish([...rest, ...encoder.end(undefined)]);
}

/** Takes parts while there are any. Two at a time keep the connection busy; near the end, the others get a chance. */
async function* takenFrom({
  queue,
  answers,
}: SharedParts): AsyncGenerator<NonNullable<ReturnType<PartQueue["take"]>>> {
  for (;;) {
    await answers.fewerThan(queue.isNearEnd ? 1 : 2);
    const part = queue.take();
    if (part === undefined) {
      return;
    }
    yield part;
  }
}
