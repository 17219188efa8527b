import { Command, Option } from "clipanion";

import { OptionError, type StageContext } from "../stages/context.ts";
import { type Endpoint, parseEndpoint } from "../sync/endpoint.ts";
import { syncLocal } from "../sync/local.ts";
import { syncRemote } from "../sync/remote.ts";
import { Output } from "../transport/streams.ts";
import { isBlockSizeOption } from "./block-size.ts";
import { isCompress } from "./compress.ts";
import { DestinationCommand } from "./destination-command.ts";
import { isDigest } from "./digest.ts";
import { isOffset } from "./offset.ts";
import { runStage } from "./run-stage.ts";
import { isFileName, refuseStandardInput } from "./stage-command.ts";

/** `blockcopy sync SOURCE DESTINATION` */
export class SyncCommand extends DestinationCommand {
  static override paths = [["sync"]];

  static override usage = Command.Usage({
    description: "make a file or device equal to another one, here or on another host",
    details: `
      Reads SOURCE and DESTINATION, regular files or block devices, and writes the blocks that differ to DESTINATION. Succeeds only when they are on the disk.

      Either or both may be on another host: HOST:PATH or USER@HOST:PATH, as for scp, an IPv6 address in brackets, or ssh://USER@HOST:PORT/PATH. A file here whose name has a colon gets ./ before it. \`blockcopy\` must be installed there.

      A device that is mounted, or held by another device or process, is refused as DESTINATION. A virtual machine that is running on a file is not noticed: stop it, or copy a snapshot.
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
    description: "Only say what would be sent; open nothing for writing",
  });

  start = Option.String("--start", { description: "Begin at this OFFSET", validator: isOffset });

  end = Option.String("--end", {
    description: "End at this OFFSET; what follows is left alone",
    validator: isOffset,
  });

  digest = Option.String("--digest", {
    description: "Digest of the blocks between hosts: sha3-512, the default, or blake3",
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

  rsh = Option.String("-e,--rsh", "ssh", {
    description: "Connect with this command instead of ssh: words, which no shell looks at",
    validator: isFileName,
  });

  remoteCommand = Option.String("--remote-command", {
    description: "What `blockcopy` is called on the other host: words for the shell there",
    validator: isFileName,
  });

  sudo = Option.Boolean("--sudo", false, {
    description: "Run it there with `sudo -n`, which must not ask for a password",
  });

  progress = Option.Boolean("--progress", false, {
    description: "Report progress on standard error also where it is no terminal",
  });

  source = Option.String({ name: "SOURCE", validator: isFileName });

  destination = Option.String({ name: "DESTINATION", validator: isFileName });

  override execute(): Promise<never> {
    return runStage({
      name: "sync",
      done: "compared",
      verbose: this.wantsDetails,
      io: this.io,
      progress: this.progress,
      patience: 0,
      streams: [],
      work: async (context) => {
        refuseStandardInput(this.source);
        refuseStandardInput(this.destination);
        const [source, destination] = [parseEndpoint(this.source), parseEndpoint(this.destination)];
        if (source.kind === "remote" || destination.kind === "remote") {
          return this.#remote(context, source, destination);
        }
        this.#refuseBetweenHosts();
        return this.dryRun
          ? this.#remote(context, source, destination)
          : this.#local(context, source.path, destination.path);
      },
    });
  }

  /** @throws OptionError */
  #refuseBetweenHosts(): void {
    const other = Object.entries(this.#betweenHosts()).find(([, given]) => given);
    if (other !== undefined) {
      throw new OptionError(
        `${other[0]} is for copies between hosts, and both ends are here`,
        "leave it out; the three stages have it",
      );
    }
  }

  #local(context: StageContext, source: string, destination: string): Promise<string> {
    const { force, sparse } = this;
    return syncLocal(context, { source, destination, force, sparse });
  }

  /** The options that mean nothing for two files here. */
  #betweenHosts(): Record<string, boolean> {
    const { truncate, times, perms, owner, group } = this;
    return {
      "--allow-larger": this.allowLarger,
      "--start": this.start !== undefined,
      "--end": this.end !== undefined,
      "--digest": this.digest !== undefined,
      "--block-size": this.blockSize !== undefined,
      "--compress": this.compress !== undefined,
      "--remote-command": this.remoteCommand !== undefined,
      "--sudo": this.sudo,
      "--create": this.create,
      "--truncate": truncate,
      "--times": times,
      "--perms": perms,
      "--owner": owner,
      "--group": group,
      "--verify": this.verify !== "none",
      "--update-digests": this.updateDigests !== undefined,
    };
  }

  async #remote(
    context: StageContext,
    source: Endpoint,
    destination: Endpoint,
  ): Promise<string | undefined> {
    const { rsh, remoteCommand, sudo, dryRun } = this;
    const outcome = await syncRemote(context, {
      source,
      destination,
      retrieve: [
        ...this.#common(),
        ...valued("--compress", this.compress ?? "auto"),
        ...valued("--sizes", this.#sizes()),
        ...flags({ "--whole": this.start === undefined && this.end === undefined }),
      ],
      receive: [...this.#common(), ...this.#receiving()],
      far: { rsh, remoteCommand, sudo },
      dryRun,
    });
    if (!dryRun) {
      return outcome;
    }
    // What was asked for, not a word about it.
    await new Output(context.native, "outcome").finish([Buffer.from(`${outcome}\n`)]);
    return undefined;
  }

  /** Options of either stage. */
  #common(): string[] {
    const { direct, threads, queueDepth } = this;
    return [
      ...valued("--direct", direct),
      ...valued("--threads", threads),
      ...valued("--queue-depth", queueDepth),
      ...flags({ "--verbose": this.wantsDetails }),
    ];
  }

  #receiving(): string[] {
    const { force, sparse, create, truncate, times, perms, owner, group, numericIds } = this;
    return [
      ...flags({
        "--force": force,
        "--sparse": sparse,
        "--create": create,
        "--truncate": truncate,
        "--times": times,
        "--perms": perms,
        "--owner": owner,
        "--group": group,
        "--numeric-ids": numericIds,
      }),
      ...valued("--verify", this.verify),
      ...valued("--update-digests", this.updateDigests),
      ...valued("--cached", this.updateDigests),
      ...valued("--start", this.start),
      ...valued("--end", this.end),
      ...valued("--digest", this.digest),
      ...valued("--block-size", this.blockSize),
    ];
  }

  #sizes(): string {
    if (this.truncate || this.start !== undefined || this.end !== undefined) {
      return "any";
    }
    if (this.allowLarger) {
      return "larger";
    }
    return this.create ? "new" : "same";
  }
}

/** An option with its value as words of a command, unless it has none. */
function valued(option: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${option}=${value}`];
}

/** The options that are set. */
function flags(options: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(options).flatMap(([option, given]) => (given ? [option] : []));
}
