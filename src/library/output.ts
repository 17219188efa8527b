import { pipeline, Transform } from "node:stream";
import { callbackify } from "node:util";

import type { Started } from "./operation.ts";
import type { StreamRun } from "./types.ts";

/** Bytes of the output that wait for a reader, in addition to those in the pipe. */
const OUTPUT_BYTES = 256 * 1024;

/** Adds the output stream to an operation. It must not end before the operation has succeeded: a stream that is cut off would look whole. */
export function withOutput<Result>({ run, worker, settled }: Started<Result>): StreamRun<Result> {
  const output = new Transform({
    highWaterMark: OUTPUT_BYTES,
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush: callbackify(async () => void (await settled)),
  });
  output.on("error", () => undefined);
  if (worker?.stdout === undefined) {
    output.end();
  } else {
    pipeline(worker.stdout, output, () => undefined);
  }
  const own = output.listeners("error");
  const isErrorAwaited = (): boolean =>
    output.listeners("error").some((listener) => !own.includes(listener));
  settled.catch(() => {
    // Whoever listens for errors of the stream gets this one there, and whoever has destroyed it does not want it.
    if (output.destroyed || isErrorAwaited()) {
      run.result.catch(() => undefined);
    }
  });
  return Object.assign(run, { output });
}
