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
  settled.catch(() => {
    // Whoever reads the stream gets the error there.
    if (output.listenerCount("error") > 1) {
      run.result.catch(() => undefined);
    }
  });
  if (worker?.stdout === undefined) {
    output.end();
  } else {
    pipeline(worker.stdout, output, () => undefined);
  }
  return Object.assign(run, { output });
}
