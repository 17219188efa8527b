// Destinations that another program removes, replaces, or gives another length, during the copy: a success would be about a file that is not there.
import { renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../support/files/files.ts";
import { lackingLoop, loopWith } from "../support/files/loop.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { fakeNbd, FLAG, NBD, reply } from "../support/programs/nbd.ts";
import { lacking, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

const skip = process.platform !== "linux" && "other systems name files in other ways";

for (const { name, removes, says, options, qemu } of [
  { name: "removed, in one process", removes: true, says: /removed or renamed/, options: [] },
  {
    name: "replaced, by the stages",
    removes: false,
    says: /replaced by another file/,
    options: ["--verify=written"],
  },
  {
    name: "removed, of an image",
    removes: true,
    says: /removed or renamed/,
    options: ["--destination-format=qcow2"],
    qemu: true,
  },
])
  test(
    `a destination that is ${name}, is no success`,
    { skip: skip || (qemu === true && lacking("qemu-img", "qemu-nbd")) },
    async (t) => {
      const folder = scratch(t);
      const [copy, other] = [join(folder, "copy"), join(folder, "other")];
      writeFileSync(copy, Buffer.alloc(MIB));
      if (qemu === true) system("qemu-img", "create", "-q", "-f", "qcow2", copy, String(MIB));
      writeFileSync(other, "");
      const { uri } = await fakeNbd(t, {
        size: MIB,
        flags: FLAG.flush,
        answer: (request, socket) => {
          if (removes) rmSync(copy, { force: true });
          else if (request.offset === 0) renameSync(other, copy);
          const data = Buffer.alloc(request.length, 1);
          reply(request, socket, request.command === NBD.read ? data : undefined);
        },
      });
      assertFailed(await run(["sync", ...options, uri, copy]), EXIT.differs, "sync", says);
    },
  );

for (const { name, options, map } of [
  { name: "in one process", options: [] },
  { name: "by the stages", options: ["--verify=written"] },
  { name: "where a range map leaves it out", options: [], map: `0 ${MIB / 2}` },
])
  for (const [length, what, says] of [
    [1000, "is cut off", /cut off.* 1048576 bytes were .* has 1000 now/],
    [MIB + 1, "becomes longer", /longer.* the source has 1048576 bytes, and it has 1048577 now/],
  ] as const)
    test(`a destination that ${what}, ${name}, is no success`, { skip }, async (t) => {
      const folder = scratch(t);
      const [copy, ranges] = [join(folder, "copy"), join(folder, "ranges")];
      writeFileSync(copy, "");
      truncateSync(copy, MIB);
      writeFileSync(ranges, map ?? "");
      let unread = map === undefined ? MIB : MIB / 2;
      const { uri } = await fakeNbd(t, {
        size: MIB,
        flags: FLAG.flush,
        answer: (request, socket) => {
          if (request.command === NBD.read) unread -= request.length;
          // Only with the last read of the source, all of the destination has been compared, or is known to be a hole.
          if (unread <= 0) truncateSync(copy, length);
          reply(request, socket, Buffer.alloc(request.command === NBD.read ? request.length : 0));
        },
      });
      const more = map === undefined ? options : [`--ranges=${ranges}`];
      assertFailed(await run(["sync", ...more, uri, copy]), EXIT.differs, "sync", says);
    });

test(
  "a device that becomes smaller after it was compared is no success",
  { skip: skip || lackingLoop },
  async (t) => {
    const device = loopWith(t, scratch(t), Buffer.alloc(MIB));
    const { uri } = await fakeNbd(t, {
      size: MIB,
      flags: FLAG.flush,
      answer: (request, socket) => {
        // The digests of all of the device have arrived by then.
        if (request.command === NBD.read) {
          truncateSync(device.backing, MIB / 2);
          system("losetup", "--set-capacity", device.path);
        }
        reply(request, socket, Buffer.alloc(request.command === NBD.read ? request.length : 0));
      },
    });
    const outcome = await run(["sync", "--verify=written", uri, device.path]);
    assertFailed(outcome, EXIT.differs, "sync", /became smaller.* 1048576 bytes .* has 524288 now/);
  },
);
