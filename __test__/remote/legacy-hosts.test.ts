// Copies between hosts over a real sshd, by stages that speak as blockcopy 0.0.2 does.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { COMMAND, environment } from "../support/programs/cli.ts";
import { noise } from "../support/files/files.ts";
import { allGone, processesOn, shape } from "../support/hosts/host-state.ts";
import { environmentHere, lackingHosts, prefixHere, sync } from "../support/hosts/hosts.ts";
import { assertSynced, pair } from "../support/programs/sync-pair.ts";
import { eventually } from "../support/programs/eventually.ts";

const skip = lackingHosts;

test("from here, to here and between two others", { skip }, async (t) => {
  for (const [a, b] of [
    ["one:", ""],
    ["", "one:"],
    ["one:", "two:"],
  ]) {
    const { from, to } = pair(t);
    assertSynced(await sync(["--wire", "0.0.2", "--allow-larger", `${a}${from}`, `${b}${to}`]), to);
  }
});

for (const [a, b] of [
  ["", "one:"],
  ["one:", "two:"],
])
  test(
    `killed, ${a || "here:"} to ${b}: nothing is left running, and the next run continues`,
    { skip },
    async (t) => {
      const slow = (["one", "two"] as const).map((host) => shape(t, host, "50mbit"));
      const source = noise("long", 12 * 2 ** 20);
      const { from, to } = pair(t, { source, destination: noise("other", source.length) });
      const before = statSync(to).mtimeMs;
      const args = ["--wire", "0.0.2", "--allow-larger", `${a}${from}`, `${b}${to}`];
      const [program = "", ...words] = [...prefixHere(), ...COMMAND, "sync", ...args];
      const child = spawn(program, words, {
        stdio: "ignore",
        detached: true,
        env: environment(environmentHere()),
      });
      killAtEnd(t, child);
      const written = (): boolean => {
        assert.equal(child.exitCode, null);
        return statSync(to).mtimeMs !== before;
      };
      await eventually(written, { what: `wrote to ${to}` });
      child.kill("SIGKILL");
      await allGone(10);
      assert.deepEqual(processesOn("here"), []);
      const arrived = readFileSync(to);
      assert.ok(
        !arrived.equals(source) && arrived.subarray(0, 4096).equals(source.subarray(0, 4096)),
      );
      for (const end of slow) end();
      assertSynced(await sync(args), to, source);
      assertSame(readFileSync(to), source);
    },
  );
