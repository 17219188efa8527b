import type { Verify } from "../stages/save/verify.ts";
import { type Endpoint, hostLabel } from "./connection/endpoint.ts";
import { ChangeMap } from "../ui/change-map.ts";
import type { Described } from "../incremental/destination.ts";
import { Extents } from "../ranges/extents.ts";
import type { StageEvent } from "../ui/programs/event-schema.ts";
import { parseEvent } from "../ui/programs/parse-event.ts";
import { printable } from "../errors/printable.ts";
import { type Counted, COUNTED, NO_COUNTS } from "../ui/progress.ts";
import type { SyncError } from "./failures/sync-error.ts";
import { RecentTimeSpent } from "./find-bottleneck.ts";

/** Lines that are kept from the output of a program, for the message if it fails. */
const LAST_LINES = 5;

/** Length of the warnings about snapshots after which no more are kept. */
const MOST_LEFT = 4000;

/** Descriptions of a destination: before the copy, and after it was synced. */
const MOST_DESCRIPTIONS = 2;

/** Longest part of a line that is kept: it comes from another host. */
const LINE_LENGTH = 1000;

/** The end that the input of a side comes from, and the command that reaches its host. */
interface Sender {
  end: Endpoint;
  loginCommand: string;
}

/** The facts about a side that are known from the start. */
export interface SideOptions {
  /** The end that its input comes from, if known. */
  other?: Sender;
  /** The command that reaches its host, for a person to try. */
  loginCommand?: string;
  /** The verification that it must report. */
  requiredVerify?: Verify;
  /** True if it must report what its audit has found. */
  mustAudit?: boolean;
  /** The side whose place it takes, after the connection of that one was lost. */
  before?: Side | undefined;
}

/** A caller that waits for the events of a side. */
interface Waiting {
  holds: () => boolean;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** One side of a copy: everything that its stage has reported, and the last lines of other output from there. */
export class Side {
  readonly end: Endpoint;
  readonly role: "source" | "destination";
  readonly other: Sender | undefined;
  readonly loginCommand: string;
  readonly requiredVerify: Verify;
  readonly mustAudit: boolean;
  readonly before: Side | undefined;
  /** Its first event: it runs, and has this version. */
  hello: (StageEvent & { event: "hello" }) | undefined;
  /** True once it has opened its file. Only then a destination asks for blocks: until then, it has written nothing. */
  hasBegun = false;
  /** Bytes to work on; undefined if unknown. */
  total: number | undefined;
  /** Identity of its file or device, which is unique among all hosts. That of the side before, until it has told its own. */
  instance: string | null;
  /** The queue of parts, by its name in this stage; undefined if the others cannot open it from there. */
  queue: string | undefined;
  /** Its process, which another one can replace; that of the side before, until it has told its own. Undefined if none can. */
  process: string | undefined;
  /** Size of its source in bytes; undefined if neither it nor the side before has told. */
  size: number | undefined;
  /** Bytes that it has worked on. */
  done = 0;
  counts: Readonly<Record<string, number>> = {};
  readonly timeSpent = new RecentTimeSpent();
  /** The change map, if it was asked for one. */
  changeMap: ChangeMap | undefined;
  /** Its last event after a success; undefined until it is done. */
  report: (StageEvent & { event: "end" }) | undefined;
  /** Its descriptions of the destination of an incremental copy: before the copy, and after it was synced. */
  readonly descriptions: Described[] = [];
  /** The ranges to compare in an incremental copy, as the source has named them so far. */
  readonly changed = new Extents();
  /** The reason why everything is compared; null if only these ranges are, undefined until all of them have been named. */
  changedReason: string | null | undefined;
  /** Its warning about a snapshot that could not be removed, if there is one. */
  left: string | undefined;
  /** The error that it has reported. */
  error: (StageEvent & { event: "error" }) | undefined;
  /** The reason why its connection was ended: it has been silent for too long. */
  silence: SyncError | undefined;
  /** The last lines from there that are not events: messages of ssh or of a shell. */
  readonly lastLines: string[] = [];

  /** Called when it is ready for a direct connection, and when it listens. */
  onTunnel: ((event: StageEvent & { event: "tunnel" }) => void) | undefined;

  /** Resolves when it has opened its file. */
  readonly begun: Promise<void>;
  #resolveBegun!: () => void;
  readonly #waiting = new Set<Waiting>();
  #hasEnded = false;

  constructor(
    end: Endpoint,
    role: "source" | "destination",
    {
      other,
      loginCommand = "ssh",
      requiredVerify = "none",
      mustAudit = false,
      before,
    }: SideOptions = {},
  ) {
    this.end = end;
    this.role = role;
    this.other = other;
    this.loginCommand = loginCommand;
    this.requiredVerify = requiredVerify;
    this.mustAudit = mustAudit;
    this.before = before;
    this.instance = before?.instance ?? null;
    this.size = before?.size;
    this.process = before?.process;
    this.begun = new Promise((resolve) => (this.#resolveBegun = resolve));
  }

  /** True while its stage runs and has opened its file, as far as is known. Once it has reported its end, it is about to go. */
  get isRunning(): boolean {
    const isOver = this.#hasEnded || this.report !== undefined;
    return this.hasBegun && !isOver && this.silence === undefined;
  }

  /** Takes a line. Returns the event if it is one. */
  take(line: string): StageEvent | undefined {
    const event = parseEvent(line);
    if (event === undefined) {
      this.#keepLine(line);
    } else {
      this.#takeEvent(event);
      this.#wake();
    }
    return event;
  }

  /**
   * Waits until its events have made something true.
   *
   * @throws Error if its program ends before
   */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ holds, resolve, reject });
      if (this.#hasEnded) {
        this.ended();
      } else {
        this.#wake();
      }
    });
  }

  /** Its program has ended, and will not say anything any more. */
  ended(): void {
    this.#hasEnded = true;
    this.#wake();
    this.#waiting.forEach(({ reject }) => reject(new Error("the stage has ended")));
    this.#waiting.clear();
  }

  #wake(): void {
    for (const waiting of this.#waiting) {
      if (waiting.holds()) {
        this.#waiting.delete(waiting);
        waiting.resolve();
      }
    }
  }

  #keepLine(line: string): void {
    // Output of --verbose is not part of a failure, and an empty line explains none.
    if (line.trim() !== "" && !/^blockcopy (?:retrieve|receive): /.test(line)) {
      this.lastLines.push(printable(line.slice(0, LINE_LENGTH)));
      this.lastLines.splice(0, this.lastLines.length - LAST_LINES);
    }
  }

  #takeEvent(event: StageEvent): void {
    switch (event.event) {
      case "hello":
        this.hello = event;
        break;
      case "begin":
        // A stage opens its file once. Another host could say something else later.
        if (!this.hasBegun) {
          this.#begin(event);
        }
        break;
      case "progress":
        this.done = event.done;
        this.counts = event.counts;
        if (event.spent !== undefined) {
          this.timeSpent.add(event.spent);
        }
        break;
      case "map":
        this.changeMap = new ChangeMap(event.length, event.changed);
        break;
      case "error":
        this.error = event;
        break;
      case "end":
        this.report = event;
        break;
      case "tunnel":
        this.onTunnel?.(event);
        break;
      case "warning":
        this.#keepLeft(event);
        break;
      case "destination":
        // Another host may send any number of them.
        if (this.descriptions.length < MOST_DESCRIPTIONS) {
          this.descriptions.push(event);
        }
        break;
      case "changed":
        for (const [start, length] of event.ranges) {
          this.changed.append({ start, end: start + length });
        }
        this.changedReason = event.last ? (event.reason ?? null) : undefined;
        break;
      case "aside":
      case "differ":
      case "unknown":
        break;
    }
  }

  #begin({ total, instance, queue, size, process }: StageEvent & { event: "begin" }): void {
    this.hasBegun = true;
    this.total = total ?? undefined;
    this.instance = instance ?? null;
    this.queue = queue;
    this.size = size;
    this.process = process ?? this.process;
    this.#resolveBegun();
  }

  /** Keeps a warning about snapshots that are left. Another host may send any number of them. */
  #keepLeft({ left, message }: StageEvent & { event: "warning" }): void {
    const known = this.left ?? "";
    if (left === true && known.length < MOST_LEFT) {
      this.left = known === "" ? message : `${known}; ${message}`;
    }
  }
}

/** Names the snapshots that these sides could not remove; undefined if all were removed. */
export function leftBy(sides: readonly Side[]): string | undefined {
  const left = sides.flatMap(({ left: message, end }) => {
    if (message === undefined) {
      return [];
    }
    return end.kind === "local" ? message : `${hostLabel(end)}: ${message}`;
  });
  return left.length === 0 ? undefined : left.join("; ");
}

/** Sums up the counts of several sides. A count that a side does not report is 0. */
export function countsOf(sides: readonly Pick<Side, "counts">[]): Record<Counted, number> {
  const counts = { ...NO_COUNTS };
  for (const side of sides) {
    for (const what of COUNTED) {
      counts[what] += side.counts[what] ?? 0;
    }
  }
  return counts;
}
