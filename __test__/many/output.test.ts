// An output that is closed while its end is being written.
import assert from "node:assert/strict";
import { closeSync, readSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { loadAddon } from "../../src/native/load.ts";
import { Output } from "../../src/transport/streams/output.ts";

test("an output that is closed during its last write does not close its descriptor twice", async () => {
  const native = loadAddon();
  const pipe = native.makePipe(65_536);
  const output = new Output(native, "block stream", { fd: pipe.write });
  const length = 2 ** 20;
  const finishing = output.finish([Buffer.alloc(length)]);
  const refused = assert.rejects(finishing, /^Error: the block stream is closed$/);
  // The write has begun, and waits for a reader.
  await turn();
  const closing = output.close();
  const buffer = Buffer.alloc(length);
  for (let left = length; left > 0;) left -= readSync(pipe.read, buffer);
  await closing;
  await refused;
  assert.equal(readSync(pipe.read, buffer), 0, "the end of the stream");
  closeSync(pipe.read);
});
