import { run, type Command } from "./processes.ts";

/** crates/keccak/examples/hash_rate.rs, which hashes for a while and prints what it did. */
export interface HashRate {
  /** The kernels that this CPU has, most lanes first. */
  readonly kernels: readonly { readonly name: string; readonly lanes: number }[];
  /** Other things that it can measure. */
  readonly others: readonly string[];
  /** Hashes with a kernel, or one of the others, for that many seconds; prints its `Work` as JSON. */
  readonly hashing: (name: string, seconds: number) => Command;
}

/** Builds the program, and asks it whom it can measure on this CPU. */
export function buildHashRate(): HashRate {
  const program = buildExample("hash_rate");
  const { kernels, others } = JSON.parse(run([program]).stdout) as Pick<
    HashRate,
    "kernels" | "others"
  >;
  return {
    kernels: kernels.toSorted((one, other) => other.lanes - one.lanes),
    others,
    hashing: (name, seconds) => [program, name, String(seconds)],
  };
}

/** Builds an example of crates/keccak for speed and returns the path of the program. */
function buildExample(name: string): string {
  const build: Command = [
    "cargo",
    ...`build --release --locked -p blockcopy-keccak --example ${name}`.split(" "),
  ];
  const { stdout } = run([...build, "--message-format=json-render-diagnostics"]);
  for (const line of stdout.split("\n")) {
    if (!line.includes(`"${name}"`)) continue;
    const message = JSON.parse(line) as { target?: { name: string }; executable?: string | null };
    if (message.target?.name === name && message.executable) return message.executable;
  }
  throw new Error(`${build.join(" ")} names no program that it built`);
}
