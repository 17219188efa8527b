import type { StageContext } from "../../../blocks/context.ts";
import { adviceOn, exitCodeOf, failureMessage } from "../../../errors/explain.ts";
import { printable } from "../../../errors/printable.ts";
import { type CopyResult, summaryLines } from "../../../sync/copy-result.ts";
import type { Destination, ManyReports } from "../../../sync/many/copy-to-many.ts";
import { CopyState } from "../../../ui/copy-state.ts";
import { wrapped } from "../../../ui/people/columns.ts";
import { CopyEvents } from "../../../ui/programs/copy-events.ts";
import { printLine, printOut, stderrColumns } from "../../../ui/stderr.ts";
import { type CopyOutput, teller } from "../display.ts";

/** Output of the copies to several destinations, each with a state of its own. */
export class ManyOutput implements ManyReports {
  readonly states: readonly CopyState[];
  /** The results of a dry run, in words. */
  readonly results: string[] = [];
  readonly #output: CopyOutput;
  readonly #dryRun: boolean;
  /** The events of the whole run. */
  readonly #events: CopyEvents | undefined;
  readonly #eventsOf: readonly CopyEvents[];
  readonly #warned = new Set<string>();
  readonly #printed: (lines: readonly string[]) => void;

  constructor(destinations: readonly Destination[], { output, dryRun, print }: ManyOutputOptions) {
    this.#output = output;
    this.#dryRun = dryRun;
    this.#printed = print;
    this.states = destinations.map(({ name }) => new CopyState(name));
    this.#events = output.json ? new CopyEvents(new CopyState(), printOut) : undefined;
    this.#eventsOf = output.json
      ? destinations.map(({ id, name }, place) => {
          const state = this.states[place] ?? new CopyState(name);
          return new CopyEvents(state, printOut, { id, destination: name });
        })
      : [];
  }

  of(destination: Destination): ReturnType<ManyReports["of"]> {
    const { name } = destination;
    return {
      progress: this.#stateOf(destination),
      warn: (message) => this.#warn(`${name}: ${message}`, this.#eventsFor(destination), message),
      tell: (message) => this.tell(`${name}: ${message}`),
    };
  }

  /** Warns of something that is not about one destination. */
  readonly warn: StageContext["warn"] = (message) => this.#warn(message, this.#events, message);

  /** Warns of something that a person must undo, even with --quiet. */
  readonly alarm: StageContext["alarm"] = (message) => this.#print(message, this.#events, message);

  /** Prints a note that is not about one destination. */
  readonly tell: StageContext["tell"] = (message) =>
    teller({ name: "sync", output: this.#output })(message);

  done(destination: Destination, result: CopyResult): void {
    const [first = "", ...others] = summaryLines(result);
    const lines = [`${destination.name}: ${first}`, ...others];
    this.#stateOf(destination).finish();
    const outcome = [first, ...others].join("\n");
    const summary = result.summary ?? null;
    this.#eventsFor(destination)?.finish({ event: "end", outcome, summary }, undefined);
    if (this.#dryRun) {
      this.results.push(...lines);
    }
    const { quiet, json, stats } = this.#output;
    const isWanted = this.#dryRun ? json && stats : stats || !(quiet || json);
    if (isWanted) {
      this.#printed(lines.flatMap((line) => wrapped(printable(line), stderrColumns())));
    }
  }

  failed(destination: Destination, error: unknown): void {
    const [message, advice] = [failureMessage(error), adviceOn(error, "sync")];
    this.#stateOf(destination).finish();
    const code = exitCodeOf(error);
    this.#eventsFor(destination)?.finish({ event: "error", message, advice, code }, undefined);
    this.#printed([`ERROR (sync): ${destination.name}: ${message}; ${advice}`]);
  }

  /** Prints the result of the whole run. */
  conclude(outcome: string): void {
    const { quiet, json, stats } = this.#output;
    if (!this.#dryRun && (stats || !(quiet || json))) {
      this.#printed([outcome]);
    }
  }

  /** Writes the last event, that of the whole run; returns the name of the system's error if events could not be written. */
  finish(last: Parameters<CopyEvents["finish"]>[0]): string | undefined {
    this.#events?.finish(last, undefined);
    const all = [this.#events, ...this.#eventsOf];
    return all.map((events) => events?.failed).find((failed) => failed !== undefined);
  }

  /** Tells how far each destination is, as events; false without events. */
  tellProgress(): boolean {
    this.#eventsOf.forEach((events) => events.tell());
    return this.#events !== undefined;
  }

  #stateOf({ id, name }: Destination): CopyState {
    return this.states[id - 1] ?? new CopyState(name);
  }

  #eventsFor({ id }: Destination): CopyEvents | undefined {
    return this.#eventsOf[id - 1];
  }

  #warn(line: string, events: CopyEvents | undefined, message: string): void {
    if (!this.#output.quiet) {
      this.#print(line, events, message);
    }
  }

  #print(line: string, events: CopyEvents | undefined, message: string): void {
    if (!this.#warned.has(line)) {
      this.#warned.add(line);
      events?.warn(message);
      printLine(`WARNING (sync): ${line}`);
    }
  }
}

/** Options of the output to several destinations. */
interface ManyOutputOptions {
  output: CopyOutput;
  dryRun: boolean;
  /** Prints lines that stay. */
  print: (lines: readonly string[]) => void;
}
