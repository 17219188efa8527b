import { ours, timed } from "../contenders.ts";
import type { Pipeline } from "../machine/usage.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";

/** Serves a file while a command of the shell runs, which gets the address of the server as `$uri`. */
const SERVED = 'exec nbdkit -U - file "$0" --run "$*"';

const NBDCOPY = "nbdcopy";

/** An export that changes a little each night. */
export const nbdChanged: Scenario = {
  name: "nbd-changed",
  title: "To an NBD server, 1 % changed",
  about: about("one block of 128 KiB in a hundred changed"),
  ...toServer((bench) => bench.pair.changeSome()),
};

/** A first copy to an export. */
export const nbdDifferent: Scenario = {
  name: "nbd-different",
  title: "To an NBD server, all different",
  about: about("no block where it was"),
  ...toServer((bench) => bench.pair.changeAll()),
};

function about(change: string): string {
  return `From a file to the destination, which nbdkit's file plugin serves on a Unix socket: random data with ${change}, page cache warm. nbdcopy copies all of it, with \`--flush\`.`;
}

function toServer(
  change: (bench: Bench) => void,
): Pick<Scenario, "unit" | "whyNot" | "contenders" | "reference" | "setUp" | "check"> {
  return {
    unit: "s",
    whyNot: ({ tools }) => (tools.nbdkit === undefined ? "nbdkit is not installed" : undefined),
    contenders,
    reference: () => [NBDCOPY],
    setUp: (bench) => {
      change(bench);
      bench.pair.warm();
    },
    check: ({ pair }) => pair.check(),
  };
}

/** The options are those of a copy whose end is on the disk. */
function contenders({ pair: { source, destination }, tools }: Bench): Contender[] {
  const served = (...words: readonly string[]): Pipeline => [
    ["sh", "-c", SERVED, destination, ...words, source, '"$uri"'],
  ];
  const { blockcopy, nbdcopy } = tools;
  return [
    ours(timed("blockcopy sync", [served(...blockcopy.command, "sync", "-q")])),
    nbdcopy === undefined
      ? { name: NBDCOPY, missing: "not installed" }
      : timed(NBDCOPY, [served(...nbdcopy.command, "--flush")]),
  ];
}
