import { Command, Option } from "clipanion";

import { type Endpoint, parseEndpoint } from "../sync/connection/endpoint.ts";
import { type LocalContext, syncLocal } from "../sync/local.ts";
import { syncDelta } from "../sync/delta.ts";
import type { CopyResult } from "../sync/copy-result.ts";
import { syncLegacy } from "../sync/legacy/copy.ts";
import { syncRemote } from "../sync/remote.ts";
import { DEFAULT_TIMEOUT } from "../sync/silence.ts";
import { refuseUselessRsh } from "../sync/connection/useless-rsh.ts";
import { isStandardInput } from "../transport/streams/standard-input.ts";
import { isBlockSizeOption } from "./options/block-size.ts";
import { isCompress } from "./options/compress.ts";
import { DestinationCommand } from "./destination-command.ts";
import { isDigest } from "./options/digest.ts";
import { wantsExactWire } from "../process/environment.ts";
import { isStreams, isTimeout } from "./options/io-options.ts";
import { isMapFile } from "./options/map-option.ts";
import { isOffset } from "./options/offset.ts";
import { isRate } from "./options/rate.ts";
import { readMap } from "./options/read-map.ts";
import { runSync } from "./run-sync.ts";
import { isFileHere, isFileName, refuseFar, refuseStandardInput } from "./options/file-name.ts";
import { refuseTogether } from "./options/sync-options.ts";
import { isWire } from "./options/wire.ts";

/** `blockcopy sync SOURCE DESTINATION` */
export class SyncCommand extends DestinationCommand {
  static override paths = [["sync"]];

  static override usage = Command.Usage({
    description: "make a file or device equal to another one, here or on another host",
    details: `
      Reads SOURCE and DESTINATION, regular files or block devices, and writes the blocks that differ to DESTINATION. Succeeds only when they are on the disk.

      Either or both may be on another host: HOST:PATH or USER@HOST:PATH, as for scp, an IPv6 address in brackets, or ssh://USER@HOST:PORT/PATH. A file here whose name has a colon or an @ gets ./ before it. \`blockcopy\` is sent there if it is missing.

      A DESTINATION that is in use is refused: a device that is mounted, or held by another device or process; a file or device that a loop device lies on, that a virtual machine (QEMU) or another copy has locked, or that somebody else has open for writing. --force writes to it nevertheless. One that shares bytes with SOURCE is always refused. If SOURCE is mounted, held, or open for writing, there is a warning: copy a snapshot.
    `,
    examples: [
      [
        "Make /dev/vg/copy equal to /dev/vg/disk of another host",
        "$0 sync root@host:/dev/vg/disk /dev/vg/copy",
      ],
      [
        "The same the other way round, compressed, with proof",
        "$0 sync --compress auto --verify full /dev/vg/disk root@host:/dev/vg/copy",
      ],
      ["Two files here, where zeros become holes", "$0 sync --sparse disk.img copy.img"],
    ],
  });

  allowLarger = Option.Boolean("--allow-larger", false, {
    description: "Leave the end of a DESTINATION alone that is larger than SOURCE",
  });

  dryRun = Option.Boolean("-n,--dry-run", false, {
    description:
      "Only say what would be sent, and open nothing for writing; takes the options of the copy, but not --verify",
  });

  start = Option.String("--start", { description: "Begin at this OFFSET", validator: isOffset });

  end = Option.String("--end", {
    description: "End at this OFFSET; what follows is left alone",
    validator: isOffset,
  });

  ranges = Option.String("--ranges", {
    description:
      "Look only at the ranges that this MAP, a file here or -, has, in whole blocks (see `checksum`)",
    validator: isFileHere,
  });

  delta = Option.String("--delta", {
    description:
      "Write what differs to this file here, for `save DESTINATION`, and nothing to DESTINATION",
    validator: isFileHere,
  });

  digest = Option.String("--digest", {
    description: "Digest of the blocks between hosts: blake3, the default, or sha3-512",
    validator: isDigest,
  });

  blockSize = Option.String("--block-size", {
    description: "Bytes in a block between hosts: a power of two from 4K to 16M; 128K unless given",
    validator: isBlockSizeOption,
  });

  compress = Option.String("--compress", {
    description:
      "Compress what goes between hosts: none, lz4, zstd[:LEVEL], lzma[:LEVEL] or auto, the default",
    validator: isCompress,
  });

  bwlimit = Option.String("--bwlimit", {
    description:
      "Send no more than this RATE of bytes a second either way, as 20M (K, M, G: powers of 1024)",
    validator: isRate,
  });

  digestCache = Option.String("--digest-cache", {
    description:
      "Keep the digests of DESTINATION in this file of its host, and send those that are there instead of reading it",
    validator: isFileName,
  });

  streams = Option.String("--streams", {
    description:
      "Copy over that many connections to each host, up to 8, each a part of the whole: for links that are faster than one",
    validator: isStreams,
  });

  rsh = Option.String("-e,--rsh", {
    description: "Connect with this command instead of ssh: words, which no shell looks at",
    validator: isFileName,
  });

  remoteCommand = Option.String("--remote-command", {
    description: "What `blockcopy` is called on the other host: words for the shell there",
    validator: isFileName,
  });

  timeout = Option.String("--timeout", {
    description: `Give up a stage or host that has said nothing for this many seconds: ${DEFAULT_TIMEOUT} unless given, 0 for never`,
    validator: isTimeout,
  });

  sudo = Option.Boolean("--sudo", false, {
    description: "Run it there with `sudo -n`, which must not ask for a password",
  });

  wire = Option.String("--wire", {
    description:
      "0.0.2: what is on the other host is blockcopy 0.0.2, as `--remote-command 'python3 blockcopy.py'`",
    validator: isWire,
  });

  noBootstrap = Option.Boolean("--no-bootstrap", false, {
    description:
      "Send no blockcopy to a host that has none, nor run one that was sent there before",
  });

  quiet = Option.Boolean("-q,--quiet", false, { description: "Say nothing but errors" });

  json = Option.Boolean("--json", false, {
    description: "Write events on standard output: JSON, one object a line",
  });

  drawn = Option.String("--map", false, {
    description:
      "Draw where the blocks were that differed, or write that to a file, as --map FILE.svg",
    tolerateBoolean: true,
    validator: isMapFile,
  });

  metrics = Option.String("--metrics", {
    description: "Write to this file how it went, for the textfile collector of Prometheus",
    validator: isFileHere,
  });

  source = Option.String({ name: "SOURCE", validator: isFileName });

  destination = Option.String({ name: "DESTINATION", validator: isFileName });

  /** True if both ends are on this host. */
  isHere = false;

  override execute(): Promise<never> {
    const { source, destination, io, dryRun, quiet, json, drawn: map, metrics } = this;
    return runSync({
      source,
      destination,
      io,
      dryRun,
      quiet,
      json,
      map,
      metrics,
      verbose: this.wantsDetails,
      cutOff:
        this.delta === undefined
          ? { unfinished: "the destination is not complete" }
          : { unfinished: "there is no delta", again: "run it again: nothing was written" },
      streams:
        this.ranges !== undefined && isStandardInput(this.ranges)
          ? [{ fd: 0, name: "the map", other: "thin_delta ..." }]
          : [],
      work: async (context) => {
        refuseStandardInput(this.source);
        refuseStandardInput(this.destination);
        const [from, to] = [parseEndpoint(source), parseEndpoint(destination)];
        this.isHere = from.kind === "local" && to.kind === "local";
        refuseTogether(this);
        if (to.kind === "local") {
          refuseFar("--digest-cache", this.digestCache);
        }
        if (this.rsh !== undefined) {
          refuseUselessRsh(this.rsh);
        }
        if (from.kind === "local" && to.kind === "local") {
          if (!this.dryRun && !this.#needsStages()) {
            return this.#local(context, from.path, to.path);
          }
        }
        return this.#joined(context, from, to);
      },
    });
  }

  #local(context: LocalContext, source: string, destination: string): Promise<CopyResult> {
    const { force, lock, sparse, map } = this;
    return syncLocal(context, { source, destination, force, lock, sparse, map });
  }

  /** Whether it takes more than comparing two files of a size and writing what differs: what the stages of a copy between hosts can do. */
  #needsStages(): boolean {
    const { create, truncate, times, perms, owner, group, allowLarger } = this;
    const { start, end, ranges, delta, digest, blockSize, compress } = this;
    const { digestCache, bwlimit, streams } = this;
    const set = [create, truncate, times, perms, owner, group, allowLarger];
    const reading = [start, end, ranges, delta, digest, blockSize];
    const sending = [compress, digestCache, bwlimit, streams];
    return (
      set.includes(true) ||
      this.verify !== "none" ||
      [...reading, ...sending].some((value) => value !== undefined)
    );
  }

  async #joined(
    context: LocalContext,
    source: Endpoint,
    destination: Endpoint,
  ): Promise<CopyResult> {
    const { rsh = "ssh", remoteCommand, sudo, noBootstrap, ranges, delta } = this;
    const remote = {
      rsh,
      remoteCommand,
      sudo,
      bootstrap: !noBootstrap,
      timeout: this.timeout ?? DEFAULT_TIMEOUT,
    };
    const plan = { source, destination, remote, copy: this };
    if (this.#isLegacy(source, destination)) {
      return syncLegacy(context, plan);
    }
    if (delta !== undefined) {
      return syncDelta(context, plan, delta);
    }
    const extents = ranges === undefined ? undefined : await readMap(context, ranges);
    return syncRemote(context, { ...plan, extents });
  }

  /** Whether what is on the other hosts is blockcopy 0.0.2. */
  #isLegacy(source: Endpoint, destination: Endpoint): boolean {
    const between = source.kind === "remote" || destination.kind === "remote";
    return between && (this.wire !== undefined || wantsExactWire());
  }

  /** Whether it is wanted where the blocks are that differ. */
  get map(): boolean {
    return this.drawn !== false;
  }
}
