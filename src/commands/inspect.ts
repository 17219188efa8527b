import { Command } from "clipanion";

import { inspect } from "../inspect/inspect.ts";
import { forcedSimd } from "../process/environment.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { formatBriefly } from "../ui/format.ts";
import { printLine } from "../ui/stderr.ts";
import { flag, optionalOperand } from "./options/declare.ts";
import { fileName, refuseHost } from "./options/file-name.ts";
import { runCommand } from "./run/run-command.ts";
import { AnyCommand } from "./stage-command.ts";

const STDIN = { fd: 0, name: "input_stream", other: "blockcopy checksum FILE" } as const;

/** `blockcopy inspect [STREAM]` */
export class InspectCommand extends AnyCommand {
  static override paths = [["inspect"]];

  static override usage = Command.Usage({
    description: "show what is in a stream",
    details: `
      Reads STREAM, a file with the output of checksum or retrieve, and prints a line for each frame, and one for the trailer after a block stream: its offset in the stream, its command, and its content. If STREAM is \`-\` or missing, it reads standard input.

      A stream that is cut off or damaged is shown up to there, and the exit code is 76. The blocks of an extended stream are compared with the digests that came with them; those of blockcopy 0.0.2 have no digests.
    `,
    examples: [
      ["Look at a stream that was kept in a file", "$0 inspect /root/hashes"],
      [
        "Show how much would be sent in total",
        "$0 retrieve /dev/vg/disk < hashes | $0 inspect --summary",
      ],
    ],
  });

  summary = flag("--summary", {
    group: "output",
    text: "Print a summary of the stream instead of each frame",
  });

  json = flag("--json", { group: "output", text: "Print JSON, one object per line" });

  stream = optionalOperand(fileName("STREAM"));

  override execute(): Promise<never> {
    const { summary, json, stream } = this;
    const file = stream === undefined || isStandardInput(stream) ? undefined : stream;
    let read: (() => number) | undefined;
    return runCommand({
      name: "inspect",
      verbose: this.wantsDetails,
      streams: file === undefined ? [STDIN] : [],
      unfinished: "the stream is not shown to its end",
      again: "run it again",
      forPeople: true,
      tell: () => {
        const progress =
          read === undefined ? "nothing has begun yet" : `${formatBriefly(read())} read`;
        printLine(`blockcopy inspect: ${progress}`);
      },
      work: async ({ native, debug }) => {
        refuseHost("inspect", file ?? "");
        return inspect(
          { native, debug, reading: (bytes) => (read = bytes) },
          () =>
            new native.Engine({ simd: forcedSimd(), threads: undefined, queueDepth: undefined }),
          { file, summary, json },
        );
      },
    });
  }
}
