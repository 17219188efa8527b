import { UsageError } from "../../errors/copy-error.ts";
import { DEFAULT_TIMEOUT } from "../../sync/silence.ts";
import { DestinationCommand } from "../destination-command.ts";
import { SIZE } from "../options/block-size.ts";
import { METHOD } from "../options/compress.ts";
import { flag, value } from "../options/declare.ts";
import { ALGORITHM } from "../options/digest.ts";
import { COMMAND, fileHere, fileName, MAP_FILE } from "../options/file-name.ts";
import { SECONDS, STREAMS } from "../options/io-options.ts";
import { OFFSET } from "../options/offset.ts";
import { RATE } from "../options/rate.ts";
import { oneOf } from "../options/one-of.ts";
import { WIRE } from "../options/wire.ts";

/** The ways to get blockcopy to hosts without it. */
const HOW = oneOf("HOW", ["auto", "node", "single", "never"]);

/** Options of `sync`. */
export abstract class SyncOptionsCommand extends DestinationCommand {
  allowLarger = flag("--allow-larger", {
    group: "what",
    text: "Accept a DESTINATION that is larger than SOURCE, and leave its end as it is",
  });

  start = value("--start", OFFSET, { group: "what", text: "Start at this OFFSET" });

  end = value("--end", OFFSET, {
    group: "what",
    text: "Stop at this OFFSET; the rest of DESTINATION stays as it is",
  });

  ranges = value("--ranges", fileHere("MAP"), {
    group: "what",
    text: "Compare only the ranges in this range map, a file of this host or -, in whole blocks (see `blockcopy help checksum`)",
  });

  delta = value("--delta", fileHere("FILE"), {
    group: "what",
    text: "Write the blocks that differ to this file of this host, for `save DESTINATION`, and nothing to DESTINATION",
  });

  dryRun = flag("-n,--dry-run", {
    group: "safety",
    text: "Only say what would be sent, and write nothing; takes all options of the copy except --verify",
  });

  rsh = value("-e,--rsh", COMMAND, {
    group: "connection",
    text: "Connect with this command instead of ssh, split into words at spaces",
  });

  remoteCommand = value("--remote-command", COMMAND, {
    group: "connection",
    text: "Run this on the other host instead of blockcopy: words for the shell there",
  });

  sudo = flag("--sudo", {
    group: "connection",
    text: "Run it there with `sudo -n`, which must not ask for a password",
  });

  wire = value("--wire", WIRE, {
    group: "connection",
    text: "With 0.0.2, the other host has blockcopy 0.0.2, as in --remote-command 'python3 blockcopy.py'",
  });

  bootstrap = value("--bootstrap", HOW, {
    group: "connection",
    text: "Send to a host without blockcopy: node, this program for the Node there; single, an executable that needs none; auto, the first that works; never. Default: auto",
  });

  noBootstrap = flag("--no-bootstrap", {
    group: "connection",
    text: "The same as --bootstrap never: also run nothing that was sent there before",
  });

  timeout = value("--timeout", SECONDS, {
    group: "connection",
    text: `Fail when a stage or host says nothing for this many seconds, 0 for no limit. Default: ${DEFAULT_TIMEOUT}`,
  });

  compress = value("--compress", METHOD, {
    group: "speed",
    text: "Compress the blocks between hosts: none, lz4, zstd[:LEVEL], lzma[:LEVEL] or auto. Default: auto",
  });

  compressAuto = flag("-z", { group: "speed", text: "The same as --compress auto" });

  bwlimit = value("--bwlimit", RATE, {
    group: "speed",
    text: "Send at most RATE bytes per second in each direction, such as 20M (K, M, G: powers of 1024)",
  });

  streams = value("--streams", STREAMS, {
    group: "speed",
    text: "Copy over this number of connections to each host, up to 8, for links that are faster than one connection",
  });

  digest = value("--digest", ALGORITHM, {
    group: "speed",
    text: "Digest of the blocks between hosts: blake3 or sha3-512. Default: blake3",
  });

  blockSize = value("--block-size", SIZE, {
    group: "speed",
    text: "Bytes per block between hosts: a power of two from 4K to 16M. Default: 128K",
  });

  digestCache = value("--digest-cache", fileName("DIGESTS"), {
    group: "speed",
    text: "Keep the digests of DESTINATION in this file of its host, and send these the next time instead of reading DESTINATION",
  });

  quiet = flag("-q,--quiet", { group: "output", text: "Print errors only", isForTerminal: true });

  progress = flag("--progress", {
    group: "output",
    text: "Print progress even if standard error is not a terminal, one line per 5 %, and with --json",
    isForTerminal: true,
  });

  stats = flag("--stats", {
    group: "output",
    text: "Print the summary at the end even with -q and --json",
    isForTerminal: true,
  });

  json = flag("--json", {
    group: "output",
    text: "Write events to standard output as JSON, one object per line",
    isForTerminal: true,
  });

  drawMap = flag("--map", {
    group: "output",
    text: "Draw the change map, which shows where blocks differed",
  });

  mapFile = value("--map-file", MAP_FILE, {
    group: "output",
    text: "Write the change map to this file, as an image",
  });

  metrics = value("--metrics", fileHere("FILE"), {
    group: "output",
    text: "Write the result to this file, for the textfile collector of Prometheus",
  });

  /** True if the change map is wanted, drawn or in a file. */
  get map(): boolean {
    return this.drawMap || this.mapFile !== undefined;
  }

  /**
   * Sets what the short forms stand for.
   *
   * @throws UsageError
   */
  protected settleShortForms(): void {
    this.settleAttributes();
    if (!this.compressAuto) {
      return;
    }
    if (this.compress !== undefined) {
      throw new UsageError("-z and --compress say the same", "leave one of them out");
    }
    this.compress = "auto";
  }
}
