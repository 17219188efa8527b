import { ExitCode } from "../errors/exit-codes.ts";
import { COUNTED, NO_COUNTS } from "../ui/progress.ts";
import { BlockcopyError } from "./error.ts";
import { REPORT } from "./failure.ts";
import type { Success } from "./operation.ts";
import type {
  ChangeMap,
  Comparison,
  CopySummary,
  Counts,
  RootDigest,
  SaveResult,
  StageResult,
  SyncResult,
} from "./types.ts";

/** Makes the result of `sync`. */
export function syncResult(success: Success): SyncResult {
  return {
    outcome: success.end.outcome ?? "",
    summary: summaryIn(success),
    map: mapIn(success),
  };
}

/** Makes the result of `compare`. */
export function comparison(success: Success): Comparison {
  const { summary } = success.end;
  if (!summary) {
    throw fault("the comparison has not counted");
  }
  const { blocks, changed, sizes, first = null } = summary;
  return {
    equal: !success.differs,
    sizes: sizes ? { a: sizes.source, b: sizes.destination } : null,
    blocks,
    bytes: changed,
    first,
    map: mapIn(success),
  };
}

/** Makes the result of `checksum` or `retrieve`. */
export function stageResult({ end, progress }: Success): StageResult {
  const counts: Counts = { ...NO_COUNTS };
  for (const what of COUNTED) {
    counts[what] = progress.counts[what] ?? 0;
  }
  return { outcome: end.outcome, done: progress.done, counts };
}

/** Makes the result of `save`. */
export function saveResult(success: Success): SaveResult {
  return { ...stageResult(success), verified: success.end.proof?.verified ?? "none" };
}

/** Makes the result of `checksum` with `root`, from the line that it prints. */
export function rootResult({ text }: Success): RootDigest {
  const form = /^blockcopy-root (sha3-512|blake3)\/(\d+) (\d+) ([0-9a-f]+)$/;
  const [, algorithm, blockSize, size, root = ""] = form.exec(text.join("\n")) ?? [];
  if (algorithm !== "sha3-512" && algorithm !== "blake3") {
    throw fault(`this is not a root digest: ${text.join(" ")}`);
  }
  return { algorithm, blockSize: Number(blockSize), size: Number(size), root };
}

function summaryIn({ end }: Success): CopySummary | null {
  const { summary } = end;
  return summary ? { ...summary, sizes: summary.sizes ?? null } : null;
}

function fault(message: string): BlockcopyError {
  return new BlockcopyError(message, {
    code: "INTERNAL",
    exitCode: ExitCode.internal,
    advice: REPORT,
  });
}

function mapIn({ map }: Success): ChangeMap | undefined {
  return map && { length: map.length, bucket: map.bucket, changed: map.changed };
}
