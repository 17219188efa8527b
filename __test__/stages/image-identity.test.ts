// Identities of the files that qemu-nbd has opened, which must be those that the engine writes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { identityOf } from "../../src/stages/file-identity.ts";

for (const [what, { isDevice = false, ...numbers }, expected] of [
  ["an inode above 2^53", { dev: 0x2bn, ino: 2n ** 53n + 1n }, "file 0:43 9007199254740993"],
  ["the largest inode", { dev: 0xfd01n, ino: 2n ** 64n - 1n }, "file 253:1 18446744073709551615"],
  ["a minor number above 255", { rdev: 0x10_fd05n, isDevice: true }, "device 253:261"],
  ["a major number above 4095", { rdev: 0x1000_0000_0102n, isDevice: true }, "device 4097:2"],
] as [string, { dev?: bigint; ino?: bigint; rdev?: bigint; isDevice?: boolean }, string][])
  test(`the identity of a file with ${what} is exact`, () => {
    const stat = { dev: 0n, ino: 0n, rdev: 0n, ...numbers, isBlockDevice: () => isDevice };
    assert.equal(identityOf(stat), expected);
  });
