// Finds turns of phrase that readers have to read twice, in comments, strings and docs: see "How we write" in CONTRIBUTING.md.
// Usage: check-english [FILE...]; without names, all files of the project. Exit code 1 if any was found.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Each with what to write instead. */
const TICS: readonly [pattern: RegExp, instead: string][] = [
  [
    /\/\*\*\s*(?:What|Whether|How|Where|Which|When|Who|Why)\b/,
    "begin with a verb or a noun phrase",
  ],
  [
    /^\s*\/\/[/!]?\s*(?:What|Whether|How|Where|Which|Who|Why)\b/,
    "begin with a verb or a noun phrase",
  ],
  [/(?<!\bleft )\bbehind\b/i, "after"],
  [/\bbeside\b/i, "next to, in addition to"],
  [/(?<!\bthere )\b(?:is|are|was|were) none\b/i, "does not exist, is missing, is not one"],
  [/\bso many\b/i, "a number, per, up to"],
  [/\b(?:came|comes|come) of (?:it|a|the|this|that)\b/i, "result"],
  [/\bof which\b/i, "whose, or a sentence of its own"],
  [/\bthe other way round\b/i, "the reverse"],
  [/\bin so far\b|\binasmuch\b/i, "if, because"],
  // The user `nobody` is quoted.
  [/(?<!")\b(?:(?:some|no|any)(?:body|one)|no one)\b/i, "another process, no process, the user"],
];

/** Files that say something else with these words: recorded streams, other people's texts, and this list. */
const LEFT_OUT =
  /^(?:scripts\/check-english\.ts|package-lock\.json|Cargo\.lock|__test__\/vectors\/|.*\.(?:svg|node|png|bin|hashes|blocks)$|LICENSE)/;

const named = process.argv.slice(2);
const files = named.length > 0 ? named : tracked();
let count = 0;
for (const file of files) {
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    for (const [pattern, instead] of TICS) {
      const found = pattern.exec(line)?.[0];
      if (found !== undefined) {
        count += 1;
        process.stdout.write(`${file}:${index + 1}: "${found.trim()}": ${instead}\n`);
      }
    }
  }
}
process.exitCode = count > 0 ? 1 : 0;

/** The project's own text files. */
function tracked(): string[] {
  const list = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" });
  return list.split("\0").filter((file) => file !== "" && !LEFT_OUT.test(file));
}
