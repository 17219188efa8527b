import { printable } from "../errors/printable.ts";
import { ProtocolError } from "../protocol/error.ts";
import { openToRead } from "../transport/files/open-file.ts";
import { Input } from "../transport/streams/input.ts";
import { Output } from "../transport/streams/output.ts";
import { JsonLine } from "../ui/json-line.ts";
import type { StageContext } from "../blocks/context.ts";
import { readFrames } from "./frames.ts";
import { type Frame, TRAILING } from "./frame.ts";
import { PayloadCheck, type StartEngine } from "./payload-check.ts";
import { Summary } from "./summary.ts";
import { Window } from "./window.ts";

/** Columns for offsets below 10 GB. */
const OFFSET_WIDTH = 10;

/** Characters to write at once. */
const CHUNK = 64 * 1024;

/** Options of {@link inspect}. */
export interface InspectOptions {
  /** File that holds the stream; undefined is standard input. */
  file: string | undefined;
  /** Show totals instead of each frame. */
  summary: boolean;
  /** JSON instead of text. */
  json: boolean;
}

/** The environment of `inspect`. `reading` receives a function that returns the number of bytes read so far. */
type InspectContext = Pick<StageContext, "native" | "debug"> & {
  reading: (bytes: () => number) => void;
};

/**
 * Writes the content of a stream to standard output. Shows a damaged stream up to the damage.
 *
 * @param start starts the engine, to check the digests of an extended stream
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
      const size = error instanceof ProtocolError ? error.offset : input.bytes;
      total.end({ size, sound: false });
      await output.write(rest());
      throw error;
    }
    total.end({ size: input.bytes, sound: true });
    debug(`${input.bytes} bytes`);
    await output.finish(rest());
  });
}

/** Formats a frame as a line for people. */
function asText({ name, offset, text }: Frame): string {
  const parts = [name === TRAILING ? "" : name, text()].filter((part) => part !== "");
  return `${printable([String(offset).padStart(OFFSET_WIDTH), ...parts].join("  "))}\n`;
}

/** Formats a frame as a line of JSON, digests in hexadecimal. */
function asJson({ name, offset, fields }: Frame): string {
  return `${new JsonLine({ offset, frame: name, ...fields() }).text}\n`;
}
