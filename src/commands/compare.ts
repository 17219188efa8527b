import { Command } from "clipanion";

import { compareEnds, type ComparisonOptions } from "../sync/compare.ts";
import { parseEndpoint, pathHere } from "../sync/connection/endpoint.ts";
import { refuseUnusableRsh } from "../sync/connection/unusable-rsh.ts";
import type { CopyResult } from "../sync/copy-result.ts";
import type { LocalContext } from "../sync/local.ts";
import { flag, operand, value } from "./options/declare.ts";
import { fileHere, fileName, refuseStandardInput } from "./options/file-name.ts";
import { refuseFormats } from "./options/format.ts";
import { OFFSET } from "./options/offset.ts";
import { rangesStream, readRanges } from "./options/ranges/read-range-map.ts";
import * as shared from "./options/shared.ts";
import { StageCommand } from "./stage-command.ts";
import { refuseSharedConflicts } from "./sync/conflicts.ts";
import { onServers } from "./sync/on-servers.ts";
import type { Servers } from "./sync/work-on-ends.ts";
import { runSync } from "./sync/run-sync.ts";
import { shownOperands } from "./server-command.ts";

/** `blockcopy compare A B` */
export class CompareCommand extends StageCommand {
  static override paths = [["compare"]];

  /** Headings of the help, where they differ from those of other commands. */
  static titles = { what: "What to compare" };

  static override usage = Command.Usage({
    description: "compare two files or devices, here or on other hosts",
    details: `
      Reads A and B, regular files or block devices, compares them block by block, and writes to neither. The exit code is 0 if they are equal, and 1 if a block differs or one is longer than the other. Every other exit code means that they could not be compared.

      A, B or both may be on another host, or exports of NBD servers, also of one that is started for that ([ COMMAND ]), as for \`blockcopy sync\`. Each host reads its own file, and only digests go over the connection.

      A file or device in use is compared too; if it changes meanwhile, the result is about no moment in particular.
    `,
    examples: [
      ["Check a copy on another host", "$0 compare /dev/vg/disk root@host:/dev/vg/copy"],
      [
        "Find the ranges that differ, for `sync --ranges map.txt`",
        "$0 compare --ranges-out map.txt disk.img copy.img",
      ],
    ],
  });

  sourceFormat = shared.format("source", "A");

  destinationFormat = shared.format("destination", "B");

  start = value("--start", OFFSET, { group: "what", text: "Start at this OFFSET" });

  end = value("--end", OFFSET, { group: "what", text: "Stop at this OFFSET" });

  ranges = shared.ranges();

  rsh = shared.rsh();

  remoteCommand = shared.remoteCommand();

  sudo = shared.sudo();

  bootstrap = shared.bootstrap();

  noBootstrap = shared.noBootstrap();

  timeout = shared.timeout();

  bwlimit = shared.bwlimit();

  digest = shared.digest();

  blockSize = shared.blockSize("128K");

  quiet = flag("-q,--quiet", {
    group: "output",
    text: "Print nothing if they are equal, and no progress",
    isForTerminal: true,
  });

  progress = shared.progress();

  json = shared.json();

  drawMap = shared.drawMap();

  mapFile = shared.mapFile();

  rangesOut = value("--ranges-out", fileHere("MAP"), {
    group: "output",
    text: "Write the ranges of A that differ to this file, as a range map for `blockcopy sync --ranges`",
  });

  a = operand(fileName("A"));

  b = operand(fileName("B"));

  /** True if both ends are on this host. */
  isHere = false;

  override execute(): Promise<never> {
    const { quiet, progress, drawMap, mapFile, rangesOut, embedded } = this;
    const ends = [this.a, this.b];
    const [a = "", b = ""] = shownOperands(ends);
    const json = this.json || embedded;
    const output = { quiet, json, progress, stats: false, drawMap, mapFile, rangesOut };
    return runSync({
      name: "compare",
      source: a,
      destination: b,
      io: this.ioOf(a, b),
      dryRun: true,
      output: { ...output, metrics: undefined },
      verbose: this.wantsDetails,
      embedded,
      cutOff: { unfinished: "the comparison is not complete", again: "run it again" },
      streams: rangesStream(this.ranges),
      work: (context) => onServers(context, ends, (...running) => this.#compare(...running)),
    });
  }

  async #compare(
    context: LocalContext,
    [a = "", b = ""]: readonly string[],
    servers: Servers | undefined,
  ): Promise<CopyResult> {
    refuseStandardInput(a);
    refuseStandardInput(b);
    const [source, destination] = [parseEndpoint(a), parseEndpoint(b)];
    this.isHere = source.kind === "local" && destination.kind === "local";
    refuseSharedConflicts(this);
    refuseFormats(this, { from: source, to: destination });
    if (this.rsh !== undefined) {
      refuseUnusableRsh(this.rsh);
    }
    servers?.start();
    return compareEnds(context, {
      source,
      destination,
      remote: shared.remoteOptionsOf(this),
      options: this.#options(),
      extents:
        this.ranges === undefined
          ? undefined
          : await readRanges(context, this.ranges, pathHere(source)),
      keepRanges: this.rangesOut !== undefined,
    });
  }

  /** Returns what the two stages are told. */
  #options(): ComparisonOptions {
    const { direct, threads, queueDepth, wantsDetails, digest, blockSize, bwlimit } = this;
    const { start, end, ranges, drawMap, mapFile, sourceFormat, destinationFormat } = this;
    const map = drawMap || mapFile !== undefined;
    const reading = { direct, threads, queueDepth, wantsDetails, digest, blockSize, bwlimit };
    return { ...reading, sourceFormat, destinationFormat, start, end, ranges, map };
  }
}
