import { isEngineFailure, LOST_TUNNEL, NO_TUNNEL } from "../errors/engine-failure.ts";
import { adviceOn, exitCodeOf, failureMessage } from "../errors/explain.ts";
import { ReaderGoneError } from "../errors/stream-errors.ts";
import { ProtocolError } from "../protocol/error.ts";
import { SharedListError } from "../transport/files/shared-list-error.ts";
import { eventLine } from "../ui/event-lines.ts";
import type { JsonLine } from "../ui/json-line.ts";

/** Makes the event for a failure. `synced` are the bytes that are on the disk nevertheless, if that is known. */
export function errorEvent(error: unknown, stage: string, synced: number | undefined): JsonLine {
  return eventLine({
    event: "error",
    message: failureMessage(error),
    advice: adviceOn(error, stage),
    code: exitCodeOf(error),
    consequence: isConsequence(error),
    ...(synced !== undefined && { synced }),
    ...(isEngineFailure(error) && NO_TUNNEL.includes(error.kind) && { tunnel: true }),
    ...(isEngineFailure(error) && LOST_TUNNEL.includes(error.kind) && { tunnelLost: true }),
    ...(error instanceof SharedListError && error.makerGone && { firstStreamGone: true }),
    foreign:
      error instanceof ProtocolError &&
      ["unknown-command", "other-stream", "not-asked"].includes(error.code),
  });
}

/** Kinds of failures of a direct connection whose cause is elsewhere. */
const ELSEWHERE: readonly string[] = ["tunnel-cut", "tunnel-abandoned"];

/** True if a failure is the consequence of that of another stage: its stream ends, or it no longer reads. */
export function isConsequence(error: unknown): boolean {
  return (
    (isEngineFailure(error) && ELSEWHERE.includes(error.kind)) ||
    error instanceof ReaderGoneError ||
    (error instanceof ProtocolError &&
      ["closed", "truncated-command", "truncated-frame"].includes(error.code))
  );
}
