// One source and several destinations, some of them on hosts that behave as a script says.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { scratch } from "../files/files.ts";
import { script } from "../hosts/hosts.ts";
import { COMMAND, quote } from "./cli.ts";
import { readEvents, type Event } from "./events.ts";
import { changedIn, SOURCE } from "./sync-pair.ts";

/** A source, and destinations that each differ from it in other blocks. */
export interface Many {
  folder: string;
  from: string;
  to: string[];
}

/** {@link SOURCE} or `source`, and destinations with these blocks of it changed. */
export function many(
  t: TestContext,
  blocks: readonly (readonly number[])[],
  source = SOURCE,
): Many {
  const folder = scratch(t);
  const from = join(folder, "source");
  writeFileSync(from, source);
  const to = blocks.map((changed, place) => {
    const path = join(folder, `copy-${place + 1}`);
    writeFileSync(path, changedIn(source, ...changed));
    return path;
  });
  return { folder, from, to };
}

/**
 * The options for hosts that are this one. On the host `odd` a stage is run as `text` says, a shell script in which `"$@"` runs it and
 * `$FOLDER` is the folder of the test.
 */
export function oddHost(folder: string, text: string): string[] {
  const path = join(folder, "rsh");
  script(
    path,
    `host=$1; shift; FOLDER=${quote([folder])}
if [ "$host" != odd ]; then exec sh -c "exec $*"; fi
set -- sh -c "exec $*"
${text}`,
  );
  return ["-e", path, "--remote-command", quote(COMMAND)];
}

/** An event of a run with several destinations. */
export type ManyEvent = Event & { id?: number; destination?: string; read?: number };

/** The events of a run. */
export function manyEvents(stdout: Buffer): ManyEvent[] {
  return readEvents(stdout);
}

/** The event with which a destination, or without an id the whole run, has ended. */
export function lastOf(events: readonly ManyEvent[], id?: number): ManyEvent {
  const found = events.filter(
    (event) => event.id === id && (event.event === "end" || event.event === "error"),
  );
  if (found.length !== 1 || found[0] === undefined) throw new Error(JSON.stringify(events));
  return found[0];
}
