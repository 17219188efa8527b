// Collects the licences of all that the engine is made of, which go where the binary goes, into the package that carries it:
// engine-notices.ts FOLDER TARGET, the folder of the package and Rust's name for its platform.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [PACKAGE, PLATFORM] = process.argv.slice(2);
if (PACKAGE === undefined || PLATFORM === undefined)
  throw new Error("usage: engine-notices.ts FOLDER TARGET");
const ROOT = "blockcopy-addon";

/** Sources in C that crates bring along, by the crate, with the folder that has their licence. */
const BUNDLED: Readonly<Record<string, string>> = { "liblzma-sys": "xz", "zstd-sys": "zstd" };

interface Metadata {
  packages: {
    id: string;
    name: string;
    version: string;
    manifest_path: string;
    source: string | null;
    license: string | null;
    authors: string[];
    repository: string | null;
    targets: { kind: string[] }[];
  }[];
  resolve: {
    nodes: { id: string; deps: { pkg: string; dep_kinds: { kind: string | null }[] }[] }[];
  };
}

const metadata = JSON.parse(
  execFileSync(
    "cargo",
    ["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM],
    { maxBuffer: 1 << 28 },
  ).toString(),
) as Metadata;

const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const macros = new Set(
  metadata.packages
    .filter(({ targets }) => targets.some(({ kind }) => kind.includes("proc-macro")))
    .map(({ id }) => id),
);
const linked = new Set<string>();
const follow = (id: string): void => {
  if (linked.has(id) || macros.has(id)) return;
  linked.add(id);
  for (const { pkg, dep_kinds: kinds } of nodes.get(id)?.deps ?? [])
    // Packages that only build or test the engine are not part of it.
    if (kinds.some(({ kind }) => kind === null)) follow(pkg);
};
for (const { id, name } of metadata.packages) if (name === ROOT) follow(id);

const notices = metadata.packages
  .filter(({ id, source }) => linked.has(id) && source !== null)
  .toSorted((a, b) => a.name.localeCompare(b.name))
  .map(({ name, version, manifest_path: manifest, license, authors, repository }) => {
    const folder = dirname(manifest);
    const bundled = BUNDLED[name];
    const folders = bundled === undefined ? [folder] : [folder, join(folder, bundled)];
    const texts = folders.flatMap(licencesIn);
    if (bundled !== undefined && licencesIn(join(folder, bundled)).length === 0)
      throw new Error(`${name} ${version} brings sources along without their licence`);
    if (license === null) throw new Error(`${name} ${version} is linked and has no licence`);
    // Some crates name their licence without its text.
    if (texts.length === 0) texts.push([license, ...authors, repository ?? ""].join("\n").trim());
    return `${name} ${version}\n\n${texts.join("\n\n")}`;
  });
copyFileSync("LICENSE", join(PACKAGE, "LICENSE"));
writeFileSync(
  join(PACKAGE, "THIRD-PARTY-LICENSES.txt"),
  `${notices.join(`\n\n${"-".repeat(80)}\n\n`)}\n`,
);

/** The texts of the files in a folder that are licences by their name: of those that one may choose from, the first of ours. */
function licencesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|unlicense|notice)/i.test(name))
    .toSorted();
  const mit = names.filter((name) => /mit/i.test(name));
  return (
    (mit.length > 0 ? mit : names)
      .map((name) => readFileSync(join(folder, name), "utf8").trim())
      // A licence of tools next to the library, or of a choice that is not made.
      .filter((text) => !/^\s*GNU (LESSER )?GENERAL PUBLIC LICENSE/.test(text))
  );
}
