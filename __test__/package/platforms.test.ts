// The packages for the platforms: npm can choose between them, and what is built in them runs on every host of its platform.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  engineFileOf,
  libcOf,
  packageOf,
  platformHere,
  platformName,
  PLATFORMS,
} from "../../src/native/platform.ts";
import { NODE_RANGE, NODE_VERSIONS } from "../../src/native/node-version.ts";
import { glibcNeeded } from "../../src/sync/bootstrap/glibc.ts";
import { faultsOf } from "../../scripts/platforms/binary.ts";
import { readElf } from "../../scripts/platforms/elf.ts";
import { builtEngine } from "../../scripts/platforms/targets.ts";
import { PROJECT } from "../support/programs/cli.ts";
import { lacking } from "../support/programs/tools.ts";

interface Manifest {
  version: string;
  license: string;
  engines: { node: string };
  optionalDependencies: Record<string, string>;
}

const MAIN = read("package.json") as Manifest;

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(PROJECT, file), "utf8"));
}

test("npm finds one package for each platform, of exactly this version", () => {
  const { version, license, engines } = MAIN;
  const expected = PLATFORMS.map((platform) => [packageOf(platform), version]);
  assert.deepEqual(MAIN.optionalDependencies, Object.fromEntries(expected));

  const { packages } = read("package-lock.json") as {
    packages: Record<string, object>;
  };
  for (const platform of PLATFORMS) {
    const folder = `npm/${platformName(platform)}`;
    const { description, ...manifest } = read(`${folder}/package.json`) as { description: string };
    assert.match(description, /^The engine of blockcopy, built for (Linux|macOS) on /);
    // No scripts: npm may be told to run none.
    assert.deepEqual(manifest, {
      name: packageOf(platform),
      version,
      license,
      main: engineFileOf(platform),
      files: [engineFileOf(platform), "THIRD-PARTY-LICENSES.txt"],
      os: [platform.os],
      cpu: [platform.cpu],
      ...(platform.libc === undefined ? {} : { libc: [platform.libc] }),
      engines,
      type: "commonjs",
    });
    assert.ok(existsSync(join(PROJECT, folder, "README.md")));
    // In a checkout they are folders, whether or not they are in the registry.
    assert.deepEqual(packages[`node_modules/${packageOf(platform)}`], {
      resolved: folder,
      link: true,
    });
  }
});

test("the packages and the documents name the versions of Node that are supported", () => {
  // The packages for the platforms have the same range.
  assert.equal(MAIN.engines.node, NODE_RANGE);
  for (const file of ["README.md", "docs/manual.md"]) {
    const text = readFileSync(join(PROJECT, file), "utf8").replaceAll(/\s+/g, " ");
    assert.ok(text.includes(NODE_VERSIONS), `${file} does not name ${NODE_VERSIONS}`);
  }
});

const here = platformHere();

test("the platform of this host", () => {
  const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header
    .glibcVersionRuntime;
  const { platform: os, arch: cpu } = process;
  assert.deepEqual(here, { os, cpu, libc: glibc === undefined ? "musl" : "glibc" });
  assert.equal(libcOf(process.execPath), here?.libc);
  assert.equal(libcOf(join(PROJECT, "package.json")), undefined);
  assert.equal(libcOf("/nonexistent"), undefined);
});

const own = here && join(PROJECT, "npm", platformName(here), engineFileOf(here));

test("a build for this host alone is found out", { skip: here?.libc !== "glibc" }, () => {
  assert.ok(here !== undefined && own !== undefined);
  const content = readFileSync(own);
  const { versions, needed } = readElf(content);
  assert.ok(versions.includes(`GLIBC_${glibcNeeded(content) ?? ""}`));
  assert.ok(needed.includes("libc.so.6"));

  const foreign = here.cpu === "x64" ? "arm64" : "x64";
  const faults = faultsOf(content, { ...here, cpu: foreign, libc: "musl" }, "2.17");
  assert.match(faults.join("\n"), /not for arm64\n.*needs the library libc\.so\.6\n/s);
  assert.match(faultsOf(content, here, "2.2").join("\n"), /needs GLIBC_2\.\d+/);
  assert.throws(() => readElf(Buffer.from("no engine")), /expected an ELF file/);
  assert.throws(() => readElf(content.subarray(0, 1000)), RangeError);
});

/** Returns a file of macOS that needs a library, a symbol of another one, and a version of macOS. */
function machO(library: string, symbol: string, [major, minor]: readonly [number, number]): Buffer {
  const path = Buffer.from(`${library}\0`.padEnd(64, "\0"));
  const symbols = Buffer.alloc(16);
  // An undefined symbol that others see, of the library that comes second.
  symbols.set([0, 0, 0, 0, 0x01, 0, 0, 2]);
  const words = (...numbers: number[]): Buffer => Buffer.from(Uint32Array.from(numbers).buffer);
  const needs = Buffer.concat([words(0xc, 24 + path.length, 24, 0, 0, 0), path]);
  const build = words(0x32, 24, 1, (major << 16) | (minor << 8), 0, 0);
  const length = 32 + needs.length + build.length + 24;
  const table = words(2, 24, length, 1, length + symbols.length, symbol.length + 1);
  const header = words(0xfeed_facf, 0x0100_000c, 0, 6, 3, length - 32, 0, 0);
  return Buffer.concat([header, needs, build, table, symbols, Buffer.from(`${symbol}\0`)]);
}

test("a library that not every Mac can load is found out", () => {
  const platform = { os: "darwin", cpu: "arm64" } as const;
  const file = machO("/usr/lib/libiconv.2.dylib", "_iconv_open", [13, 1]);
  assert.deepEqual(faultsOf(file, platform), [
    "needs the library /usr/lib/libiconv.2.dylib",
    "needs _iconv_open",
    "needs macOS 13.1",
    "registers nothing with Node",
    "has no signature that fits",
  ]);
  const system = machO("/usr/lib/libSystem.B.dylib", "_napi_throw", [11, 0]);
  assert.deepEqual(faultsOf(system, platform), [
    "registers nothing with Node",
    "has no signature that fits",
  ]);
  assert.match(faultsOf(system, { ...platform, cpu: "x64" }).join(), /^is for CPU 16777228/);
  assert.throws(() => faultsOf(Buffer.from("no engine"), platform), /expected a Mach-O file/);
  assert.throws(() => faultsOf(file.subarray(0, 100), platform), RangeError);
});

for (const platform of PLATFORMS) {
  const name = platformName(platform);
  // The package of this host has what `npm run build` has built last.
  const file = join(PROJECT, builtEngine(platform));
  const skip = existsSync(file) ? false : `${name} is not built: npm run build:platforms`;
  test(`the engine for ${name} runs on every host of its platform`, { skip }, () => {
    const content = readFileSync(file);
    assert.deepEqual(faultsOf(content, platform), []);
    if (platform.os === "darwin" && platform.cpu === "arm64") {
      // In the code, as if it had been changed after it was signed.
      content[100_000] = (content[100_000] ?? 0) ^ 1;
      assert.deepEqual(faultsOf(content, platform), ["has no signature that fits"]);
    }
  });
}

const x64 = here?.cpu === "x64" ? lacking("objdump") : "this host is not x86-64";

test("only code that is chosen when it runs uses AVX", { skip: x64 }, () => {
  assert.ok(own !== undefined);
  const listing = execFileSync("objdump", ["--disassemble", "--no-show-raw-insn", own], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  const pages = new Set<string>();
  const wide = new Set<string>();
  for (const [, address = "", code = ""] of listing.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm)) {
    const page = address.slice(0, -3);
    pages.add(page);
    if (/^v.*%xmm|%[yz]mm/.test(code)) wide.add(page);
  }
  // The kernels of SHA-3 and BLAKE3 are 4 % of the pages. Built with `-C target-cpu=x86-64-v3`, 45 % have such instructions.
  assert.ok(pages.size > 100 && wide.size > 0);
  assert.ok(wide.size < 0.1 * pages.size, `${wide.size} of ${pages.size} pages use AVX`);
});
