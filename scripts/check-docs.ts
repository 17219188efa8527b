// Checks the Markdown files without the network: relative links and anchors lead somewhere, files that are named in
// backticks exist, no table cell or line of code is so wide that a page has to be scrolled sideways, and a README is one page.
// Usage: check-docs [FILE...]; without names, all Markdown files of the project. Exit code 1 if anything is wrong.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

const WIDEST = 100;
/** A README is one page; everything else belongs to docs/. */
const LONGEST_README = 8192;

interface Line {
  number: number;
  text: string;
  code: boolean;
}

const named = process.argv.slice(2);
const pages = named.length > 0 ? named : markdownFiles();
const problems = pages.flatMap((page) => [
  ...tooLong(page),
  ...linesOf(page).flatMap((line) => problemsOf(page, line)),
]);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function tooLong(page: string): string[] {
  const { size } = statSync(page);
  return basename(page) === "README.md" && size > LONGEST_README
    ? [`${page}: has ${size} bytes, more than ${LONGEST_README}: move something to docs/`]
    : [];
}

function problemsOf(page: string, line: Line): string[] {
  const found = line.code
    ? tooWide("a line of code", line.text)
    : [...wideCells(line.text), ...deadLinks(page, line.text), ...missingFiles(line.text)];
  return found.map((problem) => `${page}:${line.number}: ${problem}`);
}

function wideCells(text: string): string[] {
  if (!text.startsWith("|") || /^[|\s:-]+$/.test(text)) return [];
  const cells = text.replace(/^\||\|$/g, "").split(/(?<!\\)\|/);
  return cells.flatMap((cell) => tooWide("a table cell", cell.trim()));
}

function tooWide(what: string, text: string): string[] {
  return text.length > WIDEST
    ? [`${what} has ${text.length} characters, more than ${WIDEST}: ${text.slice(0, 40)}...`]
    : [];
}

function deadLinks(page: string, text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : normalize(join(dirname(page), decodeURI(path)));
    if (!existsSync(file)) return [`the link to ${target} leads to no file`];
    return anchor === undefined || anchorsOf(file).has(anchor)
      ? []
      : [`the link to ${target} leads to no heading of ${file}`];
  });
}

/** Names of files that end with an ending or a slash; patterns and placeholders are not names. */
function missingFiles(text: string): string[] {
  const names = text.matchAll(
    /`((?:src|crates|scripts|__test__|docs|examples|npm|fuzz)\/[\w./@-]+)`/g,
  );
  return [...names].flatMap(([, name = ""]) =>
    existsSync(name) ? [] : [`\`${name}\` does not exist`],
  );
}

/** The anchors that GitHub gives to the headings of a page, and those the page sets itself. */
function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of linesOf(file).filter(({ code }) => !code)) {
    const [, own] = /<a id="([^"]+)">/.exec(text) ?? [];
    if (own !== undefined) anchors.add(own);
    const [, heading] = /^#+ (.+)$/.exec(text) ?? [];
    if (heading !== undefined) anchors.add(unused(slug(heading), anchors));
  }
  return anchors;
}

function slug(heading: string): string {
  const words = heading.replace(/\]\([^)]*\)/g, "").toLowerCase();
  return words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function unused(anchor: string, others: Set<string>): string {
  let name = anchor;
  for (let number = 1; others.has(name); number += 1) name = `${anchor}-${number}`;
  return name;
}

function linesOf(file: string): Line[] {
  let fenced = false;
  return readFileSync(file, "utf8")
    .split("\n")
    .map((text, index) => {
      const fence = /^\s*```/.test(text);
      if (fence) fenced = !fenced;
      return { number: index + 1, text, code: fenced || fence || /^ {4}/.test(text) };
    });
}

function withoutCode(text: string): string {
  return text.replace(/`[^`]*`/g, "");
}

function markdownFiles(): string[] {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"];
  const list = execFileSync("git", words, { encoding: "utf8" });
  return list.split("\0").filter((file) => file !== "" && existsSync(file));
}
