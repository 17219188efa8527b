import type * as Binding from "../native/binding.js";
import type { Extents } from "../ranges/extents.ts";
import { RangeMapParser } from "../ranges/parse-map.ts";
import type { IdentifiedRow } from "../snapshots/lvm/report.ts";
import { LVM_SECONDS } from "../snapshots/lvm/volumes.ts";
import { removeUnless } from "../transport/files/unfinished.ts";
import { runLongTool } from "../transport/tools/long-tool.ts";
import { runTool } from "../transport/tools/system-tool.ts";
import { withMetadataSnapshot } from "./metadata-snapshot.ts";
import { versionFault } from "./thin-delta-version.ts";

/** Longest output of thin_delta that is read, in bytes. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Seconds that thin_delta may take: comparing everything is faster than waiting for longer. */
const MOST_SECONDS = 3600;

/** Two thin volumes of one pool. */
interface Pair {
  pool: IdentifiedRow;
  base: IdentifiedRow;
  snapshot: IdentifiedRow;
}

/**
 * Returns the ranges in which a snapshot may differ from the base: every block that only one of the two has, or that lies at another place
 * in the pool.
 *
 * @throws Error with the reason, as a clause
 */
export async function changedRanges(
  engine: Binding.Engine,
  { pool, base, snapshot }: Pair,
): Promise<Extents> {
  for (const id of [base.thin_id, snapshot.thin_id]) {
    if (!/^\d{1,8}$/.test(id)) {
      throw new Error(`${JSON.stringify(id)} is no thin id`);
    }
  }
  refuseFaultyProgram();
  const held = { device: deviceName(pool, "-tpool"), uuid: pool.lv_uuid };
  return withMetadataSnapshot(engine, held, () =>
    thinDelta(deviceName(pool, "_tmeta"), base.thin_id, snapshot.thin_id),
  );
}

/** @throws Error if thin_delta is of a version that cannot be relied on, or does not tell its version */
function refuseFaultyProgram(): void {
  const { output, failure } = runTool("thin_delta", ["--version"], LVM_SECONDS);
  const fault = failure ?? versionFault(output);
  if (fault !== undefined) {
    throw new Error(fault);
  }
}

async function thinDelta(metadata: string, base: string, snapshot: string): Promise<Extents> {
  const parser = new RangeMapParser("the output of thin_delta", () => NaN);
  let isFirst = true;
  const take = (text: string): void => {
    // The parser knows other formats, too.
    if (isFirst && !text.startsWith("<")) {
      throw new Error("thin_delta has not printed what it should");
    }
    isFirst = false;
    parser.feed(text);
  };
  let ended = (): void => undefined;
  try {
    const failure = await runLongTool(
      "thin_delta",
      ["--metadata-snap", "--snap1", base, "--snap2", snapshot, `/dev/mapper/${metadata}`],
      {
        most: MOST_BYTES,
        seconds: MOST_SECONDS,
        take,
        started: (stop) => (ended = removeUnless(stop)),
      },
    );
    if (failure !== undefined) {
      throw new Error(failure);
    }
  } finally {
    ended();
  }
  return parser.end();
}

/** Returns the reason why a snapshot cannot be compared by its mappings alone; undefined if it can. */
export function mappingFault(snapshot: IdentifiedRow): string | undefined {
  const device = deviceName(snapshot, "");
  const { output, failure } = runTool("dmsetup", ["table", device], LVM_SECONDS);
  if (failure !== undefined) {
    return failure;
  }
  const [, id, origin] = /^\d+ \d+ thin \d+:\d+ (\d+)( \S+)?\s*$/.exec(output) ?? [];
  if (id !== snapshot.thin_id) {
    return `the table of ${device} is not that of the thin volume ${snapshot.thin_id}`;
  }
  return origin === undefined
    ? undefined
    : `${snapshot.vg_name}/${snapshot.lv_name} has an external origin`;
}

/** Returns the name of a device of device-mapper: LVM doubles the hyphens in names. */
function deviceName({ vg_name: group, lv_name: volume }: IdentifiedRow, ending: string): string {
  return `${group.replaceAll("-", "--")}-${volume.replaceAll("-", "--")}${ending}`;
}
