import { OptionError } from "../stages/context.ts";
import type { CopyOptions } from "../sync/stage-words.ts";
import { refuseEmptyRange } from "./offset.ts";

/**
 * Refuses the options of `sync` that exclude one another.
 *
 * @throws OptionError
 */
export function refuseTogether(copy: CopyOptions): void {
  const { start, end, ranges, digestCache, delta, verify, streams } = copy;
  refuseEmptyRange(copy);
  if ((streams ?? 1) > 1) {
    refuseGiven(
      {
        "--verify=full": verify === "full",
        "--digest-cache": digestCache !== undefined,
        "--ranges": ranges !== undefined,
        "--delta": delta !== undefined,
      },
      (option) => `${option} is not for --streams, of which none sees all of the copy`,
      "leave one of them out (--verify=written is possible)",
    );
  }
  if (ranges !== undefined) {
    refuseGiven(
      { "--start": start !== undefined, "--end": end !== undefined },
      (option) => `--ranges cannot be used with ${option}`,
      "give a map that has the range alone: a line `OFFSET LENGTH`",
    );
  }
  if (digestCache !== undefined) {
    refuseGiven(
      {
        "--start": start !== undefined,
        "--end": end !== undefined,
        "--ranges": ranges !== undefined,
      },
      (option) => `--digest-cache is not for ${option}: it is of all of a file`,
      "leave one of them out",
    );
  }
  if (delta !== undefined) {
    refuseGiven(
      {
        "--start": start !== undefined,
        "--end": end !== undefined,
        "--ranges": ranges !== undefined,
      },
      (option) => `${option} is not for --delta, which has to know all of the destination`,
      "leave one of them out",
    );
    refuseGiven(
      { "--dry-run": copy.dryRun },
      (option) => `${option} is not for --delta, which writes to no destination, but its file`,
      "leave one of them out",
    );
    refuseGiven(
      writing(copy),
      (option) => `${option} is not for --delta, with which nothing is written to the destination`,
      "give it to the `save` that takes the delta later",
    );
  }
}

/** The options that say how a destination is written to; not those that also say how large it may be. */
function writing({
  force,
  lock,
  sparse,
  verify,
  times,
  perms,
  owner,
  group,
  numericIds,
}: CopyOptions): Readonly<Record<string, boolean>> {
  return {
    "--force": force,
    "--lock": lock,
    "--sparse": sparse,
    "--verify": verify !== "none",
    "--times": times,
    "--perms": perms,
    "--owner": owner,
    "--group": group,
    "--numeric-ids": numericIds,
  };
}

/** @throws OptionError for the first of the options that is given */
function refuseGiven(
  options: Readonly<Record<string, boolean>>,
  message: (option: string) => string,
  advice: string,
): void {
  const [option] = Object.entries(options).find(([, given]) => given) ?? [];
  if (option !== undefined) {
    throw new OptionError(message(option), advice);
  }
}
