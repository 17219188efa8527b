// The places that name the version, which a release must have in common.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Manifest {
  name: string;
  version: string;
  optionalDependencies?: Record<string, string>;
}

/**
 * Returns what keeps a checkout from being released; empty if nothing does.
 *
 * @param tag the tag of the release. Undefined for a dry run: the changelog may then call the version unreleased.
 */
export function versionFaults(root: string, tag?: string): string[] {
  const faults: string[] = [];
  const text = (file: string): string => readFileSync(join(root, file), "utf8");
  const manifest = (file: string): Manifest => JSON.parse(text(file)) as Manifest;
  const { version, optionalDependencies = {} } = manifest("package.json");
  const expect = (place: string, found: string | undefined): void => {
    if (found !== version)
      faults.push(`${place} has ${found ?? "no version"}, expected ${version}`);
  };

  if (tag !== undefined && tag !== `v${version}`)
    faults.push(`the tag is ${tag}, expected v${version}: correct package.json, or the tag`);
  expect("package-lock.json", manifest("package-lock.json").version);
  expect("Cargo.toml", /^version = "(.*)"$/m.exec(text("Cargo.toml"))?.[1]);
  for (const folder of readdirSync(join(root, "npm"))) {
    const { name, version: found } = manifest(`npm/${folder}/package.json`);
    expect(`npm/${folder}/package.json`, found);
    expect(`the optional dependency ${name} in package.json`, optionalDependencies[name]);
  }

  const heading = text("CHANGELOG.md")
    .split("\n")
    .find((line) => line.startsWith(`## ${version},`));
  const dated = heading !== undefined && /, \d{4}-\d\d-\d\d$/.test(heading);
  if (heading === undefined) faults.push(`CHANGELOG.md has no section for ${version}`);
  else if (tag !== undefined && !dated)
    faults.push(`CHANGELOG.md has "${heading}": write the date of the release, as 2001-12-31`);
  return faults;
}

/**
 * Returns the section of a version in a changelog, without its heading.
 *
 * @throws Error if there is no such section
 */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m);
  const section = sections.find((text) => text.startsWith(`${version},`));
  if (section === undefined) throw new Error(`CHANGELOG.md has no section for ${version}`);
  return `${section.slice(section.indexOf("\n") + 1).trim()}\n`;
}
