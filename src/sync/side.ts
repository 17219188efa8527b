import type { Verify } from "../stages/save/verify.ts";
import type { Endpoint } from "./connection/endpoint.ts";
import { ChangeMap } from "../ui/change-map.ts";
import type { StageEvent } from "../ui/event-lines.ts";
import { parseEvent } from "../ui/programs/parse-event.ts";
import { printable } from "../errors/printable.ts";
import { type Counted, COUNTED, NO_COUNTS } from "../ui/progress.ts";
import { SpentLately } from "./limiting.ts";

/** Of a program that ended with something else than success, what it said: so many lines. */
const LAST_LINES = 5;

/** Of a line that no stage has printed, so much: it comes from another host. */
const LINE_LENGTH = 1000;

/** What is known of one side of a copy: what its stage tells, and what else comes from there. */
export class Side {
  readonly end: Endpoint;
  readonly role: "source" | "destination";
  /** Where what it reads comes from, if that is known. */
  readonly other: Endpoint | undefined;
  /** The command that reaches its host, for a person to try. */
  readonly reach: string;
  /** What it said first: that it runs, and which version it is. */
  hello: (StageEvent & { event: "hello" }) | undefined;
  /** Whether it knows how much there is to do, or that nobody does. */
  hasBegun = false;
  /** Bytes that it works on, when it knows how many. */
  total: number | undefined;
  /** Which file or device it works on: no other has the same, on any host. */
  instance: string | null = null;
  /** Bytes that it has worked on. */
  done = 0;
  counts: Readonly<Record<string, number>> = {};
  readonly spent = new SpentLately();
  /** Where the bytes are that differ, if it was asked. */
  map: ChangeMap | undefined;
  /** Its report at the end; undefined until it is done. */
  finished: (StageEvent & { event: "end" }) | undefined;
  /** The proof that it was asked for, by reading back. */
  readonly promised: Verify;
  error: (StageEvent & { event: "error" }) | undefined;
  /** The last of what it said that is no event: words of ssh, of a shell. */
  readonly said: string[] = [];

  /** Comes when it has opened its file. */
  readonly begun: Promise<void>;
  #tellOfBegin!: () => void;

  constructor(
    end: Endpoint,
    role: "source" | "destination",
    { other, reach, promised }: { other?: Endpoint; reach?: string; promised?: Verify } = {},
  ) {
    this.promised = promised ?? "none";
    this.other = other;
    this.reach = reach ?? "ssh";
    this.begun = new Promise((resolve) => (this.#tellOfBegin = resolve));
    this.end = end;
    this.role = role;
  }

  /** Takes a line; returns the event that it is. */
  take(line: string): StageEvent | undefined {
    const event = parseEvent(line);
    if (event === undefined) {
      // What a stage says with --verbose is no part of a failure.
      if (!/^blockcopy (?:retrieve|receive): /.test(line)) {
        this.said.push(printable(line.slice(0, LINE_LENGTH)));
        this.said.splice(0, this.said.length - LAST_LINES);
      }
      return undefined;
    }
    switch (event.event) {
      case "hello":
        this.hello = event;
        break;
      case "begin":
        this.hasBegun = true;
        this.total = event.total ?? undefined;
        this.instance = event.instance ?? null;
        this.#tellOfBegin();
        break;
      case "progress":
        this.done = event.done;
        this.counts = event.counts;
        if (event.spent !== undefined) {
          this.spent.add(event.spent);
        }
        break;
      case "map":
        this.map = new ChangeMap(event.length, event.changed);
        break;
      case "error":
        this.error = event;
        break;
      case "end":
        this.finished = event;
        break;
      case "warning":
      case "aside":
      case "unknown":
        break;
    }
    return event;
  }
}

/** What the stages of several sides have counted, together; one that knows less leaves it out. */
export function countsOf(sides: readonly Pick<Side, "counts">[]): Record<Counted, number> {
  const counts = { ...NO_COUNTS };
  for (const side of sides) {
    for (const what of COUNTED) {
      counts[what] += side.counts[what] ?? 0;
    }
  }
  return counts;
}
