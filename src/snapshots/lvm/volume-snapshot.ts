import { setTimeout as sleep } from "node:timers/promises";

import type { StageContext } from "../../blocks/context.ts";
import { clock } from "../../native/clock.ts";
import type * as Binding from "../../native/binding.js";
import { removeUnless } from "../../transport/files/unfinished.ts";
import { awaitTool } from "../../transport/tools/system-tool.ts";
import type { CopyError } from "../../errors/copy-error.ts";
import { formatBytes } from "../../ui/format.ts";
import { discardNow, type Snapshot } from "../snapshot.ts";
import { LostSnapshotError, SnapshotError } from "../snapshot-error.ts";
import { ownTag } from "./owner.ts";
import { type VolumePlan, poolFault, poolOf } from "./plan.ts";
import { isRow, type Removable, removeVolume, removeVolumeNow } from "./remove-volume.ts";
import { isInvalid, type VolumeRow } from "./report.ts";
import { snapshotName } from "./snapshot-name.ts";
import { listVolumes, LVM_PATIENCE, pathOf } from "./volumes.ts";
import { messageOf } from "../../errors/message-of.ts";

/** Milliseconds to wait for the device node, which udev makes, and between two looks. */
const NODE = { patience: 10_000, interval: 50 };

type Context = Pick<StageContext, "native" | "direct" | "alarm" | "debug">;

/**
 * Makes a snapshot of a volume and opens it. Whatever happens, it is removed when the process ends, unless that is killed.
 *
 * @throws SnapshotError, the engine's failures
 */
export async function snapshotVolume(context: Context, plan: VolumePlan): Promise<VolumeSnapshot> {
  const { origin } = plan;
  const tag = ownTag();
  if (tag === undefined) {
    throw new SnapshotError(
      "the snapshot could not be marked as one of this run, because /proc is missing, or of another PID namespace",
      "mount it here (`mount -t proc proc /proc`)",
    );
  }
  const group = origin.vg_name;
  const name = snapshotName(
    { group, volume: origin.lv_name },
    { now: new Date(), pid: process.pid },
  );
  const made = new VolumeSnapshot(plan, name, tag);
  made.onRemoved = removeUnless(() => discardNow(context, made));
  await create(context, plan, { made, name, tag });
  return made;
}

/** Makes the snapshot and opens it. */
async function create(
  context: Context,
  { kind, origin, size }: VolumePlan,
  { made, name, tag }: { made: VolumeSnapshot; name: string; tag: string },
): Promise<void> {
  const room = size === undefined ? ["--setactivationskip", "n"] : ["--size", `${size}b`];
  const how = ["--snapshot", "--yes", "--permission", "r", "--activate", "y", ...room];
  const { failure } = await awaitTool(
    "lvcreate",
    [...how, "--name", name, "--addtag", tag, "--", pathOf(origin)],
    LVM_PATIENCE,
  );
  if (failure !== undefined) {
    throw new SnapshotError(
      `a snapshot of ${pathOf(origin)} could not be made: ${failure}`,
      kind === "thin"
        ? "look at its pool (`lvs -a`), and run it again"
        : "look at its volume group (`vgs`, `lvs -a`), and run it again",
    );
  }
  context.debug(`made the snapshot ${origin.vg_name}/${name}`);
  await made.open(context);
}

/** A snapshot of a volume. */
export class VolumeSnapshot implements Snapshot {
  readonly #plan: VolumePlan;
  readonly #name: string;
  readonly #tag: string;
  #source: Binding.Source | undefined;
  #isRemoved = false;
  onRemoved: () => void = () => undefined;

  constructor(plan: VolumePlan, name: string, tag: string) {
    this.#plan = plan;
    this.#name = name;
    this.#tag = tag;
  }

  get source(): Binding.Source {
    if (this.#source === undefined) {
      throw new TypeError("the snapshot has not been opened");
    }
    return this.#source;
  }

  /** The size of a classic snapshot, for messages. */
  get #room(): string {
    const { size } = this.#plan;
    return size === undefined ? "" : ` (${formatBytes(size)})`;
  }

  get #path(): string {
    return `${this.#plan.origin.vg_name}/${this.#name}`;
  }

  get #removable(): Removable {
    return { group: this.#plan.origin.vg_name, name: this.#name, tags: [this.#tag] };
  }

  /** Opens the device once it exists. A node of another device, such as an old one, is not taken for it. */
  async open({ native, direct }: Context): Promise<void> {
    const row = this.#find(await listVolumes(this.#plan.origin.vg_name));
    if (row === undefined) {
      throw new SnapshotError(
        `lvcreate reported success, and the snapshot ${this.#path} does not exist`,
        "look at `lvs -a`",
      );
    }
    const number = `${row.lv_kernel_major}:${row.lv_kernel_minor}`;
    const begun = clock();
    let reason = "it is another device";
    while (clock() - begun < NODE.patience) {
      try {
        // The process may end while it waits for a promise, and could then not close what is being opened.
        const source = native.openNow(row.lv_dm_path, direct);
        if (source.instance()?.endsWith(` device ${number}`) === true) {
          this.#source = source;
          return;
        }
        source.close();
      } catch (error) {
        reason = messageOf(error);
      }
      await sleep(NODE.interval);
    }
    throw new SnapshotError(
      `the device ${row.lv_dm_path} of the snapshot ${this.#path} does not appear: ${reason}`,
      "see that udev works (`udevadm settle`; `vgmknodes` makes missing nodes)",
    );
  }

  async fault({ hasFailed }: { hasFailed: boolean }): Promise<CopyError | undefined> {
    let rows: VolumeRow[];
    try {
      rows = await listVolumes(this.#plan.origin.vg_name);
    } catch (error) {
      return lost(
        `it is unknown whether the snapshot ${this.#path} was still whole at the end: ${messageOf(error)}`,
        "run it again when `lvs` works",
      );
    }
    const row = this.#find(rows);
    if (row === undefined) {
      return lost(`the snapshot ${this.#path} was removed during the copy`, "run it again");
    }
    if (isInvalid(row)) {
      return lost(
        `the snapshot ${this.#path} is full: more has changed on ${pathOf(this.#plan.origin)} during the copy than it has room for${this.#room}`,
        "run it again with a larger --snapshot-size",
      );
    }
    const pool = hasFailed && this.#plan.kind === "thin" ? poolOf(rows, row) : undefined;
    const fault = pool && poolFault(pool);
    return fault === undefined
      ? undefined
      : lost(`the snapshot ${this.#path} cannot be read: ${fault}`, "extend the pool (`lvextend`)");
  }

  /** True for its row in a list of the volumes of its group. */
  isRow(row: Pick<VolumeRow, "lv_name" | "lv_tags">): boolean {
    return isRow(row, this.#removable);
  }

  /**
   * Makes it a snapshot that stays: closes it, and exchanges the tag of this process for another one, so that no run removes it as that of a
   * killed one. It is not activated with its group any more.
   *
   * @returns a warning if it could not be deactivated, which does it no harm
   * @throws SnapshotError if it could not be kept; it then has one of the two tags, or both
   */
  async keepAs(tag: string): Promise<string | undefined> {
    const path = this.#path;
    this.#source?.close();
    const change = async (words: readonly string[]): Promise<string | undefined> =>
      (await awaitTool("lvchange", ["--yes", ...words, "--", path], LVM_PATIENCE)).failure;
    const failure = await change([
      "--setactivationskip",
      "y",
      "--addtag",
      tag,
      "--deltag",
      this.#tag,
    ]);
    if (failure !== undefined) {
      throw new SnapshotError(
        `the snapshot ${path} could not be kept: ${failure}`,
        "look at `lvs -a -o +lv_tags`",
      );
    }
    this.#isRemoved = true;
    this.onRemoved();
    const active = await change(["--activate", "n"]);
    return active && `the snapshot ${path} is kept, and could not be deactivated: ${active}`;
  }

  async remove(): Promise<string | undefined> {
    if (this.#isRemoved) {
      return undefined;
    }
    // LVM removes no volume that is open.
    this.#source?.close();
    const left = await removeVolume(this.#removable);
    this.#isRemoved = true;
    this.onRemoved();
    return left;
  }

  removeNow(): string | undefined {
    if (this.#isRemoved) {
      return undefined;
    }
    this.#isRemoved = true;
    this.onRemoved();
    this.#source?.close();
    return removeVolumeNow(this.#removable);
  }

  #find(rows: readonly VolumeRow[]): VolumeRow | undefined {
    return rows.find((row) => this.isRow(row));
  }
}

function lost(message: string, advice: string): CopyError {
  return new LostSnapshotError(message, advice);
}
