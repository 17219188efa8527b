import { Command } from "clipanion";

import { UsageError } from "../errors/copy-error.ts";
import { printable } from "../errors/printable.ts";
import { isExport } from "../native/export.ts";
import { absolute } from "../native/files.ts";
import type { ExtentList } from "../ranges/extents.ts";
import { wantsLegacy } from "../process/environment.ts";
import { attributeOptions } from "../stages/save/metadata.ts";
import {
  type Endpoint,
  parseEndpoint,
  pathHere,
  refuseSameExport,
} from "../sync/connection/endpoint.ts";
import { refuseUnusableRsh } from "../sync/connection/unusable-rsh.ts";
import { runCopy } from "../sync/copy.ts";
import type { CopyResult } from "../sync/copy-result.ts";
import type { LocalContext } from "../sync/local.ts";
import type { TunnelOptions } from "../sync/tunnel/tunnel-options.ts";
import type { Part } from "../blocks/part.ts";
import { operand, repeatedOperand } from "./options/declare.ts";
import { refuseOnExport } from "./options/export.ts";
import { refuseFormats, refuseOnImage } from "./options/format.ts";
import { fileName, refuseFar, refuseStandardInput } from "./options/file-name.ts";
import { ALLOCATION, rangesStream, readRanges } from "./options/ranges/read-range-map.ts";
import { remoteOptionsOf } from "./options/shared.ts";
import { tunnelOf } from "./options/transport.ts";
import { AuditTurn, failAudited } from "./sync/audit-turn.ts";
import { refuseTogether } from "./sync/conflicts.ts";
import { onServers } from "./sync/on-servers.ts";
import type { Servers } from "./sync/work-on-ends.ts";
import { SyncOptionsCommand } from "./sync/options-command.ts";
import { runSync } from "./sync/run-sync.ts";
import { shownOperands } from "./server-command.ts";

const DESTINATION = fileName("DESTINATION");

/** `blockcopy sync SOURCE DESTINATION` */
export class SyncCommand extends SyncOptionsCommand {
  static override paths = [["sync"]];

  static override usage = Command.Usage({
    description: "make a file or device equal to another one, here or on another host",
    details: `
      Reads SOURCE and DESTINATION, regular files or block devices, and writes the blocks that differ to DESTINATION. Succeeds only when they are on the disk.

      SOURCE, DESTINATION or both may be on another host: HOST:PATH or USER@HOST:PATH, as for scp, with an IPv6 address in brackets, or ssh://USER@HOST:PORT/PATH. Each can also be an export of an NBD server, which that host connects to: nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH, with nbds for TLS. To name a local file with a colon or an @ in its name, put ./ before it. A server on this host can be started for the copy, by its command in brackets: [ nbdkit memory 1G ]. If \`blockcopy\` is missing on the other host, it is sent there.

      A DESTINATION in use is refused: a device that is mounted, or held by another device or process; a file or device that a loop device uses, that a virtual machine (QEMU) or another copy has locked, or that another process has open for writing. --force writes to it nevertheless. A DESTINATION that shares bytes with SOURCE is always refused. If SOURCE is mounted, held or open for writing, there is a warning: copy a snapshot (--snapshot). Who else uses an export cannot be known.

      With several DESTINATIONs, SOURCE is on this host, and is read once for all of them. Each fails alone. The exit code is that of the first that failed, where 75 (run it again) comes last.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 sync root@host:/dev/vg/disk /dev/vg/copy",
      ],
      [
        "Send to another host, compressed, and compare the whole copy afterwards",
        "$0 sync -z --verify full /dev/vg/disk root@host:/dev/vg/copy",
      ],
      [
        "A volume that is in use on another host: copy a snapshot, which is removed afterwards",
        "$0 sync --snapshot auto root@host:/dev/vg/disk /dev/vg/copy",
      ],
      ["To three hosts at the same time", "$0 sync disk.img a:disk.img b:disk.img c:disk.img"],
      ["Two files here, where zeros become holes", "$0 sync --sparse disk.img copy.img"],
    ],
  });

  source = operand(fileName("SOURCE"));

  /** The destinations of the command line. */
  named = repeatedOperand(DESTINATION, "--destinations");

  /** The only destination. */
  get destination(): string {
    const [destination] = this.named;
    if (destination === undefined) {
      throw new TypeError("the destinations are in a list");
    }
    return destination;
  }

  /** @throws Error as clipanion would */
  checkOperands(): void {
    if (this.named.length === 0 && this.destinations === undefined) {
      throw new Error("an operand is missing");
    }
    for (const name of this.named) {
      const errors: string[] = [];
      if (!DESTINATION.validator(name, { errors })) {
        throw new Error(`Invalid value for ${DESTINATION.name}${errors[0]?.slice(1)}`);
      }
    }
  }

  /** True if both ends are on this host. */
  isHere = false;

  /** The part of DESTINATION that this run audits. */
  audit: Part | undefined;

  /** `compare` is a command of its own. */
  readonly compare = false;

  override async execute(): Promise<never> {
    if (this.named.length > 1 || this.destinations !== undefined) {
      const { syncMany } = await import("./sync/many/sync-many.ts");
      return syncMany(this, { declared: new SyncCommand(), io: this.ioOf(this.source) });
    }
    const ends = [this.source, this.destination];
    [this.source = "", ...this.named] = shownOperands([this.source, ...this.named]);
    const { source, destination, dryRun, quiet, progress, stats } = this;
    const { drawMap, mapFile, metrics, embedded } = this;
    const json = this.json || embedded;
    return runSync({
      name: "sync",
      source,
      destination,
      io: this.ioOf(source, destination),
      dryRun,
      output: { quiet, json, progress, stats, drawMap, mapFile, metrics, rangesOut: undefined },
      verbose: this.wantsDetails,
      embedded,
      cutOff:
        this.delta === undefined
          ? { unfinished: "the destination is not complete" }
          : { unfinished: "there is no delta", again: "run it again: nothing was written" },
      streams: rangesStream(this.ranges),
      work: (context) => onServers(context, ends, (...running) => this.#sync(...running)),
    });
  }

  async #sync(
    context: LocalContext,
    [source = "", destination = ""]: readonly string[],
    servers: Servers | undefined,
  ): Promise<CopyResult> {
    refuseStandardInput(source);
    refuseStandardInput(destination);
    const [from, to] = [parseEndpoint(source), parseEndpoint(destination)];
    this.isHere = from.kind === "local" && to.kind === "local";
    this.settleOptions();
    if (this.incremental !== undefined && this.snapshot === "none") {
      this.snapshot = "thin";
    }
    refuseSameExport(source, destination);
    this.#refuse(from, to);
    const turn = this.auditRuns === undefined ? undefined : this.#auditTurn(to, this.auditRuns);
    this.audit = turn?.part;
    const legacy = this.wire !== undefined || wantsLegacy();
    const tunnel = this.#tunnel(legacy);
    servers?.start();
    const copied = runCopy(context, {
      source: from,
      destination: to,
      remote: remoteOptionsOf(this),
      copy: this,
      tunnel,
      inStages: servers !== undefined,
      legacy,
      readRanges: (file) => this.#readRanges(context, file, pathHere(from)),
    });
    if (turn === undefined) {
      return copied;
    }
    return turn.end(await copied.catch((error: unknown) => failAudited(error, context)), this);
  }

  /**
   * Refuses options that exclude one another, or that do not work with these ends.
   *
   * @throws UsageError
   */
  #refuse(from: Endpoint, to: Endpoint): void {
    refuseTogether(this);
    refuseFormats(this, { from, to });
    const refused = {
      ...attributeOptions(this),
      "--create": this.create,
      "--lock": this.lock,
      "--digest-cache": this.digestCache !== undefined,
      "--streams": (this.streams ?? 1) > 1,
      "--incremental": this.incremental !== undefined,
    };
    refuseOnExport(to.path, refused);
    refuseOnImage(
      { format: this.destinationFormat, option: "--destination-format" },
      { ...refused, "--create": false },
    );
    refuseOnImage(
      { format: this.sourceFormat, option: "--source-format" },
      { "--snapshot": this.snapshot !== "none" },
    );
    if (to.kind === "local") {
      refuseFar("--digest-cache", this.digestCache);
    }
    if (this.rsh !== undefined) {
      refuseUnusableRsh(this.rsh);
    }
  }

  /** Begins one run of an audit. Its state file names the destination, for runs in other folders and other locales. */
  #auditTurn(to: Endpoint, runs: number): AuditTurn {
    const isPath = to.kind === "local" && !isExport(to.path);
    const name = isPath ? absolute(to.path) : this.destination;
    return AuditTurn.next(runs, this.auditState, printable(name, { ascii: true }));
  }

  /** Reads the range map, and warns of one that does not tell what has changed. */
  async #readRanges(
    context: LocalContext,
    map: string,
    source: string | undefined,
  ): Promise<ExtentList> {
    const ranges = await readRanges(context, map, source);
    if (map === ALLOCATION && this.auditRuns === undefined) {
      context.warn(
        `what ${this.source} has not allocated is not compared: ${this.destination} is only equal to it if it is zero there (--audit compares a share of it)`,
      );
    }
    return ranges;
  }

  #tunnel(legacy: boolean): TunnelOptions | undefined {
    const tunnel = tunnelOf(this);
    if (tunnel !== undefined && legacy) {
      throw new UsageError(
        "--transport does not work with BLOCKCOPY_WIRE: blockcopy 0.0.2 has no direct connections",
        "unset BLOCKCOPY_WIRE, or leave out --transport",
      );
    }
    return tunnel;
  }
}
