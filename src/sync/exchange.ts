import type { StageContext } from "../blocks/context.ts";
import { type Described, type Destination, withNames } from "../incremental/destination.ts";
import { encodeWord, FIRST } from "../incremental/word.ts";
import { absolute } from "../native/files.ts";
import { type Endpoint, hostOf } from "./connection/endpoint.ts";
import type { SidePair } from "./copy-view.ts";
import type { Side } from "./side.ts";
import type { CopyOptions } from "./stage-arguments.ts";
import { rangeListOf } from "./stream-pipes.ts";

/**
 * The stages of an incremental copy say to each other, through this process: which destination it is, which ranges to compare, and that the
 * copy is complete. Each waits for the one before.
 */
export class Exchange {
  readonly #from: Side;
  readonly #to: Side;
  readonly #copy: CopyOptions;
  readonly #says: Pick<StageContext, "warn" | "alarm">;

  constructor(
    { from, to }: SidePair,
    { copy, says }: { copy: CopyOptions; says: Pick<StageContext, "warn" | "alarm"> },
  ) {
    this.#from = from;
    this.#to = to;
    this.#copy = copy;
    this.#says = says;
  }

  /** Yields the description of the destination, which the source reads before the hash stream. */
  async *description(): AsyncGenerator<Uint8Array> {
    const { descriptions, end } = this.#to;
    await this.#to.until(() => descriptions.length > 0);
    const [first] = descriptions;
    if (first !== undefined) {
      const audited = this.#copy.audit !== undefined;
      yield Buffer.from(encodeWord({ destination: named(end, first), audited }));
    }
  }

  /** Yields the ranges to compare, which the destination reads before the block stream. */
  async *ranges(): AsyncGenerator<Uint8Array> {
    const from = this.#from;
    await from.until(() => from.changedReason !== undefined);
    if (typeof from.changedReason === "string") {
      // With --quiet, too: a night that takes ten times as long, again and again, needs its reason in the mail of cron.
      const say = from.changedReason === FIRST ? this.#says.warn : this.#says.alarm;
      say(`everything is compared: ${from.changedReason}`);
    }
    yield* rangeListOf(from.changed, this.#copy)?.() ?? [];
  }

  /** Returns the word for the source that the destination has all blocks and has synced them; undefined if it has not described itself since. */
  verdict(): string | undefined {
    const { descriptions, report, end } = this.#to;
    const [, last] = descriptions;
    const proof = report?.proof;
    return last === undefined || proof === undefined
      ? undefined
      : encodeWord({
          changed: proof.changed,
          destination: named(end, last),
          doubted: (proof.audit?.blocks ?? 0) > 0,
        });
  }
}

function named(end: Endpoint, described: Described): Destination {
  if (end.kind === "local") {
    return withNames(described, { host: undefined, path: absolute(end.path) });
  }
  const host = end.port === undefined ? hostOf(end) : `${hostOf(end)}:${end.port}`;
  return withNames(described, { host, path: end.path });
}
