import type { StageContext } from "../blocks/context.ts";
import { CopyError, UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { printable } from "../errors/printable.ts";
import { messageOf } from "../errors/message-of.ts";
import { ProtocolError } from "../protocol/error.ts";
import { numberOf, volumeKind } from "../snapshots/device-mapper.ts";
import { removeVolume } from "../snapshots/lvm/remove-volume.ts";
import { type IdentifiedRow, listIn } from "../snapshots/lvm/report.ts";
import { VolumeSnapshot } from "../snapshots/lvm/volume-snapshot.ts";
import { listIdentified } from "../snapshots/lvm/volumes.ts";
import { discard, type KeepWarning } from "../snapshots/snapshot.ts";
import {
  type SnapshotRequest,
  takeSnapshot,
  type Volume,
  volumeOf,
} from "../snapshots/take-snapshot.ts";
import { baseTag } from "./base-name.ts";
import { isOpening, isVerdict } from "./destination.ts";
import { type Changes, prepare, type Volumes, volumesOf } from "./find-changes.ts";
import { type BaseFacts, EVERYTHING } from "./record.ts";
import { lockDestination, openStateFolder, RecordFile, type RecordKey } from "./record-file.ts";
import { readWord } from "./word.ts";

/** Tells `sync` which ranges to compare, and why if all. */
export type Announce = (changes: Changes) => void;

/**
 * The source's side of a copy that only compares what has changed since the last one.
 *
 * It promises that no block is missed, wherever it is killed: before anything can be written to the destination, the record says which
 * ranges may be, and the base is exchanged only for a snapshot that the destination is known to be equal to.
 */
export class IncrementalCopy {
  readonly snapshot: VolumeSnapshot;
  readonly #context: StageContext;
  readonly #file: RecordFile;
  readonly #tag: string;
  readonly #group: string;
  readonly #facts: Omit<BaseFacts, "at" | "destination">;
  /** The UUID of the base so far. */
  readonly #last: string | undefined;

  private constructor(
    context: StageContext,
    {
      snapshot,
      file,
      tag,
      volumes: { origin, pool, taken },
      last,
    }: {
      snapshot: VolumeSnapshot;
      file: RecordFile;
      tag: string;
      volumes: Volumes;
      last: string | undefined;
    },
  ) {
    this.#context = context;
    this.snapshot = snapshot;
    this.#file = file;
    this.#tag = tag;
    this.#group = origin.vg_name;
    this.#last = last;
    this.#facts = {
      volume: {
        group: origin.vg_uuid,
        uuid: origin.lv_uuid,
        thinId: origin.thin_id,
        size: Number(origin.lv_size),
      },
      pool: {
        uuid: pool.lv_uuid,
        chunk: Number(pool.chunk_size),
        transaction: Number(pool.transaction_id),
      },
      base: { uuid: taken.lv_uuid, thinId: taken.thin_id },
    };
  }

  /**
   * Makes the snapshot, and finds and announces what has changed since the base. Reads the description of the destination from standard
   * input.
   *
   * @param keep called with warnings about snapshots of killed runs that cannot be removed
   * @throws UsageError, SnapshotError, CopyError, ProtocolError, the engine's failures
   */
  static async begin(
    context: StageContext,
    source: SnapshotRequest,
    { name, keep, announce }: { name: string; keep: KeepWarning; announce: Announce },
  ): Promise<IncrementalCopy> {
    const volume = thinVolumeOf(source);
    const { native, engine } = context;
    const opening = await readWord(native, "the description of the destination", isOpening);
    await openStateFolder();
    const file = RecordFile.of({ name, ...volume });
    await file.lock(engine);
    await lockDestination(engine, opening.destination);
    const snapshot = await takeSnapshot(context, source, keep);
    try {
      if (!(snapshot instanceof VolumeSnapshot)) {
        throw new TypeError("the snapshot is not one of a volume");
      }
      const volumes = await volumesOf(source, volume, snapshot);
      const tag = baseTag(name);
      const { changes, last } = await prepare(engine, { file, volumes, tag, ...opening });
      const removed = await file.removeOthers(engine, opening.destination);
      removed
        .filter((other) => other.name !== name)
        .forEach((other) => context.warn(unused(other)));
      announce(changes);
      return new IncrementalCopy(context, { snapshot, file, tag, volumes, last });
    } catch (error) {
      await discard(context, snapshot);
      throw error;
    }
  }

  /**
   * Waits until `sync` says that the destination is synced and complete, and makes the snapshot the new base.
   *
   * @param changed bytes of the blocks that were sent
   * @returns warnings about snapshots that are left; the base is right nevertheless
   * @throws ProtocolError, CopyError: the base is then the one before
   */
  async end(changed: number): Promise<string[]> {
    const { native, warn, debug } = this.#context;
    const verdict = await readWord(native, "the word that the copy is complete", isVerdict);
    if (verdict.changed !== changed) {
      throw new ProtocolError(
        "damaged",
        0,
        `${changed} bytes of blocks were sent, and the destination has written ${verdict.changed}`,
      );
    }
    const { destination, doubted } = verdict;
    const facts = { ...this.#facts, destination, at: new Date().toISOString() };
    try {
      const active = await this.snapshot.keepAs(this.#tag);
      if (active !== undefined) {
        warn(active);
      }
      // An audit that has found differences proves that the destination is not what the record said: compare everything next time.
      await this.#file.write({ facts, pending: doubted ? [EVERYTHING] : [] });
    } catch (error) {
      (await this.#remove((row) => row.lv_uuid === facts.base.uuid)).forEach(warn);
      throw error instanceof CopyError
        ? new CopyError(
            `the copy is complete, but ${error.message}`,
            error.advice,
            ExitCode.notKept,
          )
        : error;
    }
    debug(`the base is ${facts.base.uuid} from now on`);
    return this.#removeOthers();
  }

  /** Removes the earlier bases, and those of killed runs. */
  #removeOthers(): Promise<string[]> {
    const { base, volume } = this.#facts;
    return this.#remove((row, rows) => {
      const origin = rows.find(({ lv_uuid: uuid }) => uuid === volume.uuid);
      const isOld = row.lv_uuid === this.#last || row.origin === origin?.lv_name;
      return row.lv_uuid !== base.uuid && isOld;
    });
  }

  /** Removes some of the bases with this name; returns warnings. The next run tries again to remove what is left. */
  async #remove(
    isWanted: (row: IdentifiedRow, rows: readonly IdentifiedRow[]) => boolean,
  ): Promise<string[]> {
    const left: string[] = [];
    try {
      const rows = await listIdentified(this.#group);
      const bases = rows.filter((row) => listIn(row.lv_tags).includes(this.#tag));
      for (const { vg_name: group, lv_name: name } of bases.filter((row) => isWanted(row, rows))) {
        const warning = await removeVolume({ group, name, tags: [this.#tag] }, 1);
        if (warning !== undefined) {
          left.push(warning);
        }
      }
      return left;
    } catch (error) {
      return [...left, `old snapshots with the tag ${this.#tag} may be left: ${messageOf(error)}`];
    }
  }
}

/** Makes the warning about a record that was removed, whose base stays: only the operator knows if its name is still used. */
function unused({ name, group, volume }: RecordKey): string {
  const which = printable(name);
  const path = printable(`${group}/${volume}`);
  return `the record of --incremental ${which} for ${path} was removed, because this copy writes to the same destination or it could not be read; if you no longer use that NAME, remove its base, which takes room in the pool: find the snapshot of ${path} with \`lvs -o +origin @${baseTag(which)}\`, and remove it with \`lvremove\``;
}

/** Returns the thin volume that is the source, and refuses anything else. */
function thinVolumeOf(source: SnapshotRequest): Volume {
  const number = numberOf(source.origin);
  const isThin = number !== undefined && volumeKind(number) === "thin";
  const volume = isThin ? volumeOf(source) : undefined;
  if (volume === undefined) {
    throw new UsageError(
      `--incremental cannot be used: ${source.file} is no thin LVM volume`,
      "leave it out; --snapshot auto works for more",
    );
  }
  return volume;
}
