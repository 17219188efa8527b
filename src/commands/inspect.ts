import { Command, Option } from "clipanion";

import { inspect } from "../inspect/inspect.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { formatBriefly } from "../ui/format.ts";
import { printLine } from "../ui/stderr.ts";
import { forcedSimd } from "../process/environment.ts";
import { runCommand } from "./run-command.ts";
import { isFileName, refuseHost } from "./options/file-name.ts";
import { AnyCommand } from "./stage-command.ts";

/** `blockcopy inspect [STREAM]` */
export class InspectCommand extends AnyCommand {
  static override paths = [["inspect"]];

  static override usage = Command.Usage({
    description: "show what is in a stream",
    details: `
      Reads STREAM, a file that holds what checksum or retrieve wrote, and writes a line for each frame, and for the trailer behind the block stream: where in the stream it begins, its command, and what it says. Without STREAM, and as \`-\`, standard input is read.

      A stream that is cut off or damaged is shown up to there, and the exit code is 76. The blocks of an extended stream are compared with the digests that came with them; those of blockcopy 0.0.2 have none.
    `,
    examples: [
      ["Look at a stream that was kept in a file", "$0 inspect /root/hashes"],
      [
        "How much would be sent, in all",
        "$0 retrieve /dev/vg/disk < hashes | $0 inspect --summary",
      ],
    ],
  });

  summary = Option.Boolean("--summary", false, {
    description: "Write what the stream has in all, instead of each frame",
  });

  json = Option.Boolean("--json", false, {
    description: "Write JSON, one object a line",
  });

  stream = Option.String({ name: "STREAM", required: false, validator: isFileName });

  override execute(): Promise<never> {
    const { summary, json, stream } = this;
    const file = stream === undefined || isStandardInput(stream) ? undefined : stream;
    let read: (() => number) | undefined;
    const stdin = { fd: 0, name: "input_stream", other: "blockcopy checksum FILE" } as const;
    return runCommand({
      name: "inspect",
      verbose: this.wantsDetails,
      streams: file === undefined ? [stdin] : [],
      unfinished: "the stream is not shown to its end",
      again: "run it again",
      forPeople: true,
      tell: () =>
        printLine(
          `blockcopy inspect: ${read === undefined ? "nothing has begun yet" : `${formatBriefly(read())} read`}`,
        ),
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
