import { AddonError } from "../native/load.ts";
import { ProtocolError } from "../protocol/error.ts";
import { CopyError } from "./copy-error.ts";
import { adviceOnEngine, engineExitCode, isEngineFailure, REPORT } from "./engine-failure.ts";
import { ExitCode } from "./exit-codes.ts";
import { adviceOnStream } from "./protocol-advice.ts";
import { messageOf } from "./message-of.ts";
import { ADVICE_ON_PART, missingPart } from "./missing-part.ts";
import { failedCall } from "./stream-errors.ts";
import { adviceOnSystem, OR_FORCE, OR_FORCE_EMPTY, withoutCopy } from "./system-advice.ts";

/** Returns the exit code for a failure. An unexpected one is a bug, unless the system has refused a call. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CopyError) {
    return error.exitCode;
  }
  if (error instanceof ProtocolError) {
    return ExitCode.protocol;
  }
  if (error instanceof AddonError || missingPart(error) !== undefined) {
    return ExitCode.unavailable;
  }
  if (isEngineFailure(error)) {
    return engineExitCode(error);
  }
  return failedCall(error) === undefined ? ExitCode.internal : ExitCode.io;
}

/** Returns the words of a failure; a failed call of the system is named with its reason, and a part of this program that is missing. */
export function failureMessage(error: unknown): string {
  return failedCall(error)?.message ?? missingPart(error) ?? messageOf(error);
}

/** Returns advice on a failure of `stage`. */
export function adviceOn(error: unknown, stage: string): string {
  const advice = adviceFor(error, stage);
  return stage === "compare" ? withoutCopy(advice) : advice;
}

/** Returns a failure of `stage` whose advice does not name --force, for a copy that cannot have it; any other error as it is. */
export function withoutForce(error: unknown, stage: string): unknown {
  const given = adviceOn(error, stage);
  const advice = given.replace(OR_FORCE, "").replace(OR_FORCE_EMPTY, "");
  return advice === given ? error : new CopyError(failureMessage(error), advice, exitCodeOf(error));
}

function adviceFor(error: unknown, stage: string): string {
  if (error instanceof CopyError || error instanceof AddonError) {
    return error.advice;
  }
  if (error instanceof ProtocolError) {
    return adviceOnStream(error, stage);
  }
  if (isEngineFailure(error)) {
    return adviceOnEngine(error, stage);
  }
  if (missingPart(error) !== undefined) {
    return ADVICE_ON_PART;
  }
  const call = failedCall(error);
  return call === undefined ? REPORT : adviceOnSystem({ ...call, role: "source", writes: false });
}
