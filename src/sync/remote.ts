import { ExitCode } from "../errors/exit-codes.ts";
import type { ChangeMap } from "../ui/change-map.ts";
import { failureOf, SyncError } from "./failure.ts";
import type { Shown } from "./listener.ts";
import { type CopyResult, summaryOf } from "./copy-result.ts";
import { contradiction } from "./proof.ts";
import { countsOf } from "./side.ts";
import { type CopyPlan, runStreams, type StreamsEnd } from "./streams.ts";
import { isMissing, Supply } from "./bootstrap/bootstrap.ts";

/**
 * Makes a file or device equal to another one, wherever the two are. Where there is no blockcopy, it is sent.
 *
 * @throws SyncError, UsageError
 */
export async function syncRemote(shown: Shown, plan: CopyPlan): Promise<CopyResult> {
  const { source, destination, remote, copy } = plan;
  const begun = performance.now();
  const supply = await Supply.of(shown, remote, [source, destination]);
  const warned = new Set<string>();
  // A side that has what it needs may say the same again when both are started anew.
  const warn = (message: string): void => {
    if (!warned.has(message)) {
      warned.add(message);
      shown.warn(message);
    }
  };
  for (;;) {
    const { streams, cause } = await runStreams({ ...shown, warn }, plan, supply.package);
    if (cause === undefined) {
      return copied(streams, copy.dryRun, (performance.now() - begun) / 1000);
    }
    if (!isMissing(cause.side, cause.ended)) {
      throw failureOf(cause, warn);
    }
    await supply.send(cause.side);
  }
}

/**
 * The outcome of all streams together.
 *
 * @throws SyncError when the two ends of a stream contradict each other
 */
function copied(streams: StreamsEnd["streams"], dryRun: boolean, seconds: number): CopyResult {
  const counts = countsOf(streams.map(({ from }) => from));
  let read = 0;
  let map: ChangeMap | undefined;
  for (const { from, to } of streams) {
    const lack = contradiction(from, to);
    if (lack !== undefined) {
      throw new SyncError(lack.message, lack.advice, ExitCode.protocol);
    }
    read += from.done;
    if (map !== undefined && from.map !== undefined) {
      map.merge(from.map);
    }
    map ??= from.map;
  }
  const verified = streams.flatMap(({ to }) => to.finished?.outcome ?? []).join("; ");
  const how = { verified: verified === "" ? null : verified, dryRun, seconds, linked: true };
  return { summary: summaryOf(read, counts, how), map };
}
