import { ProtocolError } from "../protocol/error.ts";
import { openToRead } from "../transport/files/open-file.ts";
import { Input, Output } from "../transport/streams/streams.ts";
import type { StageContext } from "../blocks/context.ts";
import { readFrames } from "./frames.ts";
import { asJson, asText } from "./lines.ts";
import { PayloadCheck, type StartEngine } from "./payload-check.ts";
import { Summary } from "./summary.ts";
import { Window } from "./window.ts";

/** Characters that are written together. */
const CHUNK = 64 * 1024;

/** What to show, and how. */
export interface InspectOptions {
  /** File that holds the stream; undefined is standard input. */
  file: string | undefined;
  /** What the stream has in all, instead of each frame. */
  summary: boolean;
  /** JSON instead of text. */
  json: boolean;
}

/** What it works with, and a callback that receives a function which returns the number of bytes read so far. */
type InspectContext = Pick<StageContext, "native" | "debug"> & {
  reading: (bytes: () => number) => void;
};

/**
 * Writes to standard output what is in a stream. One that is cut off or damaged is shown up to there.
 *
 * @param start starts the engine, for a stream whose blocks came with digests
 * @throws ProtocolError, OpenError, and the failures of the streams
 */
export async function inspect(
  { native, debug, reading }: InspectContext,
  start: StartEngine,
  { file, summary, json }: InspectOptions,
): Promise<undefined> {
  const output = new Output(native, "text");
  await output.whileRead(async () => {
    const fd = file === undefined ? undefined : await openToRead(file);
    const input = new Input(native, "stream", fd);
    reading(() => input.bytes);
    const total = new Summary();
    const line = json ? asJson : asText;
    let text = "";
    const rest = (): Uint8Array[] => {
      if (summary) {
        text = json ? total.json() : total.text();
      }
      return text === "" ? [] : [Buffer.from(text)];
    };
    try {
      const check = new PayloadCheck(native, start);
      for await (const frames of readFrames(new Window(input), check)) {
        for (const frame of frames) {
          if (summary) {
            total.add(frame);
            continue;
          }
          text += line(frame);
          if (text.length >= CHUNK) {
            await output.write([Buffer.from(text)]);
            text = "";
          }
        }
      }
    } catch (error) {
      total.end(error instanceof ProtocolError ? error.offset : input.bytes, false);
      await output.write(rest());
      throw error;
    }
    total.end(input.bytes, true);
    debug(`${input.bytes} bytes`);
    await output.finish(rest());
  });
}
