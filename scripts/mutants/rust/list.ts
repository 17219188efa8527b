// Lists the mutants of the crates.
import { spawnSync } from "node:child_process";

/** A mutant as cargo-mutants lists it, with a number of its own. */
export interface RustMutant {
  readonly id: number;
  readonly name: string;
  readonly file: string;
  readonly genre: string;
  readonly replacement: string;
  readonly span: { readonly start: { readonly line: number; readonly column: number } };
}

/** Lists the mutants of cargo-mutants, without those that .cargo/mutants.toml excludes. */
export function listMutants(): RustMutant[] {
  const packages = ["-p", "blockcopy-blockio", "-p", "blockcopy-engine"];
  const options = ["mutants", "--list", "--json", ...packages];
  const { status, stdout, stderr } = spawnSync("cargo", options, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0)
    throw new Error(`cargo mutants fails; \`cargo install cargo-mutants\` installs it: ${stderr}`);
  const listed = JSON.parse(stdout) as Omit<RustMutant, "id">[];
  return listed.map(({ name, file, genre, replacement, span }, index) => ({
    id: index + 1,
    name,
    file,
    genre,
    replacement,
    span,
  }));
}
