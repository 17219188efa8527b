import { UsageError } from "../../../errors/copy-error.ts";
import { wantsLegacy } from "../../../process/environment.ts";
import type { Compress } from "../../../stages/retrieve/compression.ts";
import { attributeOptions } from "../../../stages/save/metadata.ts";
import { refuseSameExport } from "../../../sync/connection/endpoint.ts";
import { refuseUnusableRsh } from "../../../sync/connection/unusable-rsh.ts";
import { compressOf } from "../../../sync/stage-arguments.ts";
import type { Destination } from "../../../sync/many/copy-to-many.ts";
import { Window } from "../../../stages/retrieve/shared/window.ts";
import { formatBytes } from "../../../ui/format.ts";
import type { SyncOptionsCommand } from "../options-command.ts";
import { parseCompress } from "../../options/compress.ts";
import { refuseOnExport } from "../../options/export.ts";
import type { IoOptions } from "../../options/io-options.ts";
import { remoteOptionsOf } from "../../options/shared.ts";
import { tunnelOf } from "../../options/transport.ts";
import { refuseTogether, type SyncOptions } from "../conflicts.ts";
import { parseDestinations, parseSource } from "./destinations.ts";
import { isCommand, shownOperand } from "../../server-command.ts";
import { destinationsStream, readDestinations } from "./read-destinations.ts";
import { refuseOptions } from "./refuse-options.ts";
import { runMany } from "./run-many.ts";

/** The command `sync`, with its operands. */
type CommandWithOperands = SyncOptionsCommand &
  Pick<SyncOptions, "isHere" | "audit" | "compare"> & { source: string; named: string[] };

/**
 * Runs `sync` with several destinations and ends the process.
 *
 * @param declared a command of the same class, as it is before the command line has been read
 */
export function syncMany(
  command: CommandWithOperands,
  { declared, io }: { declared: CommandWithOperands; io: IoOptions },
): Promise<never> {
  const { source, named, destinations: list } = command;
  const { dryRun, quiet, progress, stats, json } = command;
  const files = { drawMap: false, mapFile: undefined, metrics: undefined, rangesOut: undefined };
  return runMany({
    io,
    dryRun,
    output: { quiet, json, progress, stats, ...files },
    verbose: command.wantsDetails,
    streams: destinationsStream(list),
    plan: async (native) => {
      refuseServers([source, ...named]);
      const path = parseSource(source);
      const listed = list === undefined ? [] : await readDestinations(native, list);
      const destinations = parseDestinations([...named, ...listed]);
      command.isHere = destinations.every(({ end }) => end.kind === "local");
      refuse(command, declared);
      destinations.forEach((destination) => refuseExport(command, destination));
      return {
        source: path,
        destinations,
        remote: remoteOptionsOf(command),
        copy: command,
        compress: {
          local: compressFor(command, { linked: false }),
          remote: compressFor(command, { linked: true }),
        },
        tunnel: tunnelOf(command),
      };
    },
  });
}

/** @throws UsageError for the command of a server */
function refuseServers(operands: readonly string[]): void {
  const operand = operands.find(isCommand);
  if (operand !== undefined) {
    throw new UsageError(
      `${shownOperand(operand)} does not work with several destinations: a server is started for a copy with one`,
      "start the server yourself, and give the URI of its export",
    );
  }
}

/** @throws UsageError */
function refuse(command: CommandWithOperands, declared: CommandWithOperands): void {
  refuseOptions(command, declared);
  command.settleOptions();
  refuseTogether(command);
  if (wantsLegacy()) {
    throw new UsageError(
      "BLOCKCOPY_WIRE does not work with several destinations: blockcopy 0.0.2 does not say which blocks it has",
      "unset BLOCKCOPY_WIRE, or run one `sync` for each destination",
    );
  }
  const { blockSize = 0, rsh } = command;
  if (blockSize > Window.MAX_BLOCK_SIZE) {
    throw new UsageError(
      `with several destinations, a block has at most ${formatBytes(Window.MAX_BLOCK_SIZE)}`,
      "give a smaller --block-size, or run one `sync` for each destination",
    );
  }
  if (rsh !== undefined) {
    refuseUnusableRsh(rsh);
  }
}

/**
 * Refuses an export that is the source too, and options that do not work with an export.
 *
 * @throws UsageError
 */
function refuseExport(command: CommandWithOperands, { end, name }: Destination): void {
  refuseSameExport(command.source, name);
  const { create, lock } = command;
  refuseOnExport(end.path, {
    ...attributeOptions(command),
    "--create": create,
    "--lock": lock,
  });
}

function compressFor(command: CommandWithOperands, link: { linked: boolean }): Compress {
  return parseCompress(compressOf(command, link)) ?? { method: "none", level: undefined };
}
