import type { AuditProgress, PartQueue } from "../../blocks/part-queue.ts";
import type { BlockFrame } from "../../protocol/block-stream/decoder.ts";
import { bytesOf, type ExtentList, Extents, lastNotAfter } from "../../ranges/extents.ts";
import type { AuditFindings } from "../../ui/programs/event-values.ts";

/**
 * Counts the blocks that differ where a range map says that nothing has changed.
 *
 * With several streams, each keeps its count in their queue, before it repairs anything: a process that takes the place of a lost one finds
 * the repaired blocks equal.
 */
export class Audit {
  readonly #audited: ExtentList;
  readonly #queue: Pick<PartQueue, "keepAudit"> | undefined;
  /** The offset up to which an earlier process of this stream has counted. */
  readonly #from: number;
  #found: AuditProgress;
  readonly #onFirst: (offset: number) => void;

  /**
   * @param audited the parts of the destination that are compared for the audit alone, in ascending order
   * @param queue the queue of several streams; undefined for one stream
   * @param onFirst called with the first difference, before it is repaired: a run that fails later would not tell of it, and the next one would
   *   find nothing
   */
  constructor(
    audited: ExtentList,
    queue?: Pick<PartQueue, "keepAudit" | "keptAudit">,
    onFirst: (offset: number) => void = () => undefined,
  ) {
    this.#audited = audited;
    this.#onFirst = onFirst;
    this.#queue = queue;
    this.#found = queue?.keptAudit() ?? { blocks: 0, bytes: 0, first: 0, end: 0 };
    this.#from = this.#found.end;
  }

  get findings(): AuditFindings {
    const { blocks, bytes, first } = this.#found;
    const compared = bytesOf(this.#audited);
    return { compared, blocks, bytes, first: blocks === 0 ? null : first };
  }

  /**
   * Takes blocks that are about to be written.
   *
   * @throws SharedListError
   */
  add(frames: readonly Pick<BlockFrame, "position" | "block">[]): void {
    const before = this.#found;
    for (const { position, block = 1 } of frames) {
      // Blocks ascend. The earlier process has counted those before, even if it could no longer write them.
      if (position >= this.#from) {
        this.#take(position, position + block);
      }
    }
    if (this.#found !== before) {
      this.#queue?.keepAudit(this.#found);
      if (before.blocks === 0) {
        this.#onFirst(this.#found.first);
      }
    }
  }

  #take(position: number, end: number): void {
    const shared = new Extents();
    for (let index = Math.max(0, lastNotAfter(this.#audited, position)); ; index += 1) {
      const extent = this.#audited.at(index);
      if (extent === undefined || extent.start >= end) {
        break;
      }
      shared.append({
        start: Math.max(extent.start, position),
        end: Math.min(extent.end, end),
      });
    }
    const [first, last] = [shared.at(0), shared.at(-1)];
    if (first !== undefined && last !== undefined) {
      const found = this.#found;
      this.#found = {
        blocks: found.blocks + 1,
        bytes: found.bytes + bytesOf(shared),
        first: found.blocks === 0 ? first.start : Math.min(found.first, first.start),
        end: Math.max(found.end, last.end),
      };
    }
  }
}
