// Names of files are bytes: from the command line to open(2), here and on other hosts, whatever shell answers there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { bytesOf, decodedName, encodedName, nameOf } from "../../src/native/names.ts";
import { NOTHING_SENT } from "../../src/sync/connection/host-lines.ts";
import { type RemoteOptions, stageCommand } from "../../src/sync/connection/remote-command.ts";
import { legacyCommand } from "../../src/sync/legacy/legacy-command.ts";
import {
  assertFailed,
  bash,
  blockcopy,
  EXIT,
  isSingle,
  type Outcome,
  quote,
  run,
} from "../support/programs/cli.ts";
import { BLOCK, noise, scratch } from "../support/files/files.ts";
import { SHELLS } from "../support/programs/shells.ts";
import { installed, lackingRoot } from "../support/programs/tools.ts";

const SOURCE = noise("named", 3 * BLOCK + 5);

/** Latin-1, the sign for what is no UTF-8, a surrogate in what looks like UTF-8, a sequence cut off, and what shells look at. */
const NAMES = {
  "Latin-1": Buffer.from("gr\xF6\xDFe.img", "latin1"),
  "U+FFFD itself": Buffer.from("\uFFFD.img"),
  "a surrogate": Buffer.from("\xED\xB3\xB6x", "latin1"),
  "a cut sequence": Buffer.from("a\xE2\x82", "latin1"),
  "all that shells look at": Buffer.from("\xFF\\'; touch PWN; # !x $(touch PWN)\n%41~\n", "latin1"),
};

/** A word for bash that stands for these bytes. */
function word(bytes: Buffer): string {
  return `$'${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}'`;
}

/** The names in a folder, as bytes. */
function listing(folder: string | Buffer): string[] {
  return readdirSync(folder, { encoding: "buffer" })
    .map((name) => name.toString("latin1"))
    .toSorted();
}

/** Runs `words`, of bash, with a folder named in Latin-1 as the current one, and returns what that has then. */
async function inFolder(
  t: TestContext,
  files: Buffer[],
  words: string,
): Promise<[Outcome, string[], string]> {
  const folder = scratch(t);
  const inner = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from("d\xE9", "latin1")]);
  mkdirSync(inner);
  for (const name of files) writeFileSync(Buffer.concat([inner, Buffer.from("/"), name]), SOURCE);
  const outcome = await bash(`cd ${word(inner)} && ${words}`);
  return [outcome, listing(inner), folder];
}

test("every option takes a name with all that shells look at", async (t) => {
  const name = NAMES["all that shells look at"];
  const latin = name.toString("latin1");
  const named = (ending: string): string => word(Buffer.concat([name, Buffer.from(ending)]));
  const script = [
    // The stages here are started by names, and keep their digests and reports under names.
    `${blockcopy("sync", "-q", "--create", "--digest-cache")} ${named(".cache")} --metrics ${named(".prom")} --map-file=${named(".svg")} ${word(name)} ${named(".copy")}`,
    `cmp ${word(name)} ${named(".copy")}`,
    `printf x | dd of=${named(".copy")} conv=notrunc status=none`,
    `${blockcopy("sync", "-q", "--delta")} ${named(".delta")} ${word(name)} ${named(".copy")}`,
    `TMPDIR=$PWD ${blockcopy("save", "--update-digests")} ${named(".digests")} ${named(".copy")} < ${named(".delta")}`,
    `cmp ${word(name)} ${named(".copy")}`,
    `${blockcopy("inspect", "--summary")} ${named(".delta")} > /dev/null`,
    `${blockcopy("checksum", "--extended", "--cached")} ${named(".digests")} ${named(".copy")} > /dev/null`,
    `echo 0 131072 > ${named(".ranges")}`,
    `${blockcopy("sync", "-q", "--ranges")} ${named(".ranges")} ${word(name)} ${named(".copy")}`,
  ].join(" && ");
  const [outcome, found] = await inFolder(t, [name], script);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const endings = ["", ".cache", ".copy", ".delta", ".digests", ".prom", ".ranges", ".svg"];
  assert.deepEqual(
    found,
    endings.map((ending) => latin + ending),
  );
});

test("a file with any name is copied, and no other one made", async (t) => {
  const copies = Object.values(NAMES).map((name) => word(Buffer.concat([name, Buffer.from("2")])));
  const words = Object.values(NAMES).map((name, at) => `${word(name)} ${copies[at]}`);
  const script = words.map(
    (pair) => `${blockcopy("sync", "-q", "--create")} ${pair} && cmp ${pair}`,
  );
  const [outcome, found] = await inFolder(t, Object.values(NAMES), script.join(" && "));
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const names = Object.values(NAMES).map((name) => name.toString("latin1"));
  assert.deepEqual(found, names.flatMap((name) => [name, `${name}2`]).toSorted());
});

test("a name that is missing, or refused, is shown byte for byte", async (t) => {
  const [outcome] = await inFolder(t, [], `${blockcopy("checksum", "--root")} $'gr\\xf6n'`);
  assertFailed(outcome, EXIT.missing, "checksum", /cannot open gr\\xf6n: /);
});

test(
  "without /proc, a name that is not UTF-8 is refused, and others are taken",
  { skip: isSingle || lackingRoot("unshare") },
  async (t) => {
    const hidden = (script: string): string =>
      `unshare -m sh -c ${quote([`mount -t tmpfs none /proc && ${script}`])}`;
    const [refused, found] = await inFolder(
      t,
      [],
      hidden(`${blockcopy("sync", "--create", "/etc/hostname")} "$(printf 'n\\351')"`),
    );
    assertFailed(
      refused,
      EXIT.usage,
      "sync",
      /is not UTF-8, and its bytes cannot be read .*: mount \/proc/,
    );
    assert.deepEqual(found, []);
    const [taken] = await inFolder(
      t,
      [Buffer.from("größe")],
      hidden(blockcopy("checksum", "--root", "größe")),
    );
    assert.equal(taken.code, EXIT.ok, taken.stderr);
  },
);

test("a name of a host without a file is refused, and says how to mean either", async (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, "a"), SOURCE);
  for (const ends of [
    ["a", "root@host"],
    ["root@[::1]", "a"],
    ["a", "@host"],
    ["C:\\disk", "a"],
  ]) {
    const outcome = await run(["sync", "--create", ...ends], { cwd: folder });
    assertFailed(outcome, EXIT.usage, "sync", /HOST:PATH|:PATH/, /\.\//);
  }
  assert.deepEqual(listing(folder), ["a"]);
  const outcome = await run(["sync", "-q", "--create", "a", "./root@host"], { cwd: folder });
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  assert.deepEqual(listing(folder), ["a", "root@host"]);
});

/** Bytes that a path may have. */
const path = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }).map((byte) => Buffer.from([byte])),
      fc
        .constantFrom(
          "\\'",
          "\\\\",
          "!",
          "!!",
          "'",
          '"',
          "$(x)",
          "`x`",
          "\n",
          " ",
          "~",
          "%41",
          "\\0041",
          "é",
          "\uFFFD",
        )
        .map((text) => Buffer.from(text)),
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

test("bytes become strings and come back", () => {
  fc.assert(
    fc.property(path, (bytes) => {
      assert.deepEqual(bytesOf(nameOf(bytes)), bytes);
      const encoded = encodedName(nameOf(bytes));
      assert.match(encoded, /^[A-Za-z0-9_./%-]*$/);
      assert.equal(decodedName(encoded), nameOf(bytes));
    }),
  );
  for (const text of ["%", "%4", "%zz", "a b", "%00", "~", "ö"])
    assert.equal(decodedName(text), undefined);
});

const END = { kind: "remote", user: undefined, host: "h", port: undefined } as const;
/** The command that runs there prints its arguments. */
const FAR: RemoteOptions = {
  rsh: "rsh",
  remoteCommand: "env printf %s\\\\0",
  sudo: false,
  bootstrap: "never",
  timeout: 0,
};

for (const [shell, ...options] of SHELLS) {
  const skip = installed(shell) ? false : `needs ${shell}: install it`;
  /** The arguments of what a command for another host runs there, where `shell` answers. */
  const through = (command: readonly string[]): Buffer[] => {
    const line = command.at(-1) ?? "";
    const printed = execFileSync(shell, [...options, "-c", line], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return printed
      .toString("latin1")
      .split("\0")
      .slice(0, -1)
      .map((argument) => Buffer.from(argument, "latin1"));
  };
  /** The path that a stage is handed. */
  const handed = (words: string[]): string => {
    const file = words.at(-1) ?? "";
    const home = words.includes("--home") ? (words[words.indexOf("--home") + 1] ?? "") : "";
    return words.includes("--encoded") ? home + (decodedName(file) ?? "") : file;
  };

  test(`a stage is handed its file byte for byte by ${shell}`, { skip }, () => {
    fc.assert(
      fc.property(path, (bytes) => {
        // A home folder at the beginning is looked up, and the size of what is there is compared.
        fc.pre(bytes[0] !== 0x7e && !existsSync(bytes));
        const stage = stageCommand(
          { ...END, path: nameOf(bytes) },
          ["retrieve"],
          FAR,
          NOTHING_SENT,
        );
        assert.deepEqual(bytesOf(handed(through(stage).map(nameOf))), bytes);
        const command = legacyCommand(
          { ...END, path: nameOf(bytes) },
          { words: ["save"], size: { here: 1, is: "source", sizes: "same" }, unmounted: true },
          FAR,
        );
        const dashed = bytes[0] === 0x2d ? Buffer.concat([Buffer.from("./"), bytes]) : bytes;
        assert.deepEqual(through(command), [Buffer.from("save"), dashed]);
      }),
      { numRuns: 8 },
    );
  });

  test(`a home folder is looked up by ${shell}`, { skip }, () => {
    for (const rest of ["/x", "/a \\'!b\n"])
      for (const home of ["~", "~root"]) {
        const end = { ...END, path: home + rest };
        const folder = execFileSync("bash", ["-c", `echo ${home}`], { encoding: "utf8" }).trim();
        assert.equal(
          handed(through(stageCommand(end, ["retrieve"], FAR, NOTHING_SENT)).map(nameOf)),
          folder + rest,
        );
        assert.equal(
          through(legacyCommand(end, { words: ["save"] }, FAR))
            .at(-1)
            ?.toString(),
          folder + rest,
        );
      }
  });
}

for (const shell of ["fish", "tcsh"]) {
  for (const wire of ["", "0.0.2"]) {
    test(
      `between hosts where ${shell} answers, names are bytes, on the wire ${wire || "of today"}`,
      { skip: installed(shell) ? false : `needs ${shell}: install it` },
      async (t) => {
        const name = NAMES["all that shells look at"];
        const copy = word(Buffer.concat([name, Buffer.from("2")]));
        const rsh = `./rsh`;
        const plain =
          wire === ""
            ? `--create --digest-cache ${word(Buffer.concat([name, Buffer.from("c")]))}`
            : `--wire ${wire}`;
        const words = [
          `printf '#!/bin/sh\\nshift\\nexec ${shell} -c "$*"\\n' > rsh && chmod +x rsh`,
          ...(wire === "" ? [] : [`truncate -s ${SOURCE.length} ${copy}`]),
          `${blockcopy("sync", "-q", "-e", rsh, "--remote-command")} ${quote([blockcopy()])} ${plain} h:${word(name)} h:${copy}`,
          `cmp ${word(name)} ${copy}`,
        ];
        const [outcome, found, folder] = await inFolder(t, [name], words.join(" && "));
        assert.equal(outcome.code, EXIT.ok, outcome.stderr);
        const latin = name.toString("latin1");
        assert.deepEqual(
          found,
          ["rsh", latin, `${latin}2`, ...(wire === "" ? [`${latin}c`] : [])].toSorted(),
        );
        assert.deepEqual(listing(folder), ["d\xE9"]);
      },
    );
  }
}
