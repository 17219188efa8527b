// Images that a copy creates, because its destination does not exist.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { noise, scratch } from "../support/files/files.ts";
import { DISK } from "../support/files/images.ts";
import { environmentHere, lackingHosts, prefixHere } from "../support/hosts/hosts.ts";
import {
  assertFailed,
  assertSucceeded,
  bash,
  blockcopy,
  EXIT,
  run,
} from "../support/programs/cli.ts";
import { bytesSent } from "../support/programs/sync-pair.ts";
import { lacking, lackingRoot, system } from "../support/programs/tools.ts";

const MIB = 1024 * 1024;

const skip = lacking("qemu-img", "qemu-nbd");

/** Makes a folder with a disk of this content. */
function folderWith(
  t: TestContext,
  content: Buffer = DISK,
): { folder: string; raw: string; at: (name: string) => string } {
  const folder = scratch(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("disk"), content);
  return { folder, raw: at("disk"), at };
}

/** The content and the size of the disk in an image. */
function diskIn(image: string): { content: Buffer; size: number } {
  const to = `${image}.raw`;
  system("qemu-img", "convert", "-O", "raw", image, to);
  const content = readFileSync(to);
  rmSync(to);
  const info: unknown = JSON.parse(system("qemu-img", "info", "--output=json", image));
  return {
    content,
    size: (info as { "virtual-size": number })["virtual-size"],
  };
}

function assertHasDisk(image: string, content: Buffer = DISK): void {
  const found = diskIn(image);
  assert.equal(found.size, content.length, "the size of the disk in the image");
  assertSame(found.content, content, "the disk in the image");
}

for (const format of ["qcow2", "vmdk", "vhdx", "vdi"])
  test(`sync --create makes a ${format} image`, { skip }, async (t) => {
    const { raw, at } = folderWith(t);
    const path = at(`new.${format}`);
    const words = ["--create", `--destination-format=${format}`, raw, path];
    assertSucceeded(await run(["sync", ...words]));
    assertHasDisk(path);
    const { mode, blocks } = statSync(path);
    assert.equal(mode & 0o7777, 0o600);
    assert.ok(blocks * 512 < 6 * MIB, `zeros take no space: ${blocks * 512} bytes`);
    if (format === "vmdk") assert.match(system("head", "-c", "4096", path), /SPARSE "new\.vmdk"/);
  });

test(
  "a dry run says that the image is created, and a later copy compares it",
  { skip },
  async (t) => {
    const { raw, at } = folderWith(t);
    const words = ["--create", "--destination-format=qcow2", raw, at("new.qcow2")];
    const dry = await run(["sync", "-n", ...words]);
    assert.equal(dry.code, EXIT.ok, dry.stderr);
    assert.match(dry.stderr, /new\.qcow2 does not exist: the copy creates it, as a qcow2 image/);
    assert.match(dry.stdout.toString(), /8\.00 MiB\) differ, 4\.00 MiB would be sent/);
    assert.ok(!existsSync(at("new.qcow2")), "a dry run creates nothing");
    assertSucceeded(await run(["sync", ...words]));
    const again = await run(["sync", "--stats", ...words]);
    assertSucceeded(again);
    assert.ok(bytesSent(again) < MIB, "an existing image is compared");
  },
);

test(
  "a new image by its name, verified, with a range map, and with a strange name",
  { skip },
  async (t) => {
    const { folder, raw, at } = folderWith(t);
    writeFileSync(at("map"), "0 1048576\n");
    for (const [name, ...options] of [
      ["auto.qcow2", "--destination-format=auto", "--verify=full"],
      ["audited.qcow2", "--destination-format=qcow2", `--ranges=${at("map")}`, "--audit=50%"],
      ["json:{}", "--destination-format=qcow2"],
      ["-o \"a,b'$x", "--destination-format=vmdk"],
    ] as const) {
      const words = [
        "sync",
        "--create",
        ...options,
        "--",
        raw,
        name.startsWith("json:") ? `./${name}` : name,
      ];
      const outcome = await run(words, { cwd: folder });
      assert.equal(outcome.code, EXIT.ok, outcome.stderr);
      assertHasDisk(at(name));
    }
    assertSucceeded(
      await run(["sync", "--create", "--destination-format=auto", raw, at("new.img")]),
    );
    assert.equal(statSync(at("new.img")).size, DISK.length, "a raw file, by its name");
  },
);

test("a new image on another host", { skip: lackingHosts || skip }, async (t) => {
  const { raw, at } = folderWith(t);
  const words = [
    "sync",
    "--create",
    "--destination-format=qcow2",
    `one:${raw}`,
    `two:${at("it's new.qcow2")}`,
  ];
  assertSucceeded(await run(words, { prefix: prefixHere(), env: environmentHere() }));
  assertHasDisk(at("it's new.qcow2"));
});

test("what is refused creates nothing", { skip }, async (t) => {
  const { raw, at, folder } = folderWith(t);
  writeFileSync(at("odd"), Buffer.alloc(MIB + 100, 1));
  writeFileSync(at("empty"), "");
  system("qemu-img", "create", "-q", "-f", "qcow2", at("unmade.qcow2"), "0");
  symlinkSync(at("nowhere"), at("link.qcow2"));
  const before = readdirSync(folder);
  const create = ["--create", "--destination-format=qcow2"];
  for (const [code, says, ...words] of [
    [
      EXIT.usage,
      /has 1048676 bytes, and the disk in an image a multiple of 512/,
      ...create,
      at("odd"),
      at("x.qcow2"),
    ],
    [EXIT.usage, /a multiple of 512/, "-n", ...create, at("odd"), at("x.qcow2")],
    [EXIT.usage, /has 0 bytes/, ...create, at("empty"), at("x.qcow2")],
    [
      EXIT.missing,
      /nowhere does not exist; if .*`mkdir -p`/,
      ...create,
      raw,
      at("nowhere/x.qcow2"),
    ],
    [EXIT.missing, /link\.qcow2/, ...create, raw, at("link.qcow2")],
    [
      EXIT.missing,
      /--create creates a missing file/,
      "--destination-format=qcow2",
      raw,
      at("x.qcow2"),
    ],
    [EXIT.differs, /is not a qcow2 image: it is empty; remove it/, ...create, raw, at("empty")],
    [EXIT.usage, /unmade.*disk has 0 bytes; .*--create/, ...create, raw, at("unmade.qcow2")],
    [EXIT.usage, /a delta for an image/, `--delta=${at("delta")}`, ...create, raw, at("x.qcow2")],
    [EXIT.missing, /\/dev\/x\.qcow2/, ...create, raw, "/dev/x.qcow2"],
  ] as [number, RegExp, ...string[]][]) {
    assertFailed(await run(["sync", ...words]), code, "sync", says);
    assert.deepEqual(readdirSync(folder), before, `${words.join(" ")} leaves nothing`);
  }
  assertFailed(
    await run(["save", "--create", "--format=qcow2", at("x.qcow2")], { stdin: Buffer.alloc(0) }),
    EXIT.usage,
    "save",
    /only `sync` creates an image/,
  );
  for (const [command = "", ...words] of [
    ["compare", "--destination-format=qcow2", raw],
    ["checksum", "--format=qcow2"],
  ]) {
    const outcome = await run([command, ...words, at("x.qcow2")]);
    assertFailed(outcome, EXIT.missing, command, /check the name\s*$/);
  }
  assert.ok(lstatSync(at("link.qcow2")).isSymbolicLink());
});

test("a copy that fails before its first write removes the image", { skip }, async (t) => {
  const { raw, at, folder } = folderWith(t);
  const receive = blockcopy(
    "receive",
    "--create",
    "--format=qcow2",
    "--sizes=new",
    at("new.qcow2"),
  );
  for (const [bytes, stays] of [
    [300, false],
    [3 * MIB, true],
  ] as const) {
    const script = `cd '${folder}'; mkfifo p; ${receive} < p | ${blockcopy("retrieve", raw)} | head -c ${bytes} > p; echo "\${PIPESTATUS[0]}"; rm p`;
    const cut = await bash(script);
    assert.equal(cut.stdout.toString().trim(), String(EXIT.protocol), cut.stderr);
    assert.equal(existsSync(at("new.qcow2")), stays, `after ${bytes} bytes`);
  }
  assertSucceeded(
    await run(["sync", "--create", "--destination-format=qcow2", raw, at("new.qcow2")]),
  );
  assertHasDisk(at("new.qcow2"));
});

test(
  "programs of QEMU that are missing or fail, and a file that is replaced",
  { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare") },
  async (t) => {
    const { raw, at, folder } = folderWith(t);
    const [path, program] = [at("new.qcow2"), at("program")];
    system("qemu-img", "create", "-q", "-f", "qcow2", at("other"), String(DISK.length));
    const other = statSync(at("other")).ino;
    for (const [tool, script, code, says] of [
      [
        "qemu-img",
        "",
        EXIT.busy,
        /needs qemu-img, and this host does not have it; install qemu-utils/,
      ],
      [
        "qemu-img",
        "echo 'qemu-img: no luck' >&2; exit 1",
        EXIT.io,
        /as a qcow2 image of 8388608 bytes: no luck/,
      ],
      [
        "qemu-nbd",
        "echo 'no luck' >&2; exit 1",
        EXIT.io,
        /cannot write .*new\.qcow2 as qcow2: no luck/,
      ],
      [
        "qemu-img",
        `mv ${path} ${path}.mine; cp -l ${at("other")} ${path}`,
        EXIT.differs,
        /was replaced as soon as/,
      ],
    ] as const) {
      writeFileSync(program, `#!/bin/sh\n${script}\n`);
      chmodSync(program, script === "" ? 0o644 : 0o755);
      const setup = `mount --bind ${program} "$(readlink -f /usr/bin/${tool})" && exec "$@"`;
      const outcome = await run(["sync", "--create", "--destination-format=qcow2", raw, path], {
        prefix: ["unshare", "--mount", "sh", "-c", setup, "sh"],
      });
      assertFailed(outcome, code, "sync", says);
      if (!script.startsWith("mv"))
        assert.deepEqual(readdirSync(folder).toSorted(), ["disk", "other", "program"]);
    }
    assert.equal(statSync(path).ino, other, "what another program has put there stays");
  },
);

/** Runs a copy to a new image; while it checks that image, runs a script once. */
function runWhileChecked(
  at: (name: string) => string,
  words: readonly string[],
  script: string,
): ReturnType<typeof run> {
  const tool = system("readlink", "-f", "/usr/bin/qemu-img").trim();
  system("cp", tool, at("real"));
  rmSync(at("fifo"), { force: true });
  // No child of the copy, whose ancestors do not count as users of the image.
  writeFileSync(at("script"), `${script}; echo $? > ${at("fifo")}`);
  const once = `mkfifo ${at("fifo")}; (sh ${at("script")} &); cat ${at("fifo")} > ${at("code")}`;
  const check = `if [ "$1" = check ] && ! [ -e ${at("fifo")} ]; then ${once}; fi`;
  const program = `#!/bin/sh\n${check}\nexec ${at("real")} "$@"\n`;
  writeFileSync(at("program"), program, { mode: 0o755 });
  const setup = `mount --bind ${at("program")} ${tool} && exec "$@"`;
  return run(words, { prefix: ["unshare", "--mount", "sh", "-c", setup, "sh"] });
}

for (const [options, says] of [
  [[], /new\.qcow2: process .* open for writing/],
  [["--force"], /another copy is writing to .*new\.qcow2; wait/],
] as const)
  test(
    `a second copy ${options.length > 0 ? "with --force " : ""}refuses an image that the first may still remove`,
    { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare") },
    async (t) => {
      const { raw, at } = folderWith(t);
      writeFileSync(at("more"), noise("c", DISK.length));
      const words = ["--create", "--destination-format=qcow2", ...options];
      const second = blockcopy("sync", ...words, at("more"), at("new.qcow2"));
      const first = ["sync", ...words, raw, at("new.qcow2")];
      assertSucceeded(await runWhileChecked(at, first, `${second} > ${at("said")} 2>&1`));
      assert.equal(readFileSync(at("code"), "utf8").trim(), String(EXIT.busy));
      assert.match(readFileSync(at("said"), "utf8"), says);
      assertHasDisk(at("new.qcow2"));
    },
  );

test(
  "a new image that another program of QEMU uses stays",
  { skip: lackingRoot("qemu-img", "qemu-nbd", "unshare") },
  async (t) => {
    const { raw, at } = folderWith(t);
    const words = ["sync", "--create", "--destination-format=qcow2", raw, at("new.qcow2")];
    const [path, socket, pid] = [at("new.qcow2"), at("socket"), at("pid")];
    const server = `qemu-nbd --fork --persistent --pid-file=${pid} -k ${socket} -f qcow2 ${path}`;
    const failed = await runWhileChecked(at, words, `${server} > ${at("said")} 2>&1`);
    process.kill(Number(readFileSync(pid, "utf8")));
    assertFailed(failed, EXIT.busy, "sync", /no option overrides its lock/);
    assert.ok(existsSync(path));
  },
);
