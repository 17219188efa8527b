import { isEngineFailure } from "../../errors/engine-failure.ts";
import type { StageContext } from "../../blocks/context.ts";
import { runPipeline } from "../../transport/processes/pipeline.ts";
import type { Pipe } from "../../transport/processes/pipes.ts";
import type { RemoteEndpoint } from "../connection/endpoint.ts";
import { causeOf, failureOf } from "../failure.ts";
import {
  commandText,
  type RemoteOptions,
  stageCommand,
  whereIs,
} from "../connection/remote-command.ts";
import { type CopyResult, doneIn, summaryOf } from "../copy-result.ts";
import { peerCommand, type PeerStage, type Size } from "./peer-command.ts";
import { explainPeer } from "./peer-failure.ts";
import { refuseForLegacy } from "./refused-options.ts";
import { Listener, type Shown } from "../listener.ts";
import { isDone } from "../proof.ts";
import type { CopyPlan } from "../streams.ts";
import { countsOf, Side } from "../side.ts";
import { Silence } from "../silence.ts";
import { type CopyOptions, receiveWords, retrieveWords, sizesOf } from "../stage-arguments.ts";

/** What the stage here is told: to speak as 0.0.2 does. */
const PLAIN = "--wire=0.0.2";

/** What a stage is a part of, and the words that run it where its file is. */
interface Part {
  side: Side;
  commandOf: (remote: RemoteOptions) => [string, ...string[]];
}

/** A copy as a graph: its programs, how they are joined, and the one of them that is of this program and tells how far it is. */
interface Plan {
  parts: Part[];
  joints: Pipe[];
  telling: Side | undefined;
}

/**
 * As `syncRemote`, with hosts that have blockcopy 0.0.2: its stages where an end is on another host, and one of this program, which speaks as
 * they do, where an end is here.
 *
 * @returns what came of it; without a summary when no stage is here, so that nobody has counted
 * @throws SyncError, UsageError
 */
export async function syncLegacy(
  context: Shown & Pick<StageContext, "engine">,
  options: CopyPlan,
): Promise<CopyResult> {
  const { source, destination, copy } = options;
  const { native, warn, debug } = context;
  const begun = performance.now();
  refuseForLegacy(copy, source, destination);
  const { parts, joints, telling } = planOf(options, await sizeHere(context, options));
  if (telling === undefined && sizesOf(copy) === "same") {
    warn(
      "with blockcopy 0.0.2 on both hosts, nobody compares the sizes of source and destination (with --allow-larger, nobody is asked to)",
    );
  }
  const sides = parts.map(({ side }) => side);
  const shown = telling ?? new Side(source, "source");
  const listener = new Listener(context, [{ from: shown, to: shown }], {
    linked: true,
    limited: copy.bwlimit !== undefined,
  });
  const silence = new Silence({
    timeout: options.remote.timeout,
    warn,
    giveUp: (error) => listener.giveUp(error),
  });
  const { statuses: ended, firstFailed: first } = await runPipeline(
    native,
    parts.map(({ side, commandOf }) => {
      debug(`${whereIs(side.end)}: ${commandText(side.end, options.remote, commandOf)}`);
      const watch = silence.watch(side.end, `the stage at the ${side.role}`);
      const listen = listener.of(side);
      return {
        command: commandOf(options.remote),
        onStart: watch.begin,
        onLine: (text) => {
          watch.heard();
          listen(text);
          // A stage of 0.0.2 says no more until it ends: from then on, only the stage here is known to be alive.
          if (side.hello !== undefined && side !== telling) {
            watch.end();
          }
        },
        isDone: (end) => {
          watch.end();
          return isDone(side, end);
        },
      };
    }),
    joints,
    { abort: listener.refused },
  );
  if (listener.refused.aborted) {
    throw listener.refused.reason;
  }
  if (first !== undefined) {
    for (const [place, end] of ended.entries()) {
      const side = sides[place];
      if (side !== undefined && end !== undefined && side !== telling) {
        explainPeer(side, end);
      }
    }
    throw failureOf(causeOf(sides, ended, first), warn);
  }
  const seconds = (performance.now() - begun) / 1000;
  if (telling === undefined) {
    const lines = [`${doneIn(seconds)}: blockcopy 0.0.2 does not say what differed`];
    return { summary: undefined, map: undefined, lines };
  }
  const counts = countsOf([telling]);
  if (telling.role === "destination") {
    // What it writes came in frames that were blocks, of which nobody has told how long they were before.
    counts.plain = counts.changed;
    counts.packed = counts.sent;
  }
  const how = {
    verified: telling.finished?.outcome ?? null,
    dryRun: copy.dryRun,
    seconds,
    linked: true,
  };
  return { summary: summaryOf(telling.done, counts, how), map: telling.map };
}

/** @param size that of the end that is here */
function planOf(options: CopyPlan, size: Size | undefined): Plan {
  const { source, destination, copy } = options;
  const compress = copy.compress === "lzma" ? "lzma" : "none";
  const from = new Side(source, "source");
  const to = new Side(destination, "destination", {
    promised: destination.kind === "local" && !copy.dryRun ? copy.verify : "none",
  });
  const ours = (side: Side, words: readonly string[]): Part => ({
    side,
    commandOf: (remote) => stageCommand(side.end, [...words, PLAIN], remote, undefined),
  });
  const theirs = (side: Side, end: RemoteEndpoint, stage: PeerStage): Part => ({
    side,
    commandOf: (remote) => peerCommand(end, stage, remote),
  });
  const retrieve =
    source.kind === "local"
      ? ours(from, retrieveWords({ ...copy, compress }, true))
      : theirs(from, source, {
          words: ["retrieve", ...(compress === "lzma" ? ["--lzma"] : [])],
          size,
        });
  if (destination.kind === "local") {
    return {
      parts: [ours(to, receiveWords(copy)), retrieve],
      joints: joined(false, 0, 1, 0),
      telling: to,
    };
  }
  const unmounted = !copy.force && !copy.dryRun;
  const checksum = theirs(to, destination, {
    words: ["checksum", ...rangeWords(copy)],
    size,
    unmounted,
  });
  if (copy.dryRun) {
    return { parts: [checksum, retrieve], joints: joined(false, 0, 1), telling: from };
  }
  const save = theirs(new Side(destination, "destination"), destination, {
    words: ["save"],
    synced: true,
  });
  const elsewhere = source.kind === "remote";
  return {
    parts: [checksum, retrieve, save],
    // Where none of the three would notice that this process is gone, it stands between them.
    joints: joined(elsewhere, 0, 1, 2),
    telling: elsewhere ? undefined : from,
  };
}

/** Joints from each place to the next. */
function joined(relayed: boolean, ...places: number[]): Pipe[] {
  return places.slice(1).map((to, place) => ({ from: places[place] ?? 0, to, relayed }));
}

/** The size of the end that is here, for the other to be compared with; undefined where there is none, or any will do. */
async function sizeHere(
  { engine }: Pick<StageContext, "engine">,
  { source, destination, copy }: CopyPlan,
): Promise<Size | undefined> {
  const sizes = sizesOf(copy);
  const is = source.kind === "local" ? "source" : "destination";
  const end = source.kind === "local" ? source : destination;
  if (sizes === "any" || end.kind === "remote") {
    return undefined;
  }
  try {
    const { size } = await engine.openSource(end.path, "off");
    return { here: size, is, sizes };
  } catch (error) {
    // The stage that has to open it says so, or makes it.
    if (isEngineFailure(error)) {
      return undefined;
    }
    throw error;
  }
}

function rangeWords({ start, end }: CopyOptions): string[] {
  return [
    ...(start === undefined ? [] : [`--start=${start}`]),
    ...(end === undefined ? [] : [`--end=${end}`]),
  ];
}
