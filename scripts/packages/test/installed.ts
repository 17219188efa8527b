// Uses the program where a package has installed it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CleanRoot } from "./clean-root.ts";

/** Folder for the files of a check, as it is seen inside of the root. */
const WORK = "/srv/work";

/** Stands for ssh to a host with the same programs, but without blockcopy: `sync` has to send it. */
const BARE_HOST = `#!/bin/sh
while [ "$1" != there ]; do shift; done
shift
[ -d ${WORK}/bin ] || { cp -as /usr/bin ${WORK}/bin && rm ${WORK}/bin/blockcopy; }
PATH=${WORK}/bin HOME=${WORK}/home exec sh -c "$*"
`;

/** Fails if the installed program, its manual, its completions or its units do not work. */
export function assertWorks(root: CleanRoot, version: string): void {
  assert.equal(root.run("blockcopy", "--version").trim(), `blockcopy ${version}`);
  copies(root);
  for (const command of ["", "-checksum", "-retrieve", "-save", "-sync"])
    assert.match(
      execFileSync(
        "gzip",
        ["-dc", join(root.folder, `usr/share/man/man1/blockcopy${command}.1.gz`)],
        {
          encoding: "utf8",
        },
      ),
      /^\.TH BLOCKCOPY/m,
    );
  const completions = "/usr/share/bash-completion/completions/blockcopy";
  assert.match(
    root.run("bash", "-c", `. ${completions} && complete -p blockcopy`),
    /complete .*blockcopy/,
  );
  const units = ["blockcopy@nightly.service", "blockcopy@nightly.timer"];
  assert.deepEqual(root.attempt("systemd-analyze", "verify", ...units), { code: 0, output: "" });
}

/** Copies with the three stages, on this host, and to one that has no blockcopy. */
function copies(root: CleanRoot): void {
  const work = join(root.folder, WORK);
  mkdirSync(join(work, "home"), { recursive: true });
  const content = randomBytes(3_000_001);
  writeFileSync(join(work, "source"), content);
  writeFileSync(join(work, "ssh"), BARE_HOST, { mode: 0o755 });
  const stages = "blockcopy checksum copy | blockcopy retrieve source | blockcopy save copy";
  for (const command of [
    stages,
    "blockcopy sync --quiet --verify full source copy",
    `blockcopy sync --quiet -e ${WORK}/ssh source there:${WORK}/copy`,
  ]) {
    writeFileSync(join(work, "copy"), Buffer.alloc(content.length));
    root.run("bash", "-o", "pipefail", "-c", `cd ${WORK} && ${command}`);
    assert.ok(readFileSync(join(work, "copy")).equals(content), `other bytes after ${command}`);
  }
  root.run("rm", "-r", WORK);
}

/** Fails if anything of the package is left after its removal. */
export function assertNothingLeft(root: CleanRoot): void {
  const left = root.run(
    "find",
    "/",
    "-xdev",
    "-path",
    "/var/log",
    "-prune",
    "-o",
    "-name",
    "*blockcopy*",
    "-print",
  );
  assert.equal(left, "");
}
