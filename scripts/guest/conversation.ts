import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "./judge.ts";

/** The longest that a guest may say nothing: more than any command takes there, also on a busy host. */
const SILENCE_MS = 20 * 60_000;

/** Called for what the guest asks the driver to do. */
export type Ask = (words: readonly string[]) => Promise<void>;

/** Takes the guest's lines apart: rows, facts, text, and what it asks for. */
export class Conversation {
  readonly reports: Report[] = [];
  /** Each report, once the next row begins. */
  onReport: (report: Report) => void = () => {};
  onAsk: Ask = async () => {};
  answer: (line: string) => void = () => {};
  #state: "starting" | "ready" | "ended" | "gone" = "starting";
  #lastLine = Date.now();
  #failure: Error | undefined;

  take(line: string): void {
    if (this.#state === "gone") return;
    this.#lastLine = Date.now();
    const [word = "", ...words] = line.split(" ");
    const rest = words.join(" ");
    const report = this.reports.at(-1);
    if (word === "ready") this.#state = "ready";
    else if (word === "row") this.#begin(rest);
    else if (word === "fact") addFact(report, words);
    else if (word === "text") report?.text.push(rest);
    else if (word === "skip" && report !== undefined) report.skipped = rest;
    else if (word === "ask") this.#ask(words);
    else if (word === "end") this.#end(words[0]);
    else this.#failure = new Error(`the guest says what is not understood: ${line}`);
  }

  /** The power is off: nothing more is said. */
  gone(): void {
    if (this.#isOver()) return;
    this.#finishRow();
    this.#state = "gone";
  }

  async until(wanted: "ready" | "over"): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (wanted === "ready" ? this.#state === "ready" : this.#isOver()) return;
      if (Date.now() - this.#lastLine > SILENCE_MS) {
        throw new Error(`the guest has said nothing for ${SILENCE_MS / 60_000} minutes`);
      }
      await sleep(20);
    }
  }

  #isOver(): boolean {
    return this.#state === "ended" || this.#state === "gone";
  }

  #begin(name: string): void {
    this.#finishRow();
    this.reports.push({ name, facts: new Map(), text: [], skipped: undefined });
  }

  #end(code: string | undefined): void {
    this.#finishRow();
    this.#state = "ended";
    if (code !== "0") this.#failure = new Error(`the script of the topic ended with ${code}`);
  }

  #finishRow(): void {
    const report = this.reports.at(-1);
    if (report !== undefined) this.onReport(report);
  }

  #ask(words: readonly string[]): void {
    this.onAsk(words).then(
      () => this.answer("done"),
      (error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      },
    );
  }
}

/** Adds a fact; a second one of the same name comes after the first. */
function addFact(report: Report | undefined, words: readonly string[]): void {
  if (report === undefined) return;
  const value = words.at(-1) ?? "";
  const name = words.slice(0, -1).join(" ");
  const earlier = report.facts.get(name);
  report.facts.set(name, earlier === undefined ? value : `${earlier} ${value}`);
}
