// Says what was wrong with the outcome of a moment.
import { constants } from "node:os";
import { EXIT, lastLine } from "../support/programs/cli.ts";
import type { Outcome } from "./attempt.ts";
import { shown } from "./attempt.ts";
import type { Moment } from "./moment.ts";
import { destinationsOf, type Pipeline, type Place } from "./pipeline.ts";
import { assertNothingElse, copiedBytes, incomplete, isComplete, isUntouched } from "./contents.ts";
import { leftovers } from "./place.ts";
import { GROUP, SYNC } from "./roles.ts";

/** The exit codes of `sync` after one of its processes has ended, other than those for a signal. */
const CODES: readonly number[] = [EXIT.cut, EXIT.busy, EXIT.protocol];

/** The exit codes of a program that ended because its neighbour had. */
const NEIGHBOUR: readonly number[] = [EXIT.readerGone, EXIT.protocol];

const BY_SIGNAL: readonly number[] = [129, 130, 143];

/** All that a judgement is about. */
export interface Judged {
  pipeline: Pipeline;
  place: Place;
  moment: Moment;
  outcome: Outcome;
}

/** Says what was wrong with an outcome, before the same command is run again. */
export function faultsOf(judged: Judged): string[] {
  const { pipeline, place, outcome } = judged;
  const faults = [
    ...(pipeline.byHand ? faultsByHand(judged) : faultsOfSync(judged)),
    ...faultsOfLeftovers(judged),
  ];
  if (outcome.left.length > 0) faults.push(`still running:\n  ${shown(outcome.left)}`);
  try {
    assertNothingElse(place, pipeline);
  } catch (error) {
    faults.push((error as Error).message);
  }
  return faults;
}

/** True if all that was asked for is there. */
function isDone({ pipeline, place }: Judged): boolean {
  if (pipeline.result !== undefined) return isUntouched(place, pipeline);
  return isComplete(place, pipeline);
}

function faultsOfSync(judged: Judged): string[] {
  const { pipeline, place, moment, outcome } = judged;
  const { role, deed } = moment;
  const { code, signal } = outcome.end;
  if (code === 0) return isDone(judged) ? [] : ["success, but the copy is not complete"];
  const faults: string[] = [];
  if (pipeline.result !== undefined && !isUntouched(place, pipeline))
    faults.push("the destination was written to");
  if (outcome.victim === undefined) return [...faults, `fails undisturbed: ${code} ${signal}`];
  if (deed === "continued") faults.push("has failed although it was continued");
  if (role !== SYNC && role !== GROUP && isReplaced(outcome.stderr[0] ?? ""))
    faults.push("has failed although the lost connection was replaced");
  if (signal !== null) return [...faults, ...faultsOfSignal(judged, signal)];
  const line = lastLine(outcome.stderr[0] ?? "");
  if (!/^ERROR \(sync\): .*; \S/.test(line)) faults.push("no message");
  if (/^\s+at .*:\d+:\d+\)?$/m.test(outcome.stderr[0] ?? "")) faults.push("a stack trace");
  // SIGPIPE is ignored, but not by a wrapper.
  if ((role === SYNC || role === GROUP) && deed !== "SIGPIPE")
    return [...faults, ...faultsOfEnding(judged, line)];
  if (code === null || ![...CODES, ...BY_SIGNAL].includes(code)) faults.push(`exit code ${code}`);
  if (!namedBy(judged).test(line)) faults.push("the message does not name the process or its host");
  return [...faults, ...faultsOfOthers(judged)];
}

/** True if a lost connection was replaced, and not too late: the first stream takes over from another one, which may have ended by then. */
function isReplaced(stderr: string): boolean {
  const isLate = /no new connection: .*the list of the parts/.test(stderr);
  return /copies its parts again/.test(stderr) && !isLate;
}

/** Matches the words for a process in a message. */
function namedBy({ pipeline, place, moment: { role } }: Judged): RegExp {
  if (role.destination !== undefined)
    return new RegExp(`${destinationsOf(place, pipeline)[role.destination]} \\(`);
  return role.about === undefined
    ? /\bSIG[A-Z]+\b|\bthis host\b|\bhere\b/
    : new RegExp(`\\b${role.about}\\b`);
}

/** Each of several destinations fails alone. */
function faultsOfOthers({ pipeline, place, moment: { role } }: Judged): string[] {
  if (role.destination === undefined) return [];
  const own = destinationsOf(place, pipeline)[role.destination];
  return incomplete(place, pipeline).flatMap((path) =>
    path === own ? [] : `${path}, which did not fail, is not complete`,
  );
}

/** A `sync` that was killed by a signal that it could have handled has not begun. */
function faultsOfSignal(
  { pipeline, place, moment: { role, deed } }: Judged,
  signal: string,
): string[] {
  if (role !== SYNC && role !== GROUP) return [`sync was ended by ${signal}`];
  if (signal === "SIGKILL" && ["SIGKILL", "stopped and killed"].includes(deed)) return [];
  return signal === deed && isUntouched(place, pipeline) ? [] : [`sync was ended by ${signal}`];
}

/** A `sync` that a signal has ended in good order says how much is on the disk. */
function faultsOfEnding({ pipeline, place, moment, outcome }: Judged, line: string): string[] {
  const { deed } = moment;
  const number = deed.startsWith("SIG") ? constants.signals[deed as NodeJS.Signals] : 0;
  const faults = outcome.end.code === 128 + number ? [] : [`exit code ${outcome.end.code}`];
  if (!line.includes(`ended by ${deed}`)) faults.push("the message does not name the signal");
  for (const path of destinationsOf(place, pipeline)) {
    // With several destinations, each has a line of its own, which begins with its name.
    const isIts = (text: string): boolean =>
      text.includes(`${path}: `) || pipeline.more === undefined;
    const its = outcome.stderr.join("\n").split("\n").filter(isIts).join("\n");
    const said = / after (\d+) bytes were written and synced/.exec(its)?.[1];
    if (said !== undefined && Number(said) !== copiedBytes(path, pipeline))
      faults.push(`${copiedBytes(path, pipeline)} bytes of ${path} were written`);
  }
  return faults;
}

function faultsByHand(judged: Judged): string[] {
  const { pipeline, outcome, moment } = judged;
  const { codes, stderr, victim } = outcome;
  if (codes.every((code) => code === 0))
    return isDone(judged) ? [] : ["success, but the copy is not complete"];
  if (victim === undefined) return [`fails undisturbed: ${codes.join(" ")}`];
  const faults: string[] = [];
  if (moment.deed === "continued") faults.push("has failed although it was continued");
  if (codes.at(-1) === 0 && !isDone(judged))
    faults.push("save succeeds, but the copy is not complete");
  const { places = [] } = moment.role;
  const cause = codes.findIndex((code) => code !== 0 && code !== EXIT.readerGone);
  if (!places.includes(cause))
    faults.push(`the exit codes ${codes.join(" ")} name another program`);
  for (const [place, code] of codes.entries()) {
    if (place === cause || code === 0) continue;
    const wanted: readonly number[] = place < cause ? [EXIT.readerGone] : NEIGHBOUR;
    if (!wanted.includes(code)) faults.push(`program ${place} ends with ${code}`);
    // The last words of a stage on another host are lost with the connection.
    const isFar = pipeline.words(judged.place)[place]?.startsWith("ssh ") === true;
    if (!isFar && !/^ERROR \(\w+\): .*; \S/.test(lastLine(stderr[place] ?? "")))
      faults.push(`program ${place} has no message`);
  }
  return faults;
}

/** Files with temporary names stay only if the process that makes them was killed, or had no time to handle a signal. */
function faultsOfLeftovers({ pipeline, place, moment, outcome }: Judged): string[] {
  const found = leftovers(place, pipeline);
  const mayLeave = moment.role.makesFiles === true && outcome.victim !== undefined;
  const unexpected = found.filter(
    (name) => !mayLeave || !/^(?:\w+\.[0-9a-f-]{36}\.new|kept\/\..+)$/.test(name),
  );
  return unexpected.map((name) => `left behind: ${name}`);
}
