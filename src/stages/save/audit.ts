import type { BlockFrame } from "../../protocol/block-stream/decoder.ts";
import { bytesOf, type ExtentList, Extents, lastNotAfter } from "../../ranges/extents.ts";
import type { AuditFindings } from "../../ui/programs/event-schema.ts";

/** Counts the blocks that differ where a range map says that nothing has changed. */
export class Audit {
  readonly #audited: ExtentList;
  readonly #findings: AuditFindings;

  /** @param audited the parts of the destination that are compared for the audit alone, in ascending order */
  constructor(audited: ExtentList) {
    this.#audited = audited;
    this.#findings = { compared: bytesOf(audited), blocks: 0, bytes: 0, first: null };
  }

  get findings(): AuditFindings {
    return { ...this.#findings };
  }

  /** Takes blocks that were written, and their lengths. */
  add(frames: readonly Pick<BlockFrame, "position">[], lengths: readonly number[]): void {
    frames.forEach(({ position }, index) => this.#take(position, lengths[index] ?? 0));
  }

  #take(position: number, length: number): void {
    const end = position + length;
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
    const first = shared.at(0);
    if (first !== undefined) {
      const findings = this.#findings;
      findings.blocks += 1;
      findings.bytes += bytesOf(shared);
      findings.first = Math.min(findings.first ?? Infinity, first.start);
    }
  }
}
