import { ExitCode } from "../../errors/exit-codes.ts";
import { hostLabel } from "../connection/endpoint.ts";
import type { SidePair } from "../copy-view.ts";
import type { Cause } from "../failures/which-failed.ts";

/**
 * Returns the reason why no direct connection came up; undefined if a copy failed for another reason, or if a stage has opened its file
 * already.
 */
export function whyNoTunnel(
  streams: readonly SidePair[],
  { side: { end, error } }: Cause,
): string | undefined {
  if (error === undefined || streams.some(({ from, to }) => from.hasBegun || to.hasBegun)) {
    return undefined;
  }
  // An older version does not know the option, and `serve` refuses it.
  const isRefused = error.message.includes("--tunnel");
  const refuses = isRefused && [ExitCode.usage, ExitCode.permission].some((c) => c === error.code);
  return error.tunnel === true || refuses ? `${hostLabel(end)}: ${error.message}` : undefined;
}
