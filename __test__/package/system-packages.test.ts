// The files of the Debian and RPM packages. `npm run test:packages` installs the packages themselves.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { engineFileOf, platformName } from "../../src/native/platform.ts";
import { type Architecture, platformOf } from "../../scripts/packages/architectures.ts";
import { stage } from "../../scripts/packages/staging.ts";
import { scratch } from "../support/files/files.ts";
import { execute, PROJECT } from "../support/programs/cli.ts";

interface Description {
  contents: { src?: string; dst: string; type?: string; packager?: string }[];
}

const here: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const engine = join("npm", platformName(platformOf(here)), engineFileOf(platformOf(here)));
const skip = existsSync(join(PROJECT, engine)) ? false : `${engine} is not built`;

test("the packages get all files that are made for them, and no others", { skip }, (t) => {
  const folder = scratch(t);
  stage(folder, here, {
    version: "1.2.3",
    date: new Date(0),
    maintainer: "Jane Doe <jane@example.org>",
    homepage: "",
  });
  const staged = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const { contents } = parse(
    readFileSync(join(PROJECT, "scripts/packages/nfpm.yaml"), "utf8"),
  ) as Description;
  for (const kind of ["deb", "rpm"]) {
    const left = new Set(staged);
    for (const { src, dst, type, packager } of contents) {
      if (src === undefined || type === "symlink" || (packager ?? kind) !== kind) continue;
      const pattern = new RegExp(
        type === "tree"
          ? `^${src}/`
          : `^${src.replaceAll(".", String.raw`\.`).replaceAll("*", "[^/]*")}$`,
      );
      const found = staged.filter((name) => pattern.test(name));
      assert.ok(found.length > 0, `${kind}: nothing for ${dst}`);
      for (const name of found) left.delete(name);
    }
    // nfpm makes the changelog of the package from it; lintian is Debian's.
    left.delete("changelog.yaml");
    if (kind === "rpm") left.delete("lintian-overrides");
    assert.deepEqual([...left], [], kind);
  }
  for (const name of staged) {
    const content = readFileSync(join(folder, name));
    const { mode } = statSync(join(folder, name));
    const script = content.toString("latin1", 0, 2) === "#!";
    assert.equal(mode & 0o777, script ? 0o755 : 0o644, name);
    // A date in a compressed file would make every build another one.
    if (name.endsWith(".gz")) assert.equal(content.readUInt32LE(4), 0, name);
  }
  const unit = readFileSync(join(folder, "systemd/blockcopy@.service"), "utf8");
  assert.match(unit, /^ExecStart=\/usr\/bin\/blockcopy sync /m);
});

test("a package that cannot be made is refused in one line", async () => {
  const words = ["--import", "tsx", "scripts/packages/build.ts", "deb", "vax"];
  const { code, stderr } = await execute([process.execPath, ...words], { cwd: PROJECT });
  assert.equal(code, 1);
  assert.equal(stderr, "ERROR: unknown architecture vax; expected amd64, arm64\n");
});
