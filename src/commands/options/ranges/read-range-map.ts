import * as t from "typanion";

import { UsageError } from "../../../errors/copy-error.ts";
import type { StageContext } from "../../../blocks/context.ts";
import { type ExtentList, Extents } from "../../../ranges/extents.ts";
import { isExport } from "../../../native/export.ts";
import { MAX_EXTENTS } from "../../../protocol/range-list.ts";
import { isStandardInput } from "../../../transport/streams/standard-input.ts";
import { StreamError, systemCode } from "../../../errors/stream-errors.ts";
import { Input } from "../../../transport/streams/input.ts";
import { distrustOfInput, openInput, refuseUntrusted } from "../../../transport/files/trust.ts";
import type { DataStream } from "../../run/data-streams.ts";
import type { Kind } from "../declare.ts";
import { fileHere } from "../file-name.ts";
import { parseOffset } from "../offset.ts";

const FILE = fileHere("MAP");

/** Range map, as an option takes it: a file of this host, or a map of the source, `bitmap:NAME` or `allocation`. */
export const RANGE_MAP: Kind<string> = {
  ...FILE,
  validator: t.makeValidator({
    test: (given, state): given is string =>
      (typeof given === "string" && mapOfSource(given) !== undefined) ||
      FILE.validator(given, state),
  }),
};

/** A map that the server of the source tells of: a dirty bitmap, or what is allocated. */
interface MapOfSource {
  what: string;
  /** Name of the dirty bitmap; null for the allocation. */
  bitmap: string | null;
}

/** Returns the map of the source that a range map is; undefined for a file. */
function mapOfSource(map: string): MapOfSource | undefined {
  if (map === ALLOCATION) {
    return { what: "a map of what the source has allocated", bitmap: null };
  }
  const bitmap = /^bitmap:(.{1,255})$/s.exec(map)?.[1];
  return bitmap === undefined ? undefined : { what: "a dirty bitmap", bitmap };
}

/** Range map of what the source has allocated. What it leaves out need not be the same at the destination. */
export const ALLOCATION = "allocation";

const READ_LENGTH = 1024 * 1024;

/** Reads into the buffer, and returns the number of bytes read; 0 at the end. */
type Read = (target: Uint8Array) => Promise<number>;

/** Returns standard input as a stream that carries data if the range map comes from there. */
export function rangesStream(ranges: string | undefined): DataStream[] {
  return ranges !== undefined && isStandardInput(ranges)
    ? [{ fd: 0, name: "the range map", other: "thin_delta ..." }]
    : [];
}

/**
 * Reads the range map that `--ranges` names: a file of this host, or a map of the source.
 *
 * @param source the name of the source, if this host reads it; a map of the source is refused otherwise
 * @throws UsageError, StreamError, the engine's failures; UntrustedError for a file that another user may change
 */
export async function readRanges(
  { native, engine }: StageContext,
  file: string,
  source: string | undefined,
): Promise<ExtentList> {
  const map = mapOfSource(file);
  if (map !== undefined) {
    if (source === undefined || !isExport(source)) {
      throw new UsageError(
        `--ranges ${file} is ${map.what}, and the source is no export that this host connects to`,
        `give the source as nbd://HOST/EXPORT or nbd+unix:///EXPORT?socket=PATH, without a host before it; for a file of this name, give ./${file}`,
      );
    }
    return Extents.of(await engine.exportRanges(source, map.bitmap, MAX_EXTENTS));
  }
  if (isStandardInput(file)) {
    const input = new Input(native, "range map");
    return parse("the range map on standard input", (target) => input.read(target));
  }
  const handle = await openInput(file).catch((error: unknown) => {
    throw new UsageError(
      `the range map ${file} cannot be opened (${systemCode(error) ?? String(error)})`,
      "check its name and permissions",
    );
  });
  let bytes = 0;
  try {
    refuseUntrusted("the range map", await distrustOfInput(handle, file));
    return await parse(`the range map ${file}`, async (target) => {
      const { bytesRead } = await handle.read(target, 0, target.length).catch((error: unknown) => {
        throw new StreamError(`reading the range map ${file}`, systemCode(error) ?? "EIO", bytes);
      });
      bytes += bytesRead;
      return bytesRead;
    });
  } finally {
    await handle.close();
  }
}

async function parse(name: string, read: Read): Promise<ExtentList> {
  const { RangeMapParser } = await import("../../../ranges/parse-map.ts");
  const parser = new RangeMapParser(name, parseOffset);
  const buffer = Buffer.alloc(READ_LENGTH);
  for (let count = await read(buffer); count > 0; count = await read(buffer)) {
    // The syntax is ASCII. Other bytes are allowed in comments, and refused elsewhere.
    parser.feed(buffer.toString("latin1", 0, count));
  }
  return parser.end();
}
