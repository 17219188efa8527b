import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { Trailer } from "../protocol/block-stream/trailer.ts";
import { readTrailer } from "../stages/save/read-trailer.ts";
import { type Frame, TRAILING } from "./frame.ts";
import { rootFields, rootText, sourceFields, sourceText } from "./source-text.ts";
import type { Window } from "./window.ts";

/**
 * Yields what follows `done`: a trailer, if the stream can have one, and the number of any other bytes.
 *
 * @throws ProtocolError if the trailer is cut off or damaged, StreamError
 */
export async function* afterDone(
  window: Window,
  { mayHaveTrailer }: { mayHaveTrailer: boolean },
): AsyncGenerator<Frame[]> {
  let last = "done";
  if (mayHaveTrailer && (await trailerBegins(window))) {
    const { offset } = window;
    const read = (target: Uint8Array): Promise<number> => window.read(target);
    const trailer = await readTrailer({ bytes: offset, read }, new Uint8Array(0));
    if (trailer !== undefined) {
      yield [trailerFrame(trailer, offset)];
      last = "the trailer";
    }
  }
  const { offset } = window;
  const length = await window.skip(Infinity);
  if (length > 0) {
    const text = `${length} bytes follow ${last}`;
    yield [{ name: TRAILING, offset, text: () => text, fields: () => ({ length }) }];
  }
}

/** True if the window begins with a trailer, or with the beginning of one. */
async function trailerBegins(window: Window): Promise<boolean> {
  await window.fill(COMMAND_LENGTH);
  const begin = Buffer.from(window.bytes.subarray(0, COMMAND_LENGTH)).toString("latin1");
  return begin !== "" && "tail".startsWith(begin);
}

function trailerFrame({ root, ...source }: Trailer, offset: number): Frame {
  return {
    name: "tail",
    offset,
    text: () =>
      [...sourceText(source), ...(root === undefined ? [] : [`root ${rootText(root)}`])].join(", "),
    fields: () => ({ ...sourceFields(source), root: root && rootFields(root) }),
  };
}
