import { EVENTS, type StageEvent } from "./event-schema.ts";

/** The most characters of a string from another host that go into a message. */
const MOST_CHARACTERS = 4096;

/**
 * Parses a line that a stage has printed, on this host or another one.
 *
 * @returns undefined if it is not a valid event, such as a line of ssh or of a shell
 */
export function parseEvent(line: string): StageEvent | undefined {
  if (!line.startsWith('{"event":"')) {
    return undefined;
  }
  let value: { event: unknown };
  try {
    value = JSON.parse(line, shortened);
  } catch {
    return undefined;
  }
  if (!isKnown(value.event)) {
    return { event: "unknown" };
  }
  const isValid = EVENTS[value.event];
  return isValid(value) ? value : undefined;
}

function shortened(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.slice(0, MOST_CHARACTERS) : value;
}

function isKnown(name: unknown): name is keyof typeof EVENTS {
  return typeof name === "string" && Object.hasOwn(EVENTS, name);
}
