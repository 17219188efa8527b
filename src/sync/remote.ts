import { ExitCode } from "../errors/exit-codes.ts";
import { clock } from "../native/clock.ts";
import type { ChangeMap } from "../ui/change-map.ts";
import type { CopySummary } from "../ui/programs/event-values.ts";
import { Bootstrap, isMissing } from "./bootstrap/bootstrap.ts";
import { type CopyResult, summaryOf } from "./copy-result.ts";
import { failureOf } from "./failures/failure.ts";
import type { SyncContext } from "./listener.ts";
import { contradiction, wrongCoverage } from "./failures/proof.ts";
import { countsOf, leftBy } from "./side.ts";
import { isWhole } from "./stage-arguments.ts";
import type { CopyPlan } from "./stream-programs.ts";
import { runStreams, type StreamsEnd } from "./streams.ts";
import { whyNoTunnel } from "./tunnel/why-no-tunnel.ts";
import { SyncError } from "./failures/sync-error.ts";

/**
 * Makes the destination equal to the source with a stage at each end, on whatever host. Hosts without blockcopy get it first.
 *
 * @throws SyncError, UsageError, CancelledError
 */
export async function syncRemote(context: SyncContext, plan: CopyPlan): Promise<CopyResult> {
  const { source, destination, remote, copy, sending } = plan;
  const begun = clock();
  const bootstrap = await Bootstrap.of(context, remote, { ends: [source, destination], sending });
  // After a bootstrap both stages start again and may repeat their warnings.
  const warn = once(context.warn);
  let { tunnel } = plan;
  for (;;) {
    const now = { ...plan, tunnel };
    const { streams, cause } = await runStreams({ ...context, warn }, now, bootstrap.sent);
    const left = leftBy(streams.map(({ from }) => from));
    if (left !== undefined) {
      context.keepLeft(left);
    }
    if (cause === undefined) {
      return resultOf(streams, copy, (clock() - begun) / 1000);
    }
    if (isMissing(cause)) {
      await bootstrap.send(cause.side);
      continue;
    }
    const refused = tunnel?.mayFallBack === true ? whyNoTunnel(streams, cause) : undefined;
    if (refused === undefined) {
      throw failureOf(cause, warn);
    }
    warn(`no direct connection, so the copy goes over ssh: ${refused}`);
    tunnel = undefined;
  }
}

/** Returns a function that passes on each message once. */
function once(warn: (message: string) => void): (message: string) => void {
  const warned = new Set<string>();
  return (message) => {
    if (!warned.has(message)) {
      warned.add(message);
      warn(message);
    }
  };
}

/**
 * Adds up the results of all streams.
 *
 * @throws SyncError if the two ends of a stream contradict each other
 */
function resultOf(
  streams: StreamsEnd["streams"],
  copy: CopyPlan["copy"],
  seconds: number,
): CopyResult {
  const wrong = wrongCoverage(streams.map(({ to }) => to));
  if (wrong !== undefined) {
    throw new SyncError(wrong.message, wrong.advice, ExitCode.protocol);
  }
  const counts = countsOf(streams.map(({ from }) => from));
  let [read, asked] = [0, 0];
  let map: ChangeMap | undefined;
  for (const { from, to } of streams) {
    const found = contradiction(from, to);
    if (found !== undefined) {
      throw new SyncError(found.message, found.advice, ExitCode.protocol);
    }
    read += from.done;
    asked += to.done;
    if (map !== undefined && from.changeMap !== undefined) {
      map.merge(from.changeMap);
    }
    map ??= from.changeMap;
  }
  const verified =
    copy.verify === "full" && streams.length > 1
      ? `all parts read back and equal to the source, by ${streams.length} streams`
      : streams.flatMap(({ to }) => to.report?.outcome ?? []).join("; ");
  const facts = {
    verified: verified === "" ? null : verified,
    dryRun: copy.dryRun,
    sizes: isWhole(copy) ? sizesIn(streams) : null,
    seconds,
    linked: true,
  };
  const audit = auditIn(streams, copy.audit);
  const summary = { ...summaryOf(read, counts, facts), ...(audit && { audit }) };
  return { summary, map, afterEnd: Math.max(0, asked - read) };
}

/**
 * Returns what the audit of one part has found; undefined without an audit. Each stream counts the blocks that it has written, and reports what
 * all of them together have compared.
 */
function auditIn(
  streams: StreamsEnd["streams"],
  part: CopyPlan["copy"]["audit"],
): CopySummary["audit"] {
  const findings = streams.flatMap(({ to }) => to.report?.proof?.audit ?? []);
  const [{ compared } = {}] = findings;
  if (part === undefined || compared === undefined) {
    return undefined;
  }
  const offsets = findings.flatMap(({ first }) => first ?? []);
  return {
    compared,
    blocks: findings.reduce((sum, { blocks }) => sum + blocks, 0),
    bytes: findings.reduce((sum, { bytes }) => sum + bytes, 0),
    first: offsets.length === 0 ? null : Math.min(...offsets),
    part: part.number,
    parts: part.count,
  };
}

/** Returns the lengths of both ends of the only stream, which is about all of both; null if a stage has not told. */
function sizesIn(streams: StreamsEnd["streams"]): CopySummary["sizes"] {
  const { from, to } = streams[0] ?? {};
  return from?.total === undefined || to?.total === undefined
    ? null
    : { source: from.total, destination: to.total };
}
