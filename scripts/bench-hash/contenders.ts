import { fileURLToPath } from "node:url";
import { buildHashRate } from "../common/hash-rate.ts";
import { runIfInstalled, type Command, type Output } from "../common/processes.ts";
import { BLOCK_BYTES, valid, type Work } from "../common/work.ts";

/** A program that computes SHA3-512, as a command that does so for a while. */
export interface Contender {
  readonly name: string;
  /** Hashes blocks for about `seconds`, a whole number because `openssl speed` accepts no other. */
  readonly measure: (seconds: number) => Command;
  /** Does what `measure` does, but for the hashing. */
  readonly startUp: Command;
  /** Parses the amount of work from the output of `measure`. */
  readonly parse: (output: Output) => Work;
}

/** The contender all are compared to. */
export const OPENSSL: Contender = {
  name: "OpenSSL",
  // -elapsed: by the clock on the wall, like all others, and not by that of its own CPU time.
  measure: (seconds) =>
    words(`openssl speed -mr -elapsed -evp sha3-512 -bytes ${BLOCK_BYTES} -seconds ${seconds}`),
  startUp: ["openssl", "version"],
  parse: ({ stderr }) => {
    // +R:<blocks>:<algorithm>:<seconds>
    const [, blocks, seconds] = /^\+R:(\d+):[^:]*:([\d.]+)$/m.exec(stderr) ?? [];
    return valid({ bytes: Number(blocks) * BLOCK_BYTES, seconds: Number(seconds) }, stderr);
  },
};

/** The first line of `openssl version`; `undefined` where there is no openssl. */
export function opensslVersion(): string | undefined {
  return runIfInstalled(OPENSSL.startUp)?.stdout.trim();
}

/** Node's crypto, by the Node that runs this. */
export const NODE_CRYPTO: Contender = (() => {
  const script = fileURLToPath(new URL("./node-crypto.ts", import.meta.url));
  const hashFor = (seconds: number): Command => [
    process.execPath,
    "--import",
    "tsx",
    script,
    String(seconds),
  ];
  return { name: "Node crypto", measure: hashFor, startUp: hashFor(0), parse: parseJson };
})();

/** Builds crates/keccak and returns its contenders: the kernels of this CPU, most lanes first, and the sha3 crate. */
export function rustContenders(): Contender[] {
  const { kernels, others, hashing } = buildHashRate();
  const contender = (argument: string, name: string): Contender => {
    const hashFor = (seconds: number): Command => hashing(argument, seconds);
    return { name, measure: hashFor, startUp: hashFor(0), parse: parseJson };
  };
  return [
    ...kernels.map(({ name, lanes }) => contender(name, `${name} ×${lanes}`)),
    ...others.map((name) => contender(name, name)),
  ];
}

function parseJson({ stdout }: Output): Work {
  return valid(JSON.parse(stdout) as Work, stdout);
}

function words(command: string): Command {
  const [program = "", ...args] = command.split(" ");
  return [program, ...args];
}
