import { COMMAND_LENGTH } from "../protocol/bytes.ts";
import type { Tail } from "../protocol/block-stream/tail.ts";
import { readTail } from "../stages/save/read-tail.ts";
import { type Frame, TRAILING } from "./frame.ts";
import { rootFields, rootText, sourceFields, sourceText } from "./source-text.ts";
import type { Window } from "./window.ts";

/**
 * What follows `done`: a trailer, where there may be one, and any other bytes, which are counted.
 *
 * @throws ProtocolError when there is a trailer and it is cut off or damaged, StreamError
 */
export async function* behindDone(window: Window, trailer: boolean): AsyncGenerator<Frame[]> {
  let last = "done";
  if (trailer && (await tailBegins(window))) {
    const { offset } = window;
    const read = (target: Uint8Array): Promise<number> => window.read(target);
    const tail = await readTail({ bytes: offset, read }, new Uint8Array(0));
    if (tail !== undefined) {
      yield [tailFrame(tail, offset)];
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

/** Whether there is a trailer, or the beginning of one. */
async function tailBegins(window: Window): Promise<boolean> {
  await window.fill(COMMAND_LENGTH);
  const begin = Buffer.from(window.bytes.subarray(0, COMMAND_LENGTH)).toString("latin1");
  return begin !== "" && "tail".startsWith(begin);
}

function tailFrame({ root, ...source }: Tail, offset: number): Frame {
  return {
    name: "tail",
    offset,
    text: () =>
      [...sourceText(source), ...(root === undefined ? [] : [`root ${rootText(root)}`])].join(", "),
    fields: () => ({ ...sourceFields(source), root: root && rootFields(root) }),
  };
}
