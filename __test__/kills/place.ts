// The files of one run: made anew for each, and looked through after it.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Cleaning } from "../support/cleanup.ts";
import { hashes } from "../support/files/cache.ts";
import { scratch } from "../support/files/files.ts";
import { bare, singles } from "../support/hosts/bare-host.ts";
import { hosts, script } from "../support/hosts/hosts.ts";
import { environment } from "../support/programs/cli.ts";
import { content, PAGE } from "./contents.ts";
import { destinationsOf, type Pipeline, type Place } from "./pipeline.ts";

/** Makes the folders, which are removed when the campaign ends. */
export function makePlace(t: Cleaning): Place {
  const root = scratch(t);
  const [data, temporary, output, bin, far] = ["data", "tmp", "output", "bin", "far"].map(
    (name) => {
      const folder = join(root, name);
      mkdirSync(folder);
      return folder;
    },
  ) as [string, string, string, string, string];
  // As the ssh of all tests, but the other end keeps its temporary files where they can be found, and has a sudo.
  script(
    join(bin, "ssh"),
    `[ "$1" = -V ] && exec /usr/bin/ssh -V
for last; do :; done
left=$#
for word; do shift; left=$((left - 1)); [ $left -gt 0 ] && set -- "$@" "$word"; done
exec /usr/bin/ssh -F ${hosts().config} "$@" "TMPDIR=${temporary} PATH=${far}:\\$PATH $last"`,
  );
  script(join(bin, "wrapper"), `ssh "$@"\nexit $?`);
  script(join(far, "sudo"), `shift\n"$@"\nexit $?`);
  const socket = join(root, "socket");
  const sent = { node: bare(t), single: bare(t, { node: null }) };
  return {
    source: join(data, "source"),
    destination: join(data, "destination"),
    cache: join(data, "cache"),
    delta: join(data, "delta"),
    data,
    temporary,
    output,
    socket,
    wrapper: join(bin, "wrapper"),
    master: `ssh -o ControlMaster=auto -o ControlPath=${socket} -o ControlPersist=60`,
    bareSsh: { node: sent.node.rsh, single: sent.single.rsh },
    bare: sent,
    environment: environment({
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      TMPDIR: temporary,
      BLOCKCOPY_SINGLE_FOLDER: singles(t).folder,
    }),
  };
}

/** Makes the files of a run. */
export async function prepare(place: Place, pipeline: Pipeline): Promise<Watched> {
  const { size, isCached, isNew, bare: form } = pipeline;
  for (const folder of [place.data, place.temporary, place.output]) {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
  }
  writeFileSync(place.source, content("source", size));
  if (isNew !== true)
    for (const path of destinationsOf(place, pipeline)) writeFileSync(path, content("old", size));
  if (form !== undefined) rmSync(place.bare[form].kept("one"), { recursive: true, force: true });
  if (isCached === true)
    writeFileSync(place.cache, await hashes(place.destination, ["--digest", "blake3"]), {
      mode: 0o600,
    });
  return { mtimeMs: changedAt(place.destination) };
}

function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** The state of the destination before the run, which shows that it has been written to. */
export interface Watched {
  mtimeMs: number | undefined;
}

/** True once a run has written its first byte: of the destination, of the delta, or of the package on the other host. */
export function hasBegun(place: Place, pipeline: Pipeline, { mtimeMs }: Watched): boolean {
  if (pipeline.bare !== undefined) return place.bare[pipeline.bare].packages("one").length > 0;
  if (pipeline.result === "delta")
    return readdirSync(place.data).some(
      (name) =>
        name.startsWith("delta.") &&
        statSync(join(place.data, name), { throwIfNoEntry: false })?.size,
    );
  return changedAt(place.destination) !== mtimeMs;
}

/** True once the last page of the destination is there. */
export function hasLast(place: Place, { size }: Pipeline): boolean {
  const page = Buffer.alloc(PAGE);
  try {
    const fd = openSync(place.destination, "r");
    readSync(fd, page, 0, PAGE, size - PAGE);
    closeSync(fd);
  } catch {
    return false; // It has not been made yet.
  }
  return page.equals(content("source", size).subarray(size - PAGE));
}

/** The files that a run has left, other than those that it was to make. */
export function leftovers(place: Place, pipeline: Pipeline): string[] {
  const { isCached, result, bare: form } = pipeline;
  const expected = ["source", ...destinationsOf(place, pipeline).map((path) => basename(path))];
  if (isCached === true) expected.push("cache");
  if (result === "delta") expected.push("delta");
  return [
    ...readdirSync(place.data).filter((name) => !expected.includes(name)),
    ...readdirSync(place.temporary).map((name) => `tmp/${name}`),
    ...(form === undefined
      ? []
      : place.bare[form]
          .packages("one")
          .filter((name) => name.startsWith("."))
          .map((name) => `kept/${name}`)),
  ];
}
