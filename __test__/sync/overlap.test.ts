// Two that share bytes are never copied onto each other, whatever lies between them.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { defer, onceFree } from "../support/cleanup.ts";
import { mountAt } from "../support/files/mount.ts";
import { EXIT, run } from "../support/programs/cli.ts";
import { noise, scratch } from "../support/files/files.ts";
import { lackingHosts, sync } from "../support/hosts/hosts.ts";
import { attach, lackingLoop, type Loop } from "../support/files/loop.ts";
import { lacking, system } from "../support/programs/tools.ts";

const MIB = 2 ** 20;

/** A disk with two partitions of 4 MiB, at 1 and 5 MiB, and loop devices over parts of it. */
interface Disk {
  folder: string;
  image: string;
  disk: Loop;
  first: string;
  second: string;
  /** Attached to the same image, from 1 MiB on. */
  inside: string;
  /** Attached to the disk, at the place of the second partition. */
  above: string;
  /** Attached to the image, after the second partition. */
  end: string;
}

function partition(t: TestContext, of: string, number: number, start: number): string {
  system("addpart", of, `${number}`, `${(start * MIB) / 512}`, `${(4 * MIB) / 512}`);
  defer(t, () => onceFree(() => system("delpart", of, `${number}`)));
  return `${of}p${number}`;
}

function part(t: TestContext, of: string, start: number, length: number): string {
  const place = ["--offset", `${start * MIB}`, "--sizelimit", `${length * MIB}`];
  const path = system("losetup", "--find", "--show", ...place, of).trim();
  defer(t, () => system("losetup", "--detach", path));
  return path;
}

function makeDisk(t: TestContext): Disk {
  const folder = scratch(t);
  const image = join(folder, "image");
  writeFileSync(image, noise("disk", 12 * MIB));
  const found = attach(t, image);
  return {
    folder,
    image,
    disk: found,
    first: partition(t, found.path, 1, 1),
    second: partition(t, found.path, 2, 5),
    inside: part(t, image, 1, 4),
    above: part(t, found.path, 5, 4),
    end: part(t, image, 9, 2),
  };
}

test(
  "two ends that share bytes are refused before the first write",
  { skip: lackingLoop },
  async (t) => {
    const made = makeDisk(t);
    const { folder, image, first, second, inside, above } = made;
    const whole = made.disk.path;
    const expected = readFileSync(image);
    const cases: [string, string, string, string[]?][] = [
      [first, whole, `${first} is a partition of ${whole}`],
      [whole, first, `${first} is a partition of ${whole}`, ["--end", "4M"]],
      [whole, image, `${whole} is a loop device on ${image}`],
      [image, whole, `${whole} is a loop device on ${image}`],
      [inside, image, `${inside} is a loop device on ${image}`],
      [first, image, `${first} lies on ${image}`],
      [inside, first, `${inside} and ${first} share bytes of ${image}`],
      [above, second, `${above} and ${second} share bytes of ${whole}`],
      [whole, above, `${above} is a loop device on ${whole}`, ["--end", "4M"]],
    ];
    for (const [from, to, sentence, words = ["--allow-larger"]] of cases) {
      for (const how of to === whole ? [[], ["-n"]] : [[]]) {
        const outcome = await run(["sync", "--force", ...how, ...words, from, to]);
        assert.equal(outcome.code, EXIT.usage, `${from} ${to}: ${outcome.stderr}`);
        assert.ok(
          outcome.stderr.includes(
            `${sentence}: writing to one overwrites the other; choose a destination that lies elsewhere`,
          ),
          outcome.stderr,
        );
      }
    }
    const map = join(folder, "map");
    writeFileSync(map, "0 131072\n");
    for (const words of [
      ["--allow-larger", "--streams", "3"],
      ["--allow-larger", "--ranges", map],
      ["--truncate"],
    ]) {
      const outcome = await run(["sync", "--force", ...words, first, image]);
      assert.equal(outcome.code, EXIT.usage, `${words.join(" ")}: ${outcome.stderr}`);
      assert.ok(outcome.stderr.includes(`${first} lies on ${image}: `), outcome.stderr);
    }
    // Without --force, too, nothing suggests it where it does not help.
    const unforced = await run(["sync", whole, image]);
    assert.equal(unforced.code, EXIT.usage, unforced.stderr);
    assert.ok(unforced.stderr.includes(`${whole} is a loop device on ${image}: `), unforced.stderr);
    // Between stages, something else may be in the way first; it is refused all the same.
    const outcome = await run(["sync", "--allow-larger", first, image]);
    assert.ok([EXIT.usage, EXIT.busy].includes(outcome.code as never), outcome.stderr);
    system("sync");
    assertSame(readFileSync(image), expected, "the disk");
  },
);

test("two of one size, without any stage", { skip: lackingLoop }, async (t) => {
  const { first, inside, image } = makeDisk(t);
  const expected = readFileSync(image);
  const outcome = await run(["sync", "--force", first, inside]);
  assert.equal(outcome.code, EXIT.usage, outcome.stderr);
  assert.match(outcome.stderr, new RegExp(`${first} and ${inside} share bytes of ${image}: `));
  assertSame(readFileSync(image), expected, "the disk");
});

test("neighbours on one disk are copied", { skip: lackingLoop }, async (t) => {
  const { first, second, end, image } = makeDisk(t);
  const content = readFileSync(image);
  for (const words of [[], ["--verify", "full"]]) {
    // The loop devices over both of them are a use of its own.
    const outcome = await run(["sync", "--force", ...words, first, second]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  }
  const outcome = await run(["sync", "--force", "--allow-larger", end, first]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  system("sync");
  const copied = readFileSync(image);
  assertSame(copied.subarray(5 * MIB, 9 * MIB), content.subarray(MIB, 5 * MIB), "the second");
  assertSame(copied.subarray(MIB, 3 * MIB), content.subarray(9 * MIB, 11 * MIB), "the first");
});

test("between hosts that are one", { skip: lackingLoop || lackingHosts }, async (t) => {
  const made = makeDisk(t);
  const { first, image } = made;
  const whole = made.disk.path;
  const expected = readFileSync(image);
  for (const [from, to] of [
    [`one:${first}`, `two:${whole}`],
    [first, `one:${whole}`],
  ] as const) {
    const outcome = await sync(["--force", "--allow-larger", from, to]);
    assert.equal(outcome.code, EXIT.usage, outcome.stderr);
    assert.ok(outcome.stderr.includes(`${first} is a partition of ${whole}: `), outcome.stderr);
  }
  system("sync");
  assertSame(readFileSync(image), expected, "the disk");
});

test(
  "a file and the device that its file system is on",
  { skip: lackingLoop || lacking("mkfs.ext4") },
  async (t) => {
    const folder = scratch(t);
    const image = join(folder, "image");
    writeFileSync(image, Buffer.alloc(0));
    truncateSync(image, 8 * MIB);
    const device = attach(t, image).path;
    system("mkfs.ext4", "-q", device);
    const point = join(folder, "mounted");
    mkdirSync(point);
    mountAt(t, point, device);
    const [file, other] = [join(point, "file"), join(point, "other")];
    writeFileSync(file, noise("file", MIB));
    writeFileSync(other, Buffer.alloc(MIB));
    const sentence = `${file} is a file on ${device}: `;
    for (const [from, to] of [
      [file, device],
      [device, file],
    ] as const) {
      const outcome = await run(["sync", "--force", "--allow-larger", "--end=4096", from, to]);
      assert.equal(outcome.code, EXIT.usage, outcome.stderr);
      assert.ok(outcome.stderr.includes(sentence), outcome.stderr);
    }
    const made = join(point, "new");
    for (const how of [["-n"], []]) {
      const outcome = await run(["sync", "--force", "--create", ...how, device, made]);
      assert.equal(outcome.code, EXIT.usage, outcome.stderr);
      assert.ok(outcome.stderr.includes(`${made} is a file on ${device}: `), outcome.stderr);
      assert.ok(!existsSync(made), how.join(" "));
    }
    const outcome = await run(["sync", file, other]);
    assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  },
);
