import type { StageContext } from "../../blocks/context.ts";
import { clock } from "../../native/clock.ts";
import type { ExitStatus } from "../../transport/processes/child.ts";
import { type PipelineResult, runPipeline } from "../../transport/processes/pipeline.ts";
import type { Program } from "../../transport/processes/program.ts";
import { causeOf } from "../failures/which-failed.ts";
import { hostLabel } from "../connection/endpoint.ts";
import { commandText } from "../connection/remote-command.ts";
import { type CopyResult, doneIn, summaryOf } from "../copy-result.ts";
import { failureOf } from "../failures/failure.ts";
import { Listener, type SyncContext } from "../listener.ts";
import type { CopyPlan } from "../stream-programs.ts";
import { countsOf, leftBy, Side } from "../side.ts";
import { Silence } from "../silence.ts";
import { sizesOf } from "../stage-arguments.ts";
import { type Observers, stageProgram } from "../stage-program.ts";
import { explainLegacyFailure } from "./legacy-failure.ts";
import { type LegacyPlan, localSize, planOf } from "./plan.ts";
import { refuseForLegacy } from "./refused-options.ts";

/**
 * Makes the destination equal to the source with blockcopy 0.0.2 on the remote hosts, and stages of this version that use the legacy
 * protocol on this one.
 *
 * @returns no summary if both ends are remote: 0.0.2 reports no counts
 * @throws SyncError, UsageError
 */
export async function syncLegacy(
  context: SyncContext & Pick<StageContext, "engine">,
  plan: CopyPlan,
): Promise<CopyResult> {
  const { source, destination, copy } = plan;
  const begun = clock();
  refuseForLegacy(copy, source, destination);
  const legacy = planOf(plan, await localSize(context, plan));
  if (legacy.reporter === undefined && sizesOf(copy) === "same") {
    context.warn(
      "with blockcopy 0.0.2 on both hosts, the sizes of source and destination are not compared (--allow-larger accepts that)",
    );
  }
  const { statuses, firstFailed } = await runStages(context, plan, legacy);
  const left = leftBy(legacy.stages.map(({ side }) => side));
  if (left !== undefined) {
    context.keepLeft(left);
  }
  if (firstFailed !== undefined) {
    throw failureOfStages(legacy, statuses, firstFailed, context.warn);
  }
  const seconds = (clock() - begun) / 1000;
  return resultOf(legacy.reporter, { dryRun: copy.dryRun, seconds });
}

/** @throws the error for which the listener has refused the copy */
async function runStages(
  context: SyncContext,
  { source, remote, copy }: CopyPlan,
  { stages, pipes, reporter }: LegacyPlan,
): Promise<PipelineResult> {
  const reporting = reporter ?? new Side(source, "source");
  const listener = new Listener(context, [{ from: reporting, to: reporting }], {
    linked: true,
    limited: copy.bwlimit !== undefined,
  });
  const silence = new Silence({
    timeout: remote.timeout,
    warn: context.warn,
    giveUp: (error) => listener.giveUp(error),
  });
  const observers: Observers = { listener, silence };
  const programs = stages.map(({ side, commandOf }): Program => {
    context.debug(`${hostLabel(side.end)}: ${commandText(side.end, remote, commandOf)}`);
    return {
      ...stageProgram(
        side,
        { command: () => commandOf(remote) },
        { ...observers, isSilent: side !== reporter },
      ),
      tidiesUp: side.role === "source" && copy.snapshot !== "none",
    };
  });
  const result = await runPipeline(context.native, programs, pipes, { abort: listener.refused });
  listener.refused.throwIfAborted();
  return result;
}

function failureOfStages(
  { stages, reporter }: LegacyPlan,
  statuses: readonly (ExitStatus | undefined)[],
  firstFailed: number,
  warn: SyncContext["warn"],
): Error {
  const sides = stages.map(({ side }) => side);
  for (const [place, side] of sides.entries()) {
    const status = statuses[place];
    if (status !== undefined && side !== reporter) {
      explainLegacyFailure(side, status);
    }
  }
  return failureOf(causeOf(sides, statuses, firstFailed), warn);
}

function resultOf(
  reporter: Side | undefined,
  { dryRun, seconds }: { dryRun: boolean; seconds: number },
): CopyResult {
  if (reporter === undefined) {
    const lines = [`${doneIn(seconds)}: blockcopy 0.0.2 does not say what differed`];
    return { summary: undefined, map: undefined, lines };
  }
  const counts = countsOf([reporter]);
  if (reporter.role === "destination") {
    // The legacy block stream does not tell how long its blocks were before compression.
    counts.plain = counts.changed;
    counts.packed = counts.sent;
  }
  const facts = {
    verified: reporter.report?.outcome ?? null,
    dryRun,
    sizes: null,
    seconds,
    linked: true,
  };
  return { summary: summaryOf(reporter.done, counts, facts), map: reporter.changeMap };
}
