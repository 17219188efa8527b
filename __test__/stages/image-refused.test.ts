// Images that are refused.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { DISK, disks, type Disks } from "../support/files/images.ts";
import { assertFailed, EXIT, run } from "../support/programs/cli.ts";
import { qemuNbd } from "../support/programs/nbd.ts";
import { lacking, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

const skip = lacking("qemu-img", "qemu-nbd");

const REFUSED: [name: string, code: number, says: RegExp, words: (d: Disks) => string[]][] = [
  [
    "a backing file of a hostile guest",
    EXIT.differs,
    /a backing file, \/etc\/passwd/,
    ({ at }) => {
      const path = at("hostile.qcow2");
      system("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", path, "1M");
      return ["checksum", "--format=qcow2", path];
    },
  ],
  [
    "an external data file",
    EXIT.differs,
    /its external data file/,
    ({ at }) => {
      const [path, data] = [at("other.qcow2"), at("data")];
      const option = `data_file=${data}`;
      system("qemu-img", "create", "-f", "qcow2", "-o", option, path, "1M");
      return ["checksum", "--format=qcow2", path];
    },
  ],
  [
    "a descriptor that names other files",
    EXIT.differs,
    /only names the files/,
    ({ at }) => {
      const path = at("hostile.vmdk");
      writeFileSync(path, '# Disk DescriptorFile\nRW 8 FLAT "/etc/passwd" 0\n');
      return ["checksum", "--format=vmdk", path];
    },
  ],
  ...["qcow2", "vmdk", "vdi"].map((format): (typeof REFUSED)[number] => [
    `a ${format} image that is cut off, which would read as zeros`,
    format === "vdi" ? EXIT.differs : EXIT.io,
    format === "vdi" ? /is cut off at/ : /end of the file|after EOF/,
    ({ image }) => {
      const path = image(`cut.${format}`);
      truncateSync(path, statSync(path).size - MIB);
      return ["checksum", `--format=${format}`, path];
    },
  ]),
  [
    "auto for a raw disk whose guest has written the header of an image",
    EXIT.usage,
    /a guest can make its raw disk/,
    ({ at, image }) => {
      writeFileSync(at("guest.img"), readFileSync(image("x.qcow2")));
      return ["checksum", "--format=auto", at("guest.img")];
    },
  ],
  [
    "auto for a name without an image",
    EXIT.usage,
    /begins like no image, and its name ends with \.qcow2/,
    ({ at, raw }) => {
      writeFileSync(at("raw.qcow2"), readFileSync(raw));
      return ["checksum", "--format=auto", at("raw.qcow2")];
    },
  ],
  [
    "another format",
    EXIT.differs,
    /is not a vmdk image: it begins like qcow2/,
    ({ image }) => ["checksum", "--format=vmdk", image("x.qcow2")],
  ],
  [
    "a raw file as an image",
    EXIT.differs,
    /it begins like none/,
    ({ raw }) => ["checksum", "--format=qcow2", raw],
  ],
  ...[
    "--truncate",
    "-t",
    "-p",
    "-o",
    "-g",
    "--lock",
    "--direct=on",
    "--digest-cache=/nowhere/x",
    "--streams=2",
  ].map((option): (typeof REFUSED)[number] => [
    option,
    EXIT.usage,
    /does not work with --destination-format qcow2/,
    ({ raw, image }) => ["sync", "--destination-format=qcow2", option, raw, image("x.qcow2")],
  ]),
  [
    "--snapshot",
    EXIT.usage,
    /--snapshot does not work with/,
    ({ raw, image }) => ["sync", "--source-format=qcow2", "--snapshot=auto", image("x.qcow2"), raw],
  ],
  [
    "an export",
    EXIT.usage,
    /the server of an export decides/,
    ({ raw }) => ["sync", "--source-format=qcow2", "nbd+unix:///?socket=/nowhere", raw],
  ],
  [
    "another size of the disk",
    EXIT.usage,
    /has 8388608 bytes/,
    ({ raw, image }) => [
      "sync",
      "--destination-format=qcow2",
      raw,
      image("small.qcow2", DISK.subarray(0, MIB)),
    ],
  ],
];

test("what is refused of images", { skip }, async (t) => {
  const { image, ...rest } = disks(t);
  const isMade = (name: string): boolean => existsSync(rest.at(name));
  const shared: Disks = {
    ...rest,
    image: (name, content) => (isMade(name) ? rest.at(name) : image(name, content)),
  };
  for (const [name, code, says, words] of REFUSED) {
    const args = words(shared);
    const outcome = await run(args);
    const command = args[0] ?? "";
    assert.equal(outcome.code, code, `${name}: ${outcome.stderr}`);
    assertFailed(outcome, code, command, says);
  }
});

test("an image that a virtual machine uses is refused", { skip }, async (t) => {
  const { raw, image } = disks(t);
  const path = image("used.qcow2");
  await qemuNbd(t, path);
  for (const [args, says] of [
    [["--source-format=qcow2", path, raw], /copy a snapshot of it/],
    [["--destination-format=qcow2", raw, path], /has it or a part of it open for writing/],
    [["--destination-format=qcow2", "--force", raw, path], /no option overrides its lock/],
  ] as const)
    assertFailed(await run(["sync", ...args]), EXIT.busy, "sync", says);
});
