// Starts a pipeline on the hosts and waits for its end.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { prefixHere } from "../support/hosts/hosts.ts";
import { COMMAND, killGroup, quote } from "../support/programs/cli.ts";
import type { Pipeline, Place } from "./pipeline.ts";
import type { Found } from "./processes.ts";
import { MASTER } from "./roles.ts";

/** The end of a pipeline. */
export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A pipeline that is running. */
export interface Run {
  pid: number;
  /** Milliseconds since its start. */
  elapsed: () => number;
  /** Its end, once it has ended. */
  end: () => End | undefined;
  /** The exit codes of programs that were joined by hand. */
  codes: () => number[];
  /** The standard error of `sync`, or of each program that was joined by hand. */
  stderr: () => string[];
  /** Kills what is left of it here. */
  kill: () => void;
}

/** Starts a pipeline. */
export function start(pipeline: Pipeline, place: Place, options: readonly string[] = []): Run {
  const output = (name: string): string => join(place.output, name);
  const words = pipeline.words(place);
  const command = pipeline.byHand
    ? ["bash", "-c", script(words, output)]
    : [...(pipeline.prefix ?? []), ...COMMAND, "sync", ...options, ...words];
  const [program = "", ...args] = [...prefixHere(), ...command];
  const [out, err] = [openSync(output("out"), "w"), openSync(output("err"), "w")];
  const began = performance.now();
  const child = spawn(program, args, {
    stdio: ["ignore", out, err],
    detached: true,
    env: place.environment,
  });
  closeSync(out);
  closeSync(err);
  const elapsed = (): number => performance.now() - began;
  let end: End | undefined;
  child.once("exit", (code, signal) => (end = { code, signal }));
  if (child.pid === undefined) throw new Error(`cannot start ${program}`);
  const { pid } = child;
  const read = (name: string): string => readFileSync(output(name), "utf8");
  return {
    pid,
    elapsed,
    end: () => end,
    codes: () => read("codes").trim().split(" ").map(Number),
    stderr: () =>
      pipeline.byHand ? words.map((_, number) => read(`err${number}`)) : [read("err")],
    kill: () => killGroup(pid),
  };
}

/** A script that joins programs and writes down how each has ended. */
function script(lines: readonly string[], output: (name: string) => string): string {
  const programs = lines.map((line, place) => `${line} 2> ${quote([output(`err${place}`)])}`);
  return `${programs.join(" | ")}; echo "\${PIPESTATUS[@]}" > ${quote([output("codes")])}`;
}

/** True for what a pipeline is documented to leave running: the connection that it shares with others, at both ends. */
export function mayStay({ name }: Pipeline): (process: Found) => boolean {
  return ({ host, command }) =>
    name === "master" &&
    (MASTER.pattern.test(command) || (host === "one" && command.startsWith("sshd: ")));
}
