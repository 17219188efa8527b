// Output of `inspect --json` as values, and input for it.
import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { loadAddon } from "../../../src/native/load.ts";
import { ProtocolError } from "../../../src/protocol/error.ts";
import { readFrames } from "../../../src/inspect/frames.ts";
import { PayloadCheck } from "../../../src/inspect/payload-check.ts";
import { Window } from "../../../src/inspect/window.ts";
import { Input } from "../../../src/transport/streams/input.ts";

/** A frame, with those of its fields that tests look at. */
export interface Line {
  offset: number;
  frame: string;
  position?: number;
  length?: number;
}

/** The lines of JSON in `stdout`. */
export function parsed(stdout: Buffer): Line[] {
  return stdout
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const native = loadAddon();

/** The frames that `inspect` finds in the file `path`, and the fault that ends them; read in this process, which is quick. */
export async function framesIn(
  path: string,
): Promise<{ frames: Pick<Line, "frame" | "offset">[]; fault: ProtocolError | undefined }> {
  const file = await open(path);
  const frames: Pick<Line, "frame" | "offset">[] = [];
  try {
    const window = new Window(new Input(native, "stream", file.fd));
    const check = new PayloadCheck(native, () => assert.fail("there is nothing to check"));
    for await (const some of readFrames(window, check))
      frames.push(...some.map(({ name, offset }) => ({ frame: name, offset })));
  } catch (error) {
    if (error instanceof ProtocolError) return { frames, fault: error };
    throw error;
  } finally {
    await file.close();
  }
  return { frames, fault: undefined };
}
