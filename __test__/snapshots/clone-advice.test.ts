// Advice on a file that cannot be cloned: it fits the reason.
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { cloneFile } from "../../src/snapshots/reflink.ts";

test("each reason not to clone a file has advice of its own", async () => {
  for (const [name, says] of [
    ["EOPNOTSUPP", /its file system cannot clone files.*; make a snapshot of the volume/],
    ["EXDEV", /mounted by itself.*findmnt/],
    ["EINVAL", /but not this one.*; make a snapshot of the volume/],
    ["ENOSPC", /no words; free space/],
    ["EDQUOT", /no words; raise the quota/],
    ["EPERM", /no words; see that its folder.*immutable/],
    ["EACCES", /no words; run as a user who may write to its folder/],
    ["EROFS", /no words; if nothing can write to it/],
    ["EIO", /no words; check the disk/],
  ] as const) {
    const failure = { kind: "io", action: "clone", errno: constants.errno[name] };
    const cloneNow = (): Promise<never> =>
      Promise.reject(Object.assign(new Error("no words"), failure));
    const context = { engine: { cloneNow }, direct: "off" } as never;
    await assert.rejects(cloneFile(context, "disk", {} as never), (error) => {
      const { message, advice } = error as { message: string; advice: string };
      assert.match(`${message}; ${advice}`, says);
      return true;
    });
  }
});
