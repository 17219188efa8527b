// The files of one run: made anew for each, and looked through after it.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Cleaning } from "../support/cleanup.ts";
import { assertSame } from "../support/files/bytes.ts";
import { hashes } from "../support/files/cache.ts";
import { noise, scratch } from "../support/files/files.ts";
import { bare, singles } from "../support/hosts/bare-host.ts";
import { hosts, script } from "../support/hosts/hosts.ts";
import { environment } from "../support/programs/cli.ts";
import type { Pipeline, Place } from "./pipeline.ts";

/** Pages are written one by one at the finest, so each is the old or the new one. */
const PAGE = 4096;

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

const contents = new Map<string, Buffer>();

/** Content of a file of that size: of the source, of the destination before the copy, or of the source a night later. */
export function content(what: "source" | "old" | "later", size: number): Buffer {
  const key = `${what} ${size}`;
  let found = contents.get(key);
  if (found === undefined) {
    found = noise(`kills ${what}`, size);
    // One block in eight is the same, so that not all are sent.
    if (what !== "source") {
      const source = content("source", size);
      for (let at = 0; at < size; at += 8 * 131_072) source.copy(found, at, at, at + 131_072);
    }
    contents.set(key, found);
  }
  return found;
}

/** Makes the files of a run. Returns what tells that the destination has been written to. */
export async function prepare(
  place: Place,
  { size, isCached, bare: form }: Pipeline,
): Promise<Watched> {
  for (const folder of [place.data, place.temporary, place.output]) {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
  }
  writeFileSync(place.source, content("source", size));
  writeFileSync(place.destination, content("old", size));
  if (form !== undefined) rmSync(place.bare[form].kept("one"), { recursive: true, force: true });
  if (isCached === true)
    writeFileSync(place.cache, await hashes(place.destination, ["--digest", "blake3"]), {
      mode: 0o600,
    });
  return { mtimeMs: statSync(place.destination).mtimeMs };
}

/** What tells that the destination has been written to. */
export interface Watched {
  mtimeMs: number;
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
  return statSync(place.destination).mtimeMs !== mtimeMs;
}

/** True once the last page of the destination is there. */
export function hasLast({ destination }: Place, { size }: Pipeline): boolean {
  const page = Buffer.alloc(PAGE);
  const fd = openSync(destination, "r");
  try {
    readSync(fd, page, 0, PAGE, size - PAGE);
  } finally {
    closeSync(fd);
  }
  return page.equals(content("source", size).subarray(size - PAGE));
}

/** True if the destination is equal to the source. */
export function isComplete(
  { destination }: Place,
  { size }: Pipeline,
  what: "source" | "old" | "later" = "source",
): boolean {
  return readFileSync(destination).equals(content(what, size));
}

/** Asserts that the source is as it was, and that each page of the destination is an old or a new one. */
export function assertNothingElse(place: Place, { size }: Pipeline): void {
  const [source, old] = [content("source", size), content("old", size)];
  assertSame(readFileSync(place.source), source, "the source");
  const now = readFileSync(place.destination);
  if (now.length !== size)
    throw new Error(`the destination has ${now.length} bytes instead of ${size}`);
  for (let at = 0; at < size; at += PAGE) {
    const page = now.subarray(at, at + PAGE);
    if (!page.equals(source.subarray(at, at + PAGE)) && !page.equals(old.subarray(at, at + PAGE)))
      throw new Error(
        `the page at offset ${at} of the destination is neither the old nor the new one`,
      );
  }
}

/** The bytes of blocks of the destination that are those of the source and were not before. */
export function copiedBytes({ destination }: Place, { size }: Pipeline): number {
  const [now, source, old] = [
    readFileSync(destination),
    content("source", size),
    content("old", size),
  ];
  let bytes = 0;
  for (let at = 0; at < size; at += 131_072) {
    const block = (of: Buffer): Buffer => of.subarray(at, at + 131_072);
    if (block(now).equals(block(source)) && !block(now).equals(block(old)))
      bytes += block(now).length;
  }
  return bytes;
}

/** The files that a run has left, other than those that it was to make. */
export function leftovers(place: Place, { isCached, result, bare: form }: Pipeline): string[] {
  const expected = ["source", "destination"];
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
